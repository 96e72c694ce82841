import cv2
import numpy as np
import pytest

from mmxas.datasets.datasets.xas_dataset import XASDataset
from mmxas.datasets.transforms import GenerateNormTarget, RandomCropJitter, RandomMirror, SquareCropAffine
from mmxas.ops.geometry import apply_affine, camera_to_image, norm_to_camera
from mmxas.registry import TRANSFORMS
from mmxas.structures import load_skeleton

FLIP = list(load_skeleton('h36m18').flip_indices)


@pytest.fixture
def sample(pairs):
    """A labelled sample as a data set gives it, with its box already a centre and a scale."""
    pair = pairs.make(3)
    labels = XASDataset.labels(_Skeletal, pair.keypoints_cam, pair.K)
    x0, y0, x1, y1 = pair.bbox
    return dict(img=pair.image, mask=pair.mask, bbox=pair.bbox[None], flip_indices=FLIP,
                bbox_center=np.array([[(x0 + x1) / 2, (y0 + y1) / 2]], np.float32),
                bbox_scale=np.array([[x1 - x0, y1 - y0]], np.float32) * 1.25, **labels)


class _Skeletal:
    skeleton = load_skeleton('h36m18')


def crop(results, size=64):
    results = SquareCropAffine((size, size))(results)
    return GenerateNormTarget(dict(type='NormCodec'))(results)


def lifted(results, size=64):
    return norm_to_camera(results['keypoint_norm'][0].astype(np.float64), results['warp_mat'], size,
                          results['camera']['K'], results['root_depth'], results['rect_3d_width'])


def test_lifting_a_plain_crop_gives_the_pose_back(sample):
    truth = sample['keypoints_cam'][0].copy()
    assert np.allclose(lifted(crop(sample)), truth, atol=0.05)


def test_lifting_a_mirrored_turned_crop_gives_the_mirrored_pose(sample):
    truth = sample['keypoints_cam'][0].copy()
    np.random.seed(0)
    results = RandomMirror(prob=1.0)(RandomCropJitter(rotation=30, rotation_prob=1.0)(sample))
    results = crop(results)
    assert abs(results['bbox_rotation'][0]) > 1
    expected = truth[FLIP] * [-1, 1, 1]
    assert np.allclose(lifted(results), expected, atol=0.05)
    assert np.allclose(results['keypoints_cam'][0], expected, atol=1e-3)
    assert np.allclose(camera_to_image(expected, results['camera']['K'])[:, :2], results['keypoints'][0], atol=1e-3)


def test_rect_3d_width_is_the_crops_side_at_the_root(sample):
    results = crop(sample)
    side, depth = results['input_scale'][0], results['root_depth']
    K = results['camera']['K']
    ends = np.array([[0, 0, depth], [results['rect_3d_width'], 0, depth]])
    pixels = camera_to_image(ends, K)[:, 0]
    assert pixels[1] - pixels[0] == pytest.approx(side * K[0, 0] / ((K[0, 0] + K[1, 1]) / 2), rel=1e-6)
    assert results['keypoint_norm'][0, 0, 2] == 0


def test_mirroring_before_the_crop_mirrors_the_crop(sample):
    plain = crop({key: np.copy(value) if isinstance(value, np.ndarray) else value for key, value in sample.items()})
    mirrored = crop(RandomMirror(prob=1.0)(sample))
    assert np.abs(plain['img'][:, ::-1].astype(int) - mirrored['img']).max() <= 1
    assert np.abs(plain['mask'][:, ::-1] - mirrored['mask']).max() < 0.02
    x, y, z = np.moveaxis(plain['keypoint_norm'][0][FLIP], -1, 0)
    assert np.allclose(mirrored['keypoint_norm'][0], np.stack([-x, y, z], -1), atol=1e-5)
    assert mirrored['flip'] and mirrored['flip_direction'] == 'horizontal'


def test_mirroring_twice_changes_nothing(sample):
    before = {key: np.copy(sample[key]) for key in ('img', 'mask', 'bbox', 'bbox_center', 'keypoints', 'keypoints_cam')}
    K = sample['camera']['K'].copy()
    results = RandomMirror(prob=1.0)(RandomMirror(prob=1.0)(sample))
    for key, value in before.items():
        assert np.allclose(results[key], value, atol=1e-4), key
    assert np.allclose(results['camera']['K'], K)


def test_no_mirroring_leaves_the_sample(sample):
    image = sample['img']
    results = RandomMirror(prob=0.0)(sample)
    assert results['img'] is image and results['flip'] is False
    with pytest.raises(ValueError, match='prob=2'):
        RandomMirror(prob=2)


def test_mmposes_way_back_is_the_inverse_of_the_warp(sample):
    results = SquareCropAffine((64, 64))(sample)
    crop_points = results['transformed_keypoints'][0]
    back = crop_points / results['input_size'] * results['input_scale'] + results['input_center'] \
        - 0.5 * results['input_scale']
    assert np.allclose(back, results['keypoints'][0], atol=1e-3)


def test_whole_image_is_copied_and_masks_stay_in_place():
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    mask = np.zeros((32, 32), np.uint8)
    mask[5, 9] = 255
    results = SquareCropAffine((32, 32))(dict(
        img=image, mask=mask, bbox_center=np.array([[16.0, 16.0]]), bbox_scale=np.array([[32.0, 20.0]])))
    assert (results['img'] == image).all()
    assert results['mask'].dtype == np.float32 and results['mask'][5, 9] == 1 and results['mask'].sum() == 1
    assert results['img_shape'] == (32, 32) and results['input_size'] == (32, 32) and 'rect_3d_width' not in results


@pytest.mark.parametrize('size', [256, 250])
def test_a_large_image_is_shrunk_without_aliasing_or_shift(size):
    stripes = np.zeros((size, size, 3), np.uint8)
    stripes[:, ::2] = 255
    mask = np.zeros((size, size), np.uint8)
    mask[size // 4:size // 2, size // 2:3 * size // 4] = 255
    results = dict(img=stripes, mask=mask, bbox_center=np.array([[size / 2, size / 2]]),
                   bbox_scale=np.array([[size, size]], float))
    smooth = SquareCropAffine((32, 32))(dict(results))
    assert smooth['img'][2:-2, 2:-2].std() < 12
    ys, xs = np.nonzero(smooth['mask'] > 0.5)
    assert (xs.min(), xs.max() + 1, ys.min(), ys.max() + 1) == (16, 24, 8, 16)
    coarse = SquareCropAffine((32, 32), antialias=False)(dict(results))
    assert coarse['img'].std() >= smooth['img'].std()


def test_borders():
    results = dict(img=np.full((8, 8, 3), 200, np.uint8), mask=np.full((8, 8), 255, np.uint8),
                   bbox_center=np.array([[0.0, 4.0]]), bbox_scale=np.array([[8.0, 8.0]]))
    black = SquareCropAffine((8, 8))(dict(results))
    filled = SquareCropAffine((8, 8), border='replicate')(dict(results))
    assert black['img'][:, 0].max() == 0 and filled['img'].min() == 200
    assert filled['mask'][:, 0].max() == 0
    with pytest.raises(ValueError, match="border='wrap'"):
        SquareCropAffine((8, 8), border='wrap')


def test_rotation_turns_image_and_keypoints_alike():
    image = np.zeros((65, 65, 3), np.uint8)
    cv2.circle(image, (48, 20), 3, (255, 255, 255), -1)
    results = SquareCropAffine((65, 65))(dict(
        img=image, keypoints=np.array([[[48.0, 20.0]]], np.float32), bbox_center=np.array([[32.5, 32.5]]),
        bbox_scale=np.array([[65.0, 65.0]]), bbox_rotation=np.array([25.0])))
    y, x = np.nonzero(results['img'][..., 0] > 127)
    assert np.allclose(results['transformed_keypoints'][0, 0], [x.mean(), y.mean()], atol=0.3)
    assert np.allclose(apply_affine(np.array([[32.0, 32.0]]), results['warp_mat']), 32)


def test_jitter_stays_in_its_ranges():
    transform = RandomCropJitter(shift=0.1, scale=(0.5, 2.0), rotation=10, rotation_prob=0.5)
    np.random.seed(1)
    drawn = [transform(dict(bbox_center=np.zeros((1, 2), np.float32), bbox_scale=np.array([[50.0, 100.0]], np.float32)))
             for _ in range(200)]
    shifts = np.array([d['bbox_center'][0] for d in drawn])
    scales = np.array([d['bbox_scale'][0, 1] for d in drawn])
    angles = np.array([d['bbox_rotation'][0] for d in drawn])
    assert np.abs(shifts).max() <= 10 and np.abs(shifts).max() > 8
    assert 50 <= scales.min() < 60 and 180 < scales.max() <= 200
    assert 0.35 < (angles == 0).mean() < 0.65 and np.abs(angles).max() <= 10
    with pytest.raises(ValueError, match='scale'):
        RandomCropJitter(scale=(2.0, 1.0))


def test_refusals():
    with pytest.raises(ValueError, match=r'\(64, 48\)'):
        TRANSFORMS.build(dict(type='SquareCropAffine', input_size=(64, 48)))
    with pytest.raises(ValueError, match=r'shape \(2, 2\)'):
        SquareCropAffine((8, 8))(dict(img=np.zeros((8, 8, 3), np.uint8), bbox_center=np.zeros((2, 2))))
