"""A clip's files: fields, camera, sides, and the crop, against the projection of the data set's description."""
import numpy as np
import pytest
from scipy.io import loadmat, savemat

from mmxas.datasets.converters import surreal_clip
from mmxas.datasets.converters.frames import UnreadableFileError
from mmxas.ops.geometry import camera_to_image

from . import surreal_files


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
    folder = tmp_path_factory.mktemp('surreal')
    return folder, surreal_files.write_clip(folder, '01_01_c0001', num=4, gender=1, black=(2, ))


@pytest.fixture(scope='module')
def body():
    return surreal_files.body_model('male')


def test_the_documented_extrinsics():
    """Those that 01_01_c0001 comes with: x = -z - 1.9293, y = y + 0.9839, depth = -x + 6.7456."""
    camera = np.array([6.7456, -0.9839, -1.9293])
    point = np.array([-0.8645, -1.0915, -1.0260])
    seen = surreal_clip.world_to_surreal_camera(point, camera, mirror=False)
    assert seen == pytest.approx([1000 * (1.0260 - 1.9293), 1000 * (-1.0915 + 0.9839), 1000 * (0.8645 + 6.7456)])
    # [89; 112] is what the file holds for it; its image's centre is (160, 120) on the scale of edges
    assert np.round(camera_to_image(seen[None], surreal_clip.intrinsics(320, 240))[0, :2] + 0.5).tolist() == [89, 112]


def test_keypoints_and_video_agree(clip, body):
    folder, keypoints = clip
    info = surreal_clip.read_info(folder / '01_01_c0001_info.mat')
    assert len(info) == 4 and info.gender == 1 and info.betas.shape == (4, 10)
    K = surreal_clip.intrinsics(320, 240)
    seen = surreal_clip.pose_bodies(body, info, np.arange(4), mirror=False)
    assert np.abs(camera_to_image(seen.keypoints[1], K)[:, :2] - surreal_files.project(keypoints[1])).max() < 0.01
    mirrored = surreal_clip.pose_bodies(body, info, np.arange(4))
    x = camera_to_image(mirrored.keypoints[1], K)[:, 0]
    assert np.abs(319 - x - surreal_files.project(keypoints[1])[:, 0]).max() < 0.01


def test_left_is_left_in_the_mirrored_image_only(clip, body):
    info = surreal_clip.read_info(clip[0] / '01_01_c0001_info.mat')

    def handedness(points):
        left_right, up, ahead = points[:, 4] - points[:, 1], points[:, 8] - points[:, 0], points[:, 9] - points[:, 8]
        return np.sign(np.linalg.det(np.stack([left_right, up, ahead], axis=1)))

    frames = np.arange(4)
    # x left, y up, z ahead is right-handed; turning does not change that, a reflection does
    assert (handedness(surreal_clip.pose_bodies(body, info, frames).keypoints) == 1).all()
    assert (handedness(surreal_clip.pose_bodies(body, info, frames, mirror=False).keypoints) == -1).all()


def test_the_body_stands_upright(clip, body):
    info = surreal_clip.read_info(clip[0] / '01_01_c0001_info.mat')
    keypoints = surreal_clip.pose_bodies(body, info, np.arange(4)).keypoints
    assert (keypoints[:, 10, 1] < keypoints[:, 0, 1] - 400).all()  # the head above the root, y down
    assert (keypoints[:, [3, 6], 1] > keypoints[:, :1, 1] + 500).all()
    assert keypoints[:, 0, 2] == pytest.approx(7000, abs=60)


def test_a_pair_is_the_box_around_the_root(clip, body):
    folder, _ = clip
    info = surreal_clip.read_info(folder / '01_01_c0001_info.mat')
    seen = surreal_clip.pose_bodies(body, info, np.array([0]))
    mask = surreal_clip.read_mask(folder / '01_01_c0001_segm.mat', 0)[:, ::-1].copy()
    image = np.repeat(mask[..., None], 3, axis=2)
    pair = surreal_clip.cut_pair(image, mask, seen.vertices[0], seen.keypoints[0], 256)
    assert pair.image.shape == (256, 256, 3) and set(np.unique(pair.mask)) == {0, 255}
    pixels = camera_to_image(pair.keypoints_cam.astype(float), pair.K.astype(float))[:, :2]
    assert pixels[0] == pytest.approx([127.5, 127.5], abs=1e-3)
    assert pair.K[0, 0] * 2000 / pair.keypoints_cam[0, 2] == pytest.approx(256)  # 2000 mm are the whole width
    assert surreal_clip.keypoints_off_mask(pair.keypoints_cam, pair.K, pair.mask) <= 1
    assert surreal_clip.keypoints_off_mask(pair.keypoints_cam, pair.K, pair.mask[:, ::-1]) > 4
    assert surreal_clip.cut_pair(image, np.zeros_like(mask), seen.vertices[0], seen.keypoints[0], 64) is None


def test_masks(clip):
    path = clip[0] / '01_01_c0001_segm.mat'
    assert set(np.unique(surreal_clip.read_mask(path, 0))) == {0, 255}
    assert not surreal_clip.read_mask(path, 2).any()
    assert surreal_clip.read_mask(path, 4) is None


def test_one_frame_is_squeezed_by_some_writers(clip, tmp_path):
    content = loadmat(clip[0] / '01_01_c0001_info.mat')
    one = {name: content[name][..., 0] if content[name].ndim == 3 else content[name] for name in surreal_clip.FIELDS}
    one.update(pose=content['pose'][:, :1], shape=content['shape'][:, :1], zrot=content['zrot'][:1])
    savemat(tmp_path / 'one_info.mat', one)
    info = surreal_clip.read_info(tmp_path / 'one_info.mat')
    assert info.joints2d.shape == (1, 24, 2) and (info.joints3d[0] == content['joints3D'][..., 0].T).all()


def test_bad_files_are_named(clip, tmp_path):
    path = tmp_path / 'x_info.mat'
    with pytest.raises(UnreadableFileError, match=r'x_info\.mat: no such file'):
        surreal_clip.read_info(path)
    whole = (clip[0] / '01_01_c0001_info.mat').read_bytes()
    for end in (0, 60, len(whole) // 2):
        path.write_bytes(whole[:end])
        with pytest.raises(UnreadableFileError, match=r'x_info\.mat'):
            surreal_clip.read_info(path)
    content = {name: value for name, value in loadmat(clip[0] / '01_01_c0001_info.mat').items() if name[0] != '_'}
    savemat(path, {name: value for name, value in content.items() if name not in ('zrot', 'camLoc')})
    with pytest.raises(UnreadableFileError, match='no zrot, camLoc in this file'):
        surreal_clip.read_info(path)
    savemat(path, {**content, 'pose': content['pose'][:, :2]})
    with pytest.raises(UnreadableFileError, match=r'pose of shape \(72, 2\), expected \(72, 4\)'):
        surreal_clip.read_info(path)
