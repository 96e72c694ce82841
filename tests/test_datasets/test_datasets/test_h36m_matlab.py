import cv2
import numpy as np
import pytest

from mmxas.datasets.datasets import H36MMatlabDataset
from mmxas.ops.geometry import camera_to_image

NUM, KEYPOINTS = 5, (1, 2, 3, 4, 7, 8, 9, 13, 14, 15, 16, 18, 19, 20, 26, 27, 28)
R = np.array([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]])
PLACE = np.array([-5000.0, 100, 900])
FOLDER = 's_{:02d}_act_{:02d}_subact_01_ca_{:02d}'


def world(num=NUM):
    return np.random.default_rng(0).uniform([-400, -400, 0], [400, 400, 1700], (num, 32, 3)).round(4)


def text(poses):
    """A matlab_meta.txt, as the conversion for integral regression writes it."""
    def line(name, values):
        return ' '.join([name, *(f'{value:g}' for value in np.ravel(values))])

    header = [str(len(poses)), line('size', [1000, 1002]), line('R', R.T), line('T', PLACE), line('f', [1145, 1143.5]),
              line('c', [512.5, 515]), line('k', [-0.2, 0.25, -0.003]), line('p', [-0.001, -0.0009]),
              line('joints', KEYPOINTS)]
    frames = [' '.join([str(i + 1), *(f'{value:.4f}' for value in pose.ravel())]) for i, pose in enumerate(poses)]
    return '\n'.join(header + frames) + '\n'


@pytest.fixture
def root(tmp_path):
    """Two subjects, two actions, two cameras, with masks for one video."""
    for subject, action in ((1, 2), (9, 2), (9, 12)):
        for camera in (1, 4):
            name = FOLDER.format(subject, action, camera)
            (tmp_path / 'annot' / name).mkdir(parents=True)
            (tmp_path / 'annot' / name / 'matlab_meta.txt').write_text(text(world()))
            for frame in range(1, NUM + 1):
                for kind, suffix in (('images', 'jpg'), ('masks', 'png')):
                    (tmp_path / kind / name).mkdir(parents=True, exist_ok=True)
                    image = np.zeros((100, 100), np.uint8)
                    image[20:60, 30:50] = 255
                    cv2.imwrite(str(tmp_path / kind / name / f'{name}_{frame:06d}.{suffix}'), image)
    return tmp_path


def build(root, **kwargs):
    return H36MMatlabDataset(**{**dict(data_root=str(root), data_prefix=dict(img='images')), **kwargs},
                             skeleton='h36m18')


def test_poses_in_the_frame_of_the_camera(root):
    dataset = build(root, with_labels=True, subjects=['S9'], actions=['Directions'], cameras=['60457274'])
    assert len(dataset) == NUM
    info = dataset.get_data_info(2)
    assert info['sample_name'] == 's_09_act_02_subact_01_ca_04/s_09_act_02_subact_01_ca_04_000003.jpg'
    assert (info['subject'], info['clip'], info['camera_name'], info['frame']) == ('S9', 'Directions', '60457274', 3)
    points = (world()[2, np.array(KEYPOINTS) - 1] - PLACE) @ R.T
    assert np.abs(info['keypoints_cam'][0, :17] - points).max() < 1e-3
    assert info['root_depth'] == pytest.approx(points[0, 2]) and info['root_depth'] > 4000
    assert np.allclose(info['keypoints_cam'][0, 17], (points[11] + points[14]) / 2, atol=1e-3)
    pixels = camera_to_image(points, np.array([[1145, 0, 512.5], [0, 1143.5, 515], [0, 0, 1]]))[:, :2]
    assert np.abs(info['keypoints'][0, :17] - pixels).max() < 1e-3
    assert np.allclose(info['camera']['R'] @ PLACE + info['camera']['t'], 0)


def test_which_frames(root):
    assert len(build(root)) == 6 * NUM
    assert len(build(root, subjects=['S1', 'S5'])) == 2 * NUM
    records = build(root, actions=['Photo'], sample_interval=2).load_data_list()
    assert [record['frame'] for record in records] == [1, 3, 5] * 2
    assert {record['sequence'] for record in records} == {'s_09_act_12_subact_01'}


def test_masks_and_no_labels(root):
    for path in (root / 'annot').rglob('*.txt'):  # poses of no number at all
        lines = path.read_text().splitlines()
        path.write_text('\n'.join(lines[:9] + ['1 ' + 'nan ' * 96] * NUM))
    dataset = build(root, box='mask', data_prefix=dict(img='images', mask='masks'))
    info = dataset.get_data_info(0)
    assert info['bbox'].tolist() == [[30, 20, 50, 60]]
    assert not {'keypoints', 'keypoints_cam', 'camera', 'root_depth'} & set(info)


def test_bad_files_are_named(root):
    with pytest.raises(FileNotFoundError, match='other: no such folder; expected folders like s_01_act_02'):
        build(root, annotations='other')
    with pytest.raises(ValueError, match="box='annotation': this layout has no boxes"):
        build(root, box='annotation')
    with pytest.raises(ValueError, match=r"no frame is left of subject in \['S11'\]"):
        build(root, subjects=['S11'])
    path = root / 'annot' / FOLDER.format(1, 2, 1) / 'matlab_meta.txt'
    whole = path.read_text()
    for broken, message in (
            (whole.rsplit('\n', 2)[0], 'poses of 4 frames, the first line says 5'), ('5\n', '1 lines, expected 9'),
            (whole.replace('f 1145', 'f'), '1 numbers of the focal length, expected 2'),
            (whole.rstrip().rsplit(' ', 3)[0], '93 numbers in the line of a pose, expected 32 keypoints of 3')):
        path.write_text(broken)
        with pytest.raises(ValueError, match=message):
            build(root)
    path.unlink()
    with pytest.raises(FileNotFoundError, match='matlab_meta.txt: no such file'):
        build(root)
