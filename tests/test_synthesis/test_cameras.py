import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from mmxas.ops.geometry import camera_to_image
from mmxas.synthesis.cameras import (
    DatasetCameras,
    SampledCamera,
    crop_intrinsics,
    crop_window,
    read_camera_file,
    rotation,
)

ROOT = Path(__file__).resolve().parents[2]
INTRINSICS = np.array([[1000.0, 0, 499.5], [0, 1000, 499.5], [0, 0, 1]])
POINTS = np.array([[-300.0, -800, 4000], [300, 900, 4000], [0, 0, 3900]])
ROOT_MM = np.array([50.0, 20, 4000])


def rng(seed=0):
    return np.random.default_rng(seed)


def fixed(**ranges):
    still = dict(distance=(4000, 4000), yaw=(0, 0), pitch=(0, 0), roll=(0, 0), focal=(1000, 1000), offset=(0, 0))
    return SampledCamera(**(still | ranges)).sample(rng())


def test_rotation_is_right_handed():
    np.testing.assert_allclose(rotation(2, np.pi / 2) @ [1, 0, 0], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(rotation(0, np.pi / 2) @ [0, 1, 0], [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(rotation(1, np.pi / 2) @ [0, 0, 1], [1, 0, 0], atol=1e-12)


def test_a_frontal_camera_sees_the_front_with_left_on_the_right():
    camera = fixed()
    left, up, front = camera.R.T
    np.testing.assert_allclose(left, [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(up, [0, -1, 0], atol=1e-12)
    np.testing.assert_allclose(front, [0, 0, -1], atol=1e-12)
    np.testing.assert_allclose(camera.t, [0, 0, 4000])
    np.testing.assert_allclose(camera.K, [[1000, 0, 499.5], [0, 1000, 499.5], [0, 0, 1]])


def test_positive_pitch_looks_down():
    up = fixed(pitch=(30, 30)).R @ [0, 1, 0]
    np.testing.assert_allclose(up, [0, -np.cos(np.pi / 6), -0.5], atol=1e-12)


def test_yaw_turns_the_body_about_its_vertical():
    camera = fixed(yaw=(90, 90))
    np.testing.assert_allclose(camera.R @ [0, 0, 1], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(camera.R @ [0, 1, 0], [0, -1, 0], atol=1e-12)
    assert camera.yaw == pytest.approx(np.pi / 2)


def test_samples_fill_their_ranges_and_are_rotations():
    camera, source = SampledCamera(), rng()
    samples = [camera.sample(source) for _ in range(300)]
    depth = np.array([s.t[2] for s in samples])
    assert 3000 <= depth.min() < 3100 and 5900 < depth.max() <= 6000
    yaw = np.array([s.yaw for s in samples])
    assert yaw.min() < -3 and yaw.max() > 3
    for s in samples[:20]:
        np.testing.assert_allclose(s.R @ s.R.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(s.R) == pytest.approx(1)
        assert np.abs(s.t[:2] / s.t[2]).max() <= 0.2


@pytest.mark.parametrize('ranges, message', [
    (dict(pitch=(20, 10)), r'pitch=\(20, 10\)'), (dict(distance=(0, 10)), 'distance'), (dict(yaw=(1,)), 'yaw')])
def test_wrong_ranges_are_named(ranges, message):
    with pytest.raises(ValueError, match=message):
        SampledCamera(**ranges)


def write(path, **changes):
    """A camera at (0, -5000, 1500) mm that looks along +y in a world with z up."""
    R = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    entry = dict(name='c', K=[[1100, 0, 500], [0, 1100, 500], [0, 0, 1]], R=R.tolist(),
                 t=(-R @ [0, -5000, 1500]).tolist())
    path.write_text(json.dumps([entry | changes]))
    return str(path)


def test_dataset_camera_places_an_upright_body_in_its_world(tmp_path):
    camera = DatasetCameras(write(tmp_path / 'c.json'), x=(100, 100), y=(0, 0), height=(900, 900), yaw=(0, 0))
    sample = camera.sample(rng())
    np.testing.assert_allclose(sample.t, [100, 600, 5000], atol=1e-9)
    np.testing.assert_allclose(sample.R @ [0, 1, 0], [0, -1, 0], atol=1e-12)
    np.testing.assert_allclose(sample.R @ [0, 0, 1], [0, 0, -1], atol=1e-12)
    assert np.linalg.det(sample.R) == pytest.approx(1)


def test_dataset_cameras_refuse_what_they_cannot_use(tmp_path):
    with pytest.raises(FileNotFoundError, match='none.json'):
        read_camera_file(tmp_path / 'none.json')
    with pytest.raises(ValueError, match=r"camera 'c': K has shape \(2, 2\)"):
        read_camera_file(write(tmp_path / 'c.json', K=[[1, 0], [0, 1]]))
    (tmp_path / 'e.json').write_text('[]')
    with pytest.raises(ValueError, match='no cameras'):
        read_camera_file(tmp_path / 'e.json')
    behind = DatasetCameras(write(tmp_path / 'd.json'), y=(-9000, -9000))
    with pytest.raises(ValueError, match='behind a camera'):
        behind.sample(rng())


def test_cameras_are_chosen_by_pattern(tmp_path):
    entry = json.loads(Path(write(tmp_path / 'c.json')).read_text())[0]
    (tmp_path / 'two.json').write_text(json.dumps([entry | dict(name=name) for name in ('S1.a', 'S9.a')]))
    assert DatasetCameras(str(tmp_path / 'two.json'), names=['S1.*']).names == ['S1.a']
    with pytest.raises(ValueError, match=r"no camera fits \['S5.\*'\]; it has \['S1.a', 'S9.a'\]"):
        DatasetCameras(str(tmp_path / 'two.json'), names=['S5.*'])


def test_mmpose_pickles_hold_places_in_metres(tmp_path):
    R = rotation(0, np.pi / 2)
    entry = dict(R=R.T, T=np.array([[0.0], [-5], [1.5]]), f=np.array([[1100.0], [1200]]), c=np.array([[500.0], [510]]))
    (tmp_path / 'c.pkl').write_bytes(pickle.dumps({('S1', '5'): entry}))
    camera = read_camera_file(tmp_path / 'c.pkl')['S1.5']
    np.testing.assert_allclose(camera['K'], [[1100, 0, 500], [0, 1200, 510], [0, 0, 1]])
    np.testing.assert_allclose(camera['R'], R)
    np.testing.assert_allclose(camera['R'] @ [0, -5000, 1500] + camera['t'], 0, atol=1e-9)


def test_human36m_cameras_see_the_middle_of_their_room():
    file = Path(os.environ.get('MMXAS_DATA_DIR', ROOT.parent / 'shared/data')) / 'h36m/cameras.pkl'
    if not file.is_file():
        pytest.skip(f'{file} is absent')
    cameras = DatasetCameras(str(file), names=['S[15678].*'], x=(-800, 800), y=(-800, 800))
    assert len(cameras.cameras) == 20
    for seed in range(60):
        sample = cameras.sample(rng(seed))
        uv = sample.K @ sample.t / sample.t[2]
        assert 2000 < sample.t[2] < 8000 and 0 < uv[0] < 1000 and 0 < uv[1] < 1000
        up = sample.R @ [0, 1, 0]
        assert up[1] < -0.9, 'upright people stand upright in the image'


@pytest.mark.parametrize('changes, message', [
    (dict(K=[[float('nan'), 0, 5], [0, 9, 5], [0, 0, 1]]), 'K is .*nan.*, expected finite numbers'),
    (dict(K=[[0, 0, 5], [0, 9, 5], [0, 0, 1]]), 'K has the focal lengths 0 and 9 px, expected more than 0'),
    (dict(R=[[0, 0, 0]] * 3), 'R is .*, expected a rotation'),
    (dict(t=[0, float('inf'), 0]), 't is .*inf.*, expected finite numbers'),
    (dict(t='far'), 't is not an array of numbers'), (dict(R=None), 'R ')])
def test_numbers_that_no_camera_has_are_named(tmp_path, changes, message):
    with pytest.raises(ValueError, match=f"c.json: camera 'c': {message}"):
        read_camera_file(write(tmp_path / 'c.json', **changes))


def test_two_cameras_of_one_name_are_refused(tmp_path):
    entry = json.loads(Path(write(tmp_path / 'c.json')).read_text())[0]
    (tmp_path / 'c.json').write_text(json.dumps([entry, entry]))
    with pytest.raises(ValueError, match="c.json: two cameras are named 'c'"):
        read_camera_file(tmp_path / 'c.json')


COLUMN = dict(R=np.eye(3), T=np.zeros((3, 1)), f=np.ones((2, 1)), c=np.ones((2, 1)))


@pytest.mark.parametrize('content, message', [
    ({('S1', '5'): 5}, r"camera 'S1.5': expected a dictionary of its parameters, found 5"),
    ([5], 'c.pkl: a dictionary of arrays expected, list found'),
    ({('S1', '5'): {key: value for key, value in COLUMN.items() if key != 'R'}}, r"camera 'S1.5': R has shape"),
    ({('S1', '5'): {**COLUMN, 'f': 3.0}}, r"camera 'S1.5': f has shape \(\), expected \(2,\)"),
    ({('S1', '5'): {**COLUMN, 'T': 'x'}}, r"camera 'S1.5': T is not an array of numbers"),
    ({7: {**COLUMN, 'f': [0, 1]}}, r"camera '7': K has the focal lengths 0 and 1 px"),
    ({('S1', 5): COLUMN, ('S1', '5'): COLUMN}, "two cameras are named 'S1.5'")])
def test_entries_of_pickles_that_are_no_cameras_are_named(tmp_path, content, message):
    (tmp_path / 'c.pkl').write_bytes(pickle.dumps(content))
    with pytest.raises(ValueError, match=message):
        read_camera_file(tmp_path / 'c.pkl')


def test_a_share_of_the_bodies_faces_the_camera():
    cameras = {frontal: SampledCamera(frontal=frontal) for frontal in (0.0, 0.4, 1.0)}
    yaws = {frontal: np.rad2deg([camera.sample(np.random.default_rng(i)).yaw for i in range(2000)])
            for frontal, camera in cameras.items()}
    facing = {frontal: (np.abs(yaw) <= 60).mean() for frontal, yaw in yaws.items()}
    assert abs(facing[0.0] - 1 / 3) < 0.03 and abs(facing[0.4] - (0.4 + 0.6 / 3)) < 0.03 and facing[1.0] == 1
    assert np.abs(yaws[1.0]).max() > 55
    with pytest.raises(ValueError, match='frontal=1.5, expected a share'):
        SampledCamera(frontal=1.5)


def test_other_quantities_stay_where_bodies_face_the_camera():
    plain, frontal = (SampledCamera(frontal=share).sample(np.random.default_rng(3)) for share in (0.0, 1.0))
    assert np.array_equal(plain.t, frontal.t) and np.array_equal(plain.K, frontal.K) and plain.yaw != frontal.yaw


def test_mask_window_is_the_box_times_the_margin():
    centre, side = crop_window(POINTS, ROOT_MM, INTRINSICS, 'mask', 1.5, 2000)
    np.testing.assert_allclose(centre, [499.5, 499.5 + 12.5])
    np.testing.assert_allclose(side, 1700 / 4 * 1.5)


def test_root_window_spans_its_width_at_the_root_depth():
    centre, side = crop_window(POINTS, ROOT_MM, INTRINSICS, 'root_box', 1.5, 2000)
    np.testing.assert_allclose(centre, [499.5 + 12.5, 499.5 + 5])
    assert side == pytest.approx(500)


def test_intrinsics_of_the_window_put_its_corners_on_the_image_edges():
    centre, side = crop_window(POINTS, ROOT_MM, INTRINSICS, 'root_box', 1.5, 2000)
    inner = crop_intrinsics(INTRINSICS, centre, side, 128)
    corners = np.array([ROOT_MM + [-1000, -1000, 0], ROOT_MM + [1000, 1000, 0], ROOT_MM])
    uv = camera_to_image(corners, inner)[:, :2]
    np.testing.assert_allclose(uv, [[-0.5, -0.5], [127.5, 127.5], [63.5, 63.5]])


def test_unknown_crop():
    with pytest.raises(ValueError, match="crop='box'"):
        crop_window(POINTS, ROOT_MM, INTRINSICS, 'box', 1, 1)
