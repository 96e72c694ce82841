import os
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmxas.datasets.datasets.mpi_inf_3dhp import MPIINF3DHPDataset, select_keypoints
from mmxas.ops.geometry import camera_to_image
from mmxas.structures import load_skeleton

DATA = Path(os.environ.get('MMXAS_DATA_DIR') or Path(__file__).parents[3] / '../shared/data').resolve() / 'mpi_inf_3dhp'
NAMES_28 = [
    'spine3', 'spine4', 'spine2', 'spine', 'pelvis', 'neck', 'head', 'head_top', 'left_clavicle', 'left_shoulder',
    'left_elbow', 'left_wrist', 'left_hand', 'right_clavicle', 'right_shoulder', 'right_elbow', 'right_wrist',
    'right_hand', 'left_hip', 'left_knee', 'left_ankle', 'left_foot', 'left_toe', 'right_hip', 'right_knee',
    'right_ankle', 'right_foot', 'right_toe',
]
NAMES_17 = [
    'head_top', 'neck', 'right_shoulder', 'right_elbow', 'right_wrist', 'left_shoulder', 'left_elbow', 'left_wrist',
    'right_hip', 'right_knee', 'right_ankle', 'left_hip', 'left_knee', 'left_ankle', 'pelvis', 'spine', 'head',
]
WANTED = [
    'pelvis', 'right_hip', 'right_knee', 'right_ankle', 'left_hip', 'left_knee', 'left_ankle', 'spine2', 'neck',
    'head', 'head_top', 'left_shoulder', 'left_elbow', 'left_wrist', 'right_shoulder', 'right_elbow', 'right_wrist',
    'spine4',
]


@pytest.fixture
def root(tmp_path):
    """Two frames of a view each, of 28 keypoints, one of them outside the image in the second frame of camera 2."""
    rng = np.random.default_rng(0)
    names = [f'S1_Seq2_Cam{camera}_{frame:06d}.jpg' for camera in (0, 2) for frame in (1, 6)]
    part = np.concatenate([rng.uniform(20, 80, (4, 28, 2)), np.ones((4, 28, 1))], axis=-1)
    part[3, 11, 2] = 0
    S = np.concatenate([rng.uniform([-0.5, -0.5, 3.5], [0.5, 0.5, 4.5], (4, 28, 3)), np.ones((4, 28, 1))], axis=-1)
    (tmp_path / 'annotations').mkdir()
    np.savez(tmp_path / 'train.npz', imgname=np.array(names), center=np.full((4, 2), 50.0), scale=np.full(4, 0.4),
             part=part, S=S, hidden=np.array([0, 0, 4, 0], np.uint8))
    camera = {'R': np.eye(3), 'T': np.zeros((3, 1)), 'f': np.array([[60.0], [61]]), 'c': np.array([[50.0], [51]])}
    cameras = {f'S1_Seq2_Cam{number}': camera for number in (0, 2)}
    (tmp_path / 'annotations' / 'cameras_train.pkl').write_bytes(pickle.dumps(cameras))
    for name in names:
        cv2.imwrite(str(tmp_path / name), np.zeros((100, 100, 3), np.uint8))
    return tmp_path


def build(root, **kwargs):
    return MPIINF3DHPDataset(**{**dict(ann_file='train.npz', data_root=str(root)), **kwargs}, skeleton='h36m18')


def test_keypoints_by_name():
    """The mapping, said in names: right stays right, and the head's top is the head."""
    chosen = select_keypoints(np.arange(28.0)[None, :, None])[0, :, 0].astype(int)
    assert [NAMES_28[i] for i in chosen] == WANTED
    chosen = select_keypoints(np.arange(17.0)[None, :, None])[0, :, 0]
    assert [NAMES_17[int(i)] for i in chosen[:17]] == [name.replace('spine2', 'spine') for name in WANTED[:17]]
    assert chosen[17] == (NAMES_17.index('left_shoulder') + NAMES_17.index('right_shoulder')) / 2
    ours = load_skeleton('h36m18').keypoints
    for side in ('left', 'right'):
        assert [side in name for name in ours] == [side in name for name in WANTED]
    with pytest.raises(ValueError, match='x.npz: 16 keypoints per pose, expected the 28'):
        select_keypoints(np.zeros((1, 16, 3)), 'x.npz')


def test_occlusion(root):
    assert len(build(root, drop_occluded=None)) == 4
    assert [record['frame'] for record in build(root).load_data_list()] == [1, 1]
    assert [record['frame'] for record in build(root, drop_occluded='view').load_data_list()] == [1, 6, 1]
    assert [record['frame'] for record in build(root, cameras=['0']).load_data_list()] == [1, 6]
    strict = build(root, drop_occluded='view', max_hidden=3).load_data_list()
    assert [record['camera_name'] for record in strict] == ['0', '0']
    with pytest.raises(ValueError, match="drop_occluded='chair', expected one of"):
        build(root, drop_occluded='chair')


def test_labels_and_boxes(root):
    info = build(root, with_labels=True).get_data_info(1)
    content = np.load(root / 'train.npz')
    assert info['keypoints_cam'].shape == (1, 18, 3)
    assert np.abs(info['keypoints_cam'][0, 3] - content['S'][2, 25, :3] * 1000).max() < 1e-3
    assert np.allclose(info['keypoints'][0, 3], content['part'][2, 25, :2])
    annotation = build(root, box='annotation').get_data_info(0)
    assert np.allclose((annotation['bbox'][0, 2:] - annotation['bbox'][0, :2]) * 1.25, 80)
    assert not {'keypoints', 'keypoints_cam', 'camera', 'root_depth'} & set(annotation)


def test_bad_input_is_named(root):
    with pytest.raises(FileNotFoundError, match='absent.npz: no such file; mmxas convert mpi-inf-3dhp'):
        build(root, ann_file='absent.npz')
    (root / 'annotations' / 'cameras_train.pkl').write_bytes(pickle.dumps({}))
    with pytest.raises(KeyError, match="no camera 'S1_Seq2_Cam0'"):
        build(root)
    content = dict(np.load(root / 'train.npz'))
    np.savez(root / 'train.npz', **{key: value for key, value in content.items() if key != 'hidden'})
    with pytest.raises(ValueError, match='no keypoints hidden by the chair in it'):
        build(root)
    np.savez(root / 'train.npz', **{**content, 'imgname': np.array(['frame.jpg'] * 4)})
    with pytest.raises(ValueError, match="frame name 'frame.jpg', expected the form S1_Seq1_Cam0_000001.jpg"):
        build(root)


@pytest.mark.skipif(not DATA.is_dir(), reason=f'no sample of MPI-INF-3DHP in {DATA} (set MMXAS_DATA_DIR)')
def test_real_frame_by_projection():
    """Poses projected by the camera of their video fall on the image keypoints."""
    dataset = MPIINF3DHPDataset('test_3dhp_train.npz', camera_file='cameras_train.pkl', data_root=str(DATA),
                                subjects=['S4'], drop_occluded=None, with_labels=True, skeleton='h36m18')
    assert len(dataset) == 1
    info = dataset.get_data_info(0)
    assert (info['sequence'], info['camera_name'], info['frame']) == ('S4_Seq2', '0', 1033)
    projected = camera_to_image(info['keypoints_cam'][0].astype(float), info['camera']['K'])[:, :2]
    distance = np.linalg.norm(projected - info['keypoints'][0], axis=-1)
    apart = [1, 4, 7, 17]  # the file's own 2D hips and torso lie 0.9 to 2.1 px off; the thorax is made of others
    assert distance[apart].max() < 3 and np.delete(distance, apart).max() < 0.02
    wrong = np.linalg.norm(projected[list(dataset.skeleton.flip_indices)] - info['keypoints'][0], axis=-1)
    assert wrong.max() > 20
    R, t = info['camera']['R'], info['camera']['t']
    assert np.isfinite(t).all() and np.allclose(R @ R.T, np.eye(3), atol=1e-4)


@pytest.mark.parametrize('change, message', [
    (dict(part=np.ones((4, 28, 2))), r'part has the shape \(4, 28, 2\), expected .* 3 channels or more'),
    (dict(hidden=np.zeros(3)), r'hidden is float64 of shape \(3,\), expected numbers of shape \(4,\)'),
    (dict(action=np.zeros(4)), r'action is float64 of shape \(4,\), expected text')])
def test_what_tells_occlusion_has_its_form(root, change, message):
    np.savez(root / 'train.npz', **{**dict(np.load(root / 'train.npz')), **change})
    with pytest.raises(ValueError, match=f'train.npz: {message}'):
        build(root)
