from types import ModuleType

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from mmxas.ops import geometry

# Largest errors against the recorded float32 vectors: norm units (4e-7 measured) and mm (1e-3 measured).
PARITY_NORM, PARITY_MM = 5e-6, 2e-2

KINDS = [np, torch]


def arrays(kind: ModuleType, *values: object) -> list:
    """Values as float64 arrays of numpy or torch."""
    return [np.asarray(v, np.float64) if kind is np else torch.tensor(np.asarray(v), dtype=torch.float64)
            for v in values]


def camera(kind: ModuleType) -> dict:
    """Two cameras, a crop of 128 px of each, and the box that belongs to it."""
    intrinsics, warp, root_depth = arrays(
        kind, [[[1000, 0, 500], [0, 1100, 480], [0, 0, 1]], [[900, 0, 512], [0, 900, 512], [0, 0, 1]]],
        [[[0.5, 0, -200], [0, 0.5, -190]], [[0.3, -0.1, -80], [0.1, 0.3, -120]]], [4000, 5000])
    return dict(intrinsics=intrinsics, warp=warp, root_depth=root_depth, crop_size=128,
                side_mm=geometry.rect_3d_width(arrays(kind, [256, 400])[0], root_depth, intrinsics[:, 0, 0]))


def points(kind: ModuleType) -> object:
    rng = np.random.default_rng(0)
    return arrays(kind, rng.normal(size=(2, 5, 3)) * 400 + [0, 0, 4500])[0]


def test_parity_geometry(parity) -> None:
    data = {key: torch.from_numpy(value) if value.ndim else float(value)
            for key, value in parity('geometry.npz').items()}
    camera_mm = geometry.world_to_camera(data['world_mm'], data['R'], data['t_mm'])
    options = dict(warp=data['crop_affine'], crop_size=data['crop_size'], intrinsics=data['K'],
                   root_depth=data['pelvis_cam_mm'][:, 2], side_mm=data['box_mm'], align_corners=True)
    norm = geometry.camera_to_norm(camera_mm, **options)
    torch.testing.assert_close(norm, data['patch_norm'], rtol=0, atol=PARITY_NORM)
    again = geometry.camera_to_world(geometry.norm_to_camera(data['patch_norm'], **options), data['R'], data['t_mm'])
    torch.testing.assert_close(again, data['world_again_mm'], rtol=0, atol=PARITY_MM)


def test_pixels_are_norm_at_their_centres() -> None:
    assert geometry.pixel_to_norm(np.arange(4.0), 4).tolist() == [-0.75, -0.25, 0.25, 0.75]
    assert geometry.pixel_to_norm(torch.tensor([0.0, 255.0]), 256, True).tolist() == [-1.0, 1.0]
    sizes = np.array([4.0, 2.0])
    assert geometry.pixel_to_norm(np.array([[3.5, 1.5], [-0.5, -0.5]]), sizes).tolist() == [[1, 1], [-1, -1]]


@pytest.mark.parametrize('align_corners', [False, True])
def test_pixel_and_depth_round_trips(align_corners: bool) -> None:
    values = np.linspace(-1.2, 1.2, 7)
    pixels = geometry.norm_to_pixel(values, 96, align_corners)
    np.testing.assert_allclose(geometry.pixel_to_norm(pixels, 96, align_corners), values)
    depth = geometry.norm_to_depth(values, 2000.0, 96, align_corners)
    np.testing.assert_allclose(geometry.depth_to_norm(depth, 2000.0, 96, align_corners), values)


def test_depth_in_boxes() -> None:
    assert geometry.depth_to_norm(np.array([2000.0, -500.0]), 2000.0).tolist() == [1.0, -0.25]
    # The released form: 1 is 255 / 256 of the box, 1992 mm.
    assert geometry.norm_to_depth(np.array([1.0]), 2000.0, 256, True)[0] == pytest.approx(1992.1875)


def test_box_of_a_crop() -> None:
    assert geometry.rect_3d_width(500.0, 4000.0, 1000.0) == 2000.0
    assert geometry.box_side_px(2000.0, 4000.0, 1000.0) == 500.0


@pytest.mark.parametrize('kind', KINDS)
def test_known_projection(kind: ModuleType) -> None:
    world, rotation, translation, intrinsics = arrays(
        kind, [[[0, 0, 0], [1000, 0, 0]]], [[[0, 1, 0], [0, 0, -1], [-1, 0, 0]]], [[100, 200, 4000]],
        [[[1000, 0, 500], [0, 1000, 400], [0, 0, 1]]])
    camera_mm = geometry.world_to_camera(world, rotation, translation)
    assert camera_mm.tolist() == [[[100, 200, 4000], [100, 200, 3000]]]
    image = geometry.camera_to_image(camera_mm, intrinsics, arrays(kind, [4000])[0])
    np.testing.assert_allclose(image, [[[525, 450, 0], [500 + 100 / 3, 400 + 200 / 3, -1000]]])
    assert type(image) is type(world)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('align_corners', [False, True])
def test_camera_to_norm_and_back(kind: ModuleType, align_corners: bool) -> None:
    mm = points(kind)
    norm = geometry.camera_to_norm(mm, align_corners=align_corners, **camera(kind))
    assert norm.shape == mm.shape
    np.testing.assert_allclose(geometry.norm_to_camera(norm, align_corners=align_corners, **camera(kind)), mm)


@pytest.mark.parametrize('kind', KINDS)
def test_world_round_trip(kind: ModuleType) -> None:
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(2, 3, 3)))[0]
    rotation, translation = arrays(kind, rotation, [[1, 2, 3], [4, 5, 6]])
    there = geometry.world_to_camera(points(kind), rotation, translation)
    np.testing.assert_allclose(geometry.camera_to_world(there, rotation, translation), points(kind))


def test_root_in_the_crop_centre_is_the_origin_of_norm() -> None:
    # A root seen at image px (300, 200), depth 4000 mm; crop of 400 px around it, resized to 128.
    scale, size = 128 / 400, 128
    warp = np.array([[scale, 0, 63.5 - scale * 300], [0, scale, 63.5 - scale * 200]])
    intrinsics = np.array([[1000.0, 0, 310], [0, 1000, 190], [0, 0, 1]])
    root = np.array([[-10 * 4.0, 10 * 4.0, 4000.0]])
    norm = geometry.camera_to_norm(root, warp, size, intrinsics, 4000.0, 1600.0)
    np.testing.assert_allclose(norm, [[0, 0, 0]], atol=1e-12)
    # One metre to the right at the root's depth is 2 * 1000 / 1600 of the norm frame.
    side = geometry.camera_to_norm(root + [1000, 0, 0], warp, size, intrinsics, 4000.0, 1600.0)
    np.testing.assert_allclose(side, [[1.25, 0, 0]], atol=1e-12)


@pytest.mark.parametrize('kind', KINDS)
def test_affine_keeps_further_channels_and_inverts(kind: ModuleType) -> None:
    warp, mm = camera(kind)['warp'], points(kind)
    moved = geometry.apply_affine(mm, warp)
    np.testing.assert_allclose(moved[..., 2], mm[..., 2])
    np.testing.assert_allclose(geometry.apply_affine(moved, geometry.invert_affine(warp)), mm)
    assert geometry.apply_affine(mm[..., :2], warp).shape == (2, 5, 2)


def test_exceptions() -> None:
    with pytest.raises(ValueError, match=r'points: shape \(..., P, 3\) expected, got \(2, 5, 2\)'):
        geometry.camera_to_image(points(np)[..., :2], camera(np)['intrinsics'])
    with pytest.raises(ValueError, match='intrinsics: shape'):
        geometry.image_to_camera(points(np), camera(np)['warp'])
    with pytest.raises(ValueError, match='rotation: shape'):
        geometry.world_to_camera(points(np), np.eye(2), np.zeros(3))
    with pytest.raises(ValueError, match='matrix: shape'):
        geometry.invert_affine(np.eye(3))
    with pytest.raises(ValueError, match='align_corners: one of'):
        geometry.pixel_to_norm(np.zeros(2), 4, 'corner')
    with pytest.raises(ValueError, match="crop_size: the crop's side in px expected"):
        geometry.depth_to_norm(np.zeros(2), 2000.0, align_corners=True)


def test_gradcheck() -> None:
    options = camera(torch)
    assert gradcheck(lambda p: geometry.camera_to_norm(p, **options), points(torch).requires_grad_())
    norm = (torch.rand(2, 3, 3, dtype=torch.float64) * 2 - 1).requires_grad_()
    assert gradcheck(lambda p: geometry.norm_to_camera(p, **options) / 1000, norm)
