import builtins
import os
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from mmxas.datasets.converters import mpi_inf_3dhp_files as files
from mmxas.io.safe_pickle import load_pickle

from .archives import CALIBRATION, mpi_poses, write_mpi, write_mpi_test

DATA = Path(os.environ.get('MMXAS_DATA_DIR') or Path(__file__).parents[3] / '../shared/data').resolve() / 'mpi_inf_3dhp'


@pytest.fixture(scope='module')
def archive(tmp_path_factory):
    return write_mpi_test(write_mpi(tmp_path_factory.mktemp('mpi'), subjects=('S1', ), cameras=()))


def test_cameras(archive):
    cameras = files.read_calibration(archive / 'S1' / 'Seq1' / 'camera.calibration')
    assert list(cameras) == list(range(14))
    camera = cameras[7]
    assert camera['f'].tolist() == [[107], [107]] and camera['c'].tolist() == [[32], [31]]
    assert camera['T'].tolist() == [[0.1], [0.2], [4.007]] and (camera['w'], camera['h']) == (64, 64)


@pytest.mark.skipif(not DATA.is_dir(), reason=f'no sample of MPI-INF-3DHP in {DATA} (set MMXAS_DATA_DIR)')
def test_the_form_is_that_of_the_real_file(archive):
    real = load_pickle(DATA / 'cameras_train.pkl')['S1_Seq1_Cam0']
    made = files.read_calibration(archive / 'S1' / 'Seq1' / 'camera.calibration')[0]
    assert real.keys() == made.keys() and real['name'] == made['name']
    assert all(np.shape(real[key]) == np.shape(made[key]) for key in real)


def test_annotations_of_each_camera(archive):
    annotations = files.read_annotations(archive / 'S1' / 'Seq1' / 'annot.mat')
    points, pixels = mpi_poses(4)
    assert np.array_equal(annotations[4][0], pixels) and np.array_equal(annotations[4][1], points)


def test_annotations_of_the_test_set(archive):
    content = files.read_test_annotations(archive / 'TS6' / 'annot_data.mat')
    points, pixels = mpi_poses(3, 17)
    assert np.array_equal(content['points'], points) and np.array_equal(content['pixels'], pixels)
    assert content['valid'].tolist() == [True, False, True, True, True, True]
    assert content['action'].tolist() == ['Standing'] * 2 + ['Exercise', 'Sitting'] + ['Miscellaneous'] * 2
    focal, centre = files.fit_intrinsics(points, pixels)
    assert np.allclose(focal, 103) and np.allclose(centre, [32, 31])


def test_hidden_keypoints():
    mask = np.full((10, 20, 3), 255, np.uint8)
    mask[:, 10:, 2] = 5  # red alone counts
    mask[:, :, 0] = 0
    no_chair = files.foreground(mask)
    assert no_chair[:, :10].all() and not no_chair[:, 10:].any()
    pixels = np.array([[9.9, 5], [10.0, 5], [19.9, 9.9], [20.0, 5], [15, -0.1], [-1, 3]])
    assert files.num_hidden(no_chair, pixels) == 2


def test_bad_files_are_named(tmp_path):
    for read, name in ((files.read_calibration, 'camera.calibration'), (files.read_annotations, 'annot.mat'),
                       (files.read_test_annotations, 'annot_data.mat')):
        with pytest.raises(FileNotFoundError, match=f'{name}: no such'):
            read(tmp_path / name)
        (tmp_path / name).write_text('nothing of the kind')
        with pytest.raises((OSError, ValueError), match=name):
            read(tmp_path / name)
    text = CALIBRATION.format(number=3, focal=100, depth=4000)
    (tmp_path / 'camera.calibration').write_text(text.replace('1 0 0 100', '0 100'))
    with pytest.raises(ValueError, match="camera 3: 14 values of 'extrinsic', expected 16"):
        files.read_calibration(tmp_path / 'camera.calibration')
    cells = np.empty((1, 1), object)
    cells[0, 0] = np.zeros((5, 34))
    savemat(tmp_path / 'annot.mat', {'annot2': cells, 'annot3': cells, 'cameras': [[8]]})
    with pytest.raises(ValueError, match='camera 8: 34 and 34 numbers per frame, expected 28 keypoints'):
        files.read_annotations(tmp_path / 'annot.mat')


def test_another_number_of_keypoints_in_the_test_set(tmp_path):
    h5py = pytest.importorskip('h5py', reason='h5py is optional: pip install h5py')
    with h5py.File(tmp_path / 'annot_data.mat', 'w') as file:
        file['annot2'], file['annot3'] = np.zeros((5, 1, 16, 2)), np.zeros((5, 1, 16, 3))
        file['valid_frame'], file['activity_annotation'] = np.ones((5, 1)), np.ones((5, 1))
    with pytest.raises(ValueError, match='for 5 frames, expected 17 keypoints of 2'):
        files.read_test_annotations(tmp_path / 'annot_data.mat')


def test_without_h5py_it_says_so(archive, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith('h5py'):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, '__import__', without)
    with pytest.raises(ImportError, match='read by h5py, which is not installed: pip install h5py'):
        files.read_test_annotations(archive / 'TS1' / 'annot_data.mat')
