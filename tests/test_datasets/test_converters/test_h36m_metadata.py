import os
from pathlib import Path

import numpy as np
import pytest

from mmxas.datasets.converters.h36m_metadata import all_cameras, camera_parameters, read_metadata
from mmxas.io.safe_pickle import load_pickle

from .archives import CAMERAS, INTRINSICS, PLACE, metadata_xml, to_camera

DATA = Path(os.environ.get('MMXAS_DATA_DIR') or Path(__file__).parents[3] / '../shared/data').resolve() / 'h36m'


@pytest.fixture
def file(tmp_path):
    path = tmp_path / 'metadata.xml'
    path.write_text(metadata_xml({'S1': ['Directions 1', 'Directions'], 'S9': ['Directions 1', '']}))
    return path


def test_recordings_and_cameras(file):
    metadata = read_metadata(file)
    assert metadata.recordings['S1'] == ('Directions 1', 'Directions')
    assert metadata.recordings['S9'] == ('Directions 1', ) and metadata.recordings['S11'] == ()
    assert metadata.camera_ids == CAMERAS and len(all_cameras(metadata)) == 44


def test_a_camera_is_in_the_form_of_mmpose(file):
    camera = camera_parameters(read_metadata(file), 11, 3)
    assert (camera['w'], camera['h'], camera['name'], camera['id']) == (1000, 1002, 'camera4', '60457274')
    assert np.allclose(camera['T'][:, 0] * 1000, PLACE)
    points = np.array([[10.0, 20.0, 30.0], [-400.0, 900.0, 1.0]])
    assert np.allclose((points - PLACE) @ camera['R'], to_camera(points))
    assert np.allclose(np.concatenate([camera[key][:, 0] for key in 'fckp']), INTRINSICS)


@pytest.mark.skipif(not DATA.is_dir(), reason=f'no sample of Human3.6M in {DATA} (set MMXAS_DATA_DIR)')
def test_the_form_is_that_of_the_real_file(file):
    real, made = load_pickle(DATA / 'cameras.pkl'), all_cameras(read_metadata(file))
    assert real.keys() == made.keys()
    for key, camera in real.items():
        assert camera.keys() == made[key].keys()
        for name, value in camera.items():
            assert np.shape(value) == np.shape(made[key][name]) and type(value) is type(made[key][name]), name
        assert all(camera[name] == made[key][name] for name in ('w', 'h', 'name', 'id'))


def test_bad_files_are_named(tmp_path, file):
    with pytest.raises(FileNotFoundError, match='no such camera file; metadata.xml comes with the code'):
        read_metadata(tmp_path / 'absent.xml')
    text = file.read_text()
    for broken in ('<metadata>', '<metadata></metadata>', text.replace('dbcameras', 'other')):
        file.write_text(broken)
        with pytest.raises(ValueError, match=r'not the metadata.xml of Human3.6M'):
            read_metadata(file)
    file.write_text(text.replace(repr(PLACE.tolist()[0]), ''))
    with pytest.raises(ValueError, match='4 cameras with 256 parameters, expected 4 with 300'):
        read_metadata(file)
