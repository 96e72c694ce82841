import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config

from mmxas.datasets.converters import mpi_inf_3dhp
from mmxas.datasets.datasets import MPIINF3DHPDataset
from mmxas.ops.geometry import camera_to_image
from mmxas.registry import DATASETS

from .archives import FRAMES, cut_video, grey_frames, mpi_poses, snapshot, write_mpi, write_mpi_test

pytest.importorskip('h5py', reason='h5py is optional: pip install h5py')
CAMERAS = dict(cameras=[0, 4], step=1)
TRAIN = 'annotations/mpi_inf_3dhp_train.npz'


@pytest.fixture(scope='module')
def archive(tmp_path_factory):
    return write_mpi_test(write_mpi(tmp_path_factory.mktemp('mpi') / 'archive'))


@pytest.fixture(scope='module')
def converted(archive, tmp_path_factory):
    out = tmp_path_factory.mktemp('mpi_out')
    counts = mpi_inf_3dhp.convert(archive, out, subjects=['S1', 'S7', 'TS1', 'TS6'], masks=True, **CAMERAS)
    assert counts == {'train': 2 * 2 * 2 * FRAMES, 'test': 2 * (FRAMES - 1)}
    return out


def build(root, **kwargs):
    given = dict(ann_file=TRAIN, data_prefix=dict(img='images', mask='masks'), with_labels=True)
    return MPIINF3DHPDataset(data_root=str(root), **{**given, **kwargs}, skeleton='h36m18')


def test_poses_images_and_masks_arrive(converted):
    content = np.load(converted / TRAIN)
    points, pixels = mpi_poses(4)
    rows = [i for i, name in enumerate(content['imgname']) if name.startswith('S7_Seq2_Cam4')]
    assert content['imgname'][rows[1]] == 'S7_Seq2_Cam4_000002.jpg'
    assert np.abs(content['S'][rows, :, :3] * 1000 - points).max() < 1e-9
    assert np.array_equal(content['part'][rows, :, :2], pixels)
    image = cv2.imread(str(converted / 'images' / 'S7_Seq2_Cam4_000002.jpg'))
    assert image.mean() == pytest.approx(40, abs=2)
    mask = cv2.imread(str(converted / 'masks' / 'S7_Seq2_Cam4_000002.png'), cv2.IMREAD_GRAYSCALE)
    assert (mask[:28, :28] == 255).all() and mask[36:].max() == 0 and mask[:, 36:].max() == 0


def test_occluded_frames_are_left_out(converted):
    content = np.load(converted / TRAIN)
    (row, ) = np.flatnonzero(content['imgname'] == 'S1_Seq1_Cam4_000003.jpg')
    behind = (mpi_poses(4)[1][2, :, 0] >= 32).sum()
    assert behind > 4 and abs(int(content['hidden'][row]) - behind) <= 3  # the video is compressed: the edge is soft
    assert content['hidden'].sum() == 2 * content['hidden'][row]  # Seq1 and Seq2
    assert len(build(converted, drop_occluded=None)) == 48
    assert len(build(converted, drop_occluded='view')) == 46
    left = build(converted)
    assert len(left) == 44
    lost = {(info['sequence'], info['frame']) for info in build(converted, drop_occluded=None).load_data_list()}
    lost -= {(info['sequence'], info['frame']) for info in left.load_data_list()}
    assert lost == {('S1_Seq1', 3), ('S1_Seq2', 3)}
    assert len(build(converted, max_hidden=28)) == 48


def test_subjects_cameras_and_the_test_set(converted):
    assert len(build(converted, subjects=['S7'], cameras=['0'], actions=['Seq2'], sample_interval=2)) == 3
    info = build(converted, subjects=['S7'], cameras=['4']).get_data_info(1)
    assert (info['subject'], info['camera_name'], info['action'], info['frame']) == ('S7', '4', 'Seq1', 2)
    assert np.allclose(info['camera']['t'], [100, 200, 4004])
    points, pixels = mpi_poses(4)
    assert np.abs(info['keypoints_cam'][0, [0, 7, 17]] - points[1, [4, 2, 1]]).max() < 1e-3
    test = build(converted, ann_file='annotations/mpi_inf_3dhp_test.npz', camera_file='annotations/cameras_test.pkl',
                 data_prefix=dict(img='images'), drop_occluded=None, subjects=['TS6'])
    actions = [test.get_data_info(i)['action'] for i in range(len(test))]
    assert actions == ['Standing', 'Exercise', 'Sitting', 'Miscellaneous', 'Miscellaneous']
    info = test.get_data_info(1)
    projected = camera_to_image(info['keypoints_cam'][0].astype(float), info['camera']['K'])[:17, :2]
    assert info['frame'] == 3 and np.abs(projected - info['keypoints'][0, :17]).max() < 1e-3


def test_the_config_reads_it(converted):
    config = Config.fromfile(Path(__file__).parents[3] / 'configs/_base_/datasets/mpi_inf_3dhp.py')
    given = {**config.test_dataloader.dataset, 'data_root': str(converted), 'skeleton': 'h36m18'}
    dataset = DATASETS.build(given)
    assert len(dataset) == 2 * 2 * FRAMES // 2  # every second frame of both videos of both sequences of subject 7
    sample = dataset[0]['data_samples']
    assert sample.metainfo['rect_3d_width'] == pytest.approx(2000, rel=1e-4)
    assert (sample.metainfo['subject'], sample.metainfo['camera_name']) == ('S7', '0')
    target = DATASETS.build({**config.train_dataloader.dataset.target, 'data_root': str(converted),
                             'skeleton': 'h36m18'})
    assert len(target) == 24 - 4 and 'keypoints' not in target[0]['data_samples'].gt_instances
    official = DATASETS.build({**given, **config.official_test})
    assert len(official) == 10 and official[9]['data_samples'].metainfo['sequence'] == 'TS6'


def test_a_second_run_changes_nothing(archive, converted):
    before = snapshot(converted)
    mpi_inf_3dhp.convert(archive, converted, subjects=['S1', 'S7', 'TS1', 'TS6'], masks=True, **CAMERAS)
    assert snapshot(converted) == before
    lost = converted / 'masks' / 'S1_Seq1_Cam0_000001.png'
    content = lost.read_bytes()
    lost.unlink()
    mpi_inf_3dhp.convert(archive, converted, subjects=['S1', 'S7', 'TS1', 'TS6'], masks=True, **CAMERAS)
    assert lost.read_bytes() == content


def test_missing_files_are_named(tmp_path):
    archive = write_mpi_test(write_mpi(tmp_path / 'archive', subjects=('S1', )))

    def convert(**kwargs):
        return mpi_inf_3dhp.convert(archive, tmp_path / 'out', **{'subjects': ['S1'], **CAMERAS, **kwargs})

    (archive / 'S1' / 'Seq2' / 'ChairMasks' / 'video_4.avi').unlink()
    with pytest.raises(OSError, match='ChairMasks/video_4.avi: no such video'):
        convert()
    assert convert(on_error='skip') == {'train': 3 * FRAMES}
    with pytest.raises(ValueError, match='not replaced, it has the columns hidden, which this run lacks'):
        convert(chairs=False)
    (tmp_path / 'out' / 'annotations' / 'mpi_inf_3dhp_train.npz').unlink()
    assert convert(chairs=False) == {'train': 4 * FRAMES}
    with pytest.raises(ValueError, match='no keypoints hidden by the chair in it'):
        build(tmp_path / 'out', data_prefix=dict(img='images'))
    with pytest.raises(ValueError, match=r'camera.calibration: no camera 20, it has \[0, 1'):
        convert(cameras=[20])
    with pytest.raises(FileNotFoundError, match=r"S2/Seq1: no such folder \(also searched: .'train'.\)"):
        convert(subjects=['S2'])
    with pytest.raises(ValueError, match=r"subjects \['S9'\]: expected some of"):
        convert(subjects=['S9'])
    (archive / 'TS1' / 'imageSequence' / 'img_000003.jpg').unlink()
    with pytest.raises(FileNotFoundError, match='img_000003.jpg: no such image'):
        convert(subjects=['TS1'])
    (archive / 'S1' / 'Seq1' / 'camera.calibration').unlink()
    with pytest.raises(FileNotFoundError, match='camera.calibration: no such camera file'):
        convert()


def test_truncated_videos_are_named(tmp_path):
    archive = write_mpi(tmp_path / 'archive', subjects=('S1', ))
    for folder in ('imageSequence', 'ChairMasks'):
        video = archive / 'S1' / 'Seq2' / folder / 'video_4.avi'
        content = video.read_bytes()
        cut_video(video, grey_frames())
        with pytest.raises(OSError, match=rf'{folder}/video_4\.avi: (truncated video|ends before)'):
            mpi_inf_3dhp.convert(archive, tmp_path / 'out', subjects=['S1'], **CAMERAS)
        video.write_bytes(content)
    assert mpi_inf_3dhp.convert(archive, tmp_path / 'out', subjects=['S1'], **CAMERAS) == {'train': 4 * FRAMES}


def test_a_run_of_some_subjects_keeps_the_others(archive, tmp_path):
    everyone = ['S1', 'S7', 'TS1', 'TS6']
    mpi_inf_3dhp.convert(archive, tmp_path, subjects=everyone, **CAMERAS)
    before = {path.name: path.read_bytes() for path in (tmp_path / 'annotations').glob('*.npz')}
    cameras = pickle.loads((tmp_path / 'annotations' / 'cameras_train.pkl').read_bytes())
    found = mpi_inf_3dhp.convert(archive, tmp_path, subjects=['S7', 'TS6'], cameras=[4], step=1)
    assert found == {'train': 8 * FRAMES, 'test': 2 * (FRAMES - 1)}
    assert {path.name: path.read_bytes() for path in (tmp_path / 'annotations').glob('*.npz')} == before
    kept = pickle.loads((tmp_path / 'annotations' / 'cameras_train.pkl').read_bytes())
    assert list(kept) == list(cameras) and len(kept) == 8
    with pytest.raises(ValueError, match=r'mpi_inf_3dhp_train\.npz: not replaced, it has 40 frames that'):
        mpi_inf_3dhp.convert(archive, tmp_path, subjects=['S7'], cameras=[0, 4], step=3)
    assert (tmp_path / TRAIN).read_bytes() == before['mpi_inf_3dhp_train.npz']


def test_intrinsics_are_of_valid_frames(tmp_path):
    from h5py import File
    archive = write_mpi_test(tmp_path / 'archive')
    with File(archive / 'TS1' / 'annot_data.mat', 'r+') as file:
        file['annot2'][1] = 1e5
        file['annot3'][1] = -7.0
    mpi_inf_3dhp.convert(archive, tmp_path / 'out', subjects=['TS1'])
    camera = pickle.loads((tmp_path / 'out' / 'annotations' / 'cameras_test.pkl').read_bytes())['TS1']
    assert np.allclose(camera['f'], 103, atol=1e-6) and np.allclose(camera['c'][:, 0], [32, 31], atol=1e-6)


def test_sequences_without_cameras_are_named_or_left_out(tmp_path):
    from h5py import File
    archive = write_mpi_test(write_mpi(tmp_path / 'archive'))
    with File(archive / 'TS1' / 'annot_data.mat', 'r+') as file:
        file['valid_frame'][:] = 0
    (archive / 'S1' / 'Seq2' / 'camera.calibration').unlink()

    def convert(*subjects, **kwargs):
        return mpi_inf_3dhp.convert(archive, tmp_path / 'out', subjects=subjects, **CAMERAS, **kwargs)

    with pytest.raises(OSError, match=r'TS1/annot_data\.mat: none of its 6 frames is valid'):
        convert('TS1', 'TS6')
    assert convert('TS1', 'TS6', on_error='skip') == {'test': FRAMES - 1}
    (archive / 'TS1' / 'annot_data.mat').unlink()
    with pytest.raises(FileNotFoundError, match=r'TS1/annot_data\.mat: no such file'):
        convert('TS1', 'TS6')
    assert convert('TS1', 'TS6', on_error='skip') == {'test': FRAMES - 1}
    with pytest.raises(FileNotFoundError, match=r'S1/Seq2/camera\.calibration: no such camera file'):
        convert('S1')
    assert convert('S1', on_error='skip') == {'train': 2 * FRAMES}
