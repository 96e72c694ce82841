import numpy as np
import pytest

from mmxas.codecs.predictions import read_prediction
from mmxas.evaluation.protocol import Protocol, load_protocol
from mmxas.evaluation.sample_record import (
    as_given,
    nearest_of_first,
    sample_errors_2d,
    sample_poses,
)
from mmxas.ops.geometry import camera_to_image, camera_to_norm

K = np.array([[1100.0, 0, 480], [0, 1100.0, 520], [0, 0, 1]])
PAIRS = ((1, 2), (3, 4))


def target():
    points = np.random.default_rng(0).normal(0, 250, (6, 3)) + [50, -80, 5000]
    points[0, 2] = 5000.0
    return points


def sample(hypotheses=None, **other):
    """A sample whose image is exact but for what a test changes."""
    image = camera_to_image(target(), K, 5000.0)
    hypotheses = image[None] if hypotheses is None else hypotheses
    return dict(
        pred_instances=dict(keypoints=hypotheses[:1], hypotheses=hypotheses[None],
                            hypothesis_valid=np.ones((1, *hypotheses.shape[:2]), bool)),
        gt_instances=dict(keypoints_cam=target()[None], keypoints=image[None, :, :2]), camera=dict(K=K),
        root_depth=5000.0, input_scale=np.array([440.0, 440.0]), input_center=np.zeros(2), rect_3d_width=2000.0) | other


def test_an_exact_prediction_is_lifted_to_its_label():
    record = sample_poses(sample(), Protocol(), PAIRS)
    np.testing.assert_allclose(record['hypotheses'][0], record['target'], atol=1e-8)
    assert set(record) == {'hypotheses', 'valid', 'target'}
    assert sample_poses(sample(camera=None), Protocol(), PAIRS) == {}


def test_without_the_root_depth_the_crop_is_taken_to_be_two_metres():
    exact = sample(rect_3d_width=None)  # the crop is 440 px: 2000 mm at 5 m
    record = sample_poses(exact, Protocol(true_root_depth=False), PAIRS)
    np.testing.assert_allclose(record['hypotheses'][0], target(), atol=1e-8)
    record = sample_poses(exact, Protocol(true_root_depth=False, assumed_rect_3d_width=1000.0), PAIRS)
    np.testing.assert_allclose(record['hypotheses'][0], target() / 2, atol=1e-8)


def test_without_the_camera_rays_are_parallel():
    pose = sample_poses(sample(), Protocol(true_intrinsics=False), PAIRS)['hypotheses'][0]
    image = camera_to_image(target(), K, 5000.0)
    np.testing.assert_allclose(pose[:, :2] - pose[0, :2], (image[:, :2] - image[0, :2]) * 2000 / 440)
    np.testing.assert_allclose(pose[:, 2], image[:, 2])


def test_depths_in_sides_of_the_crop():
    image = camera_to_image(target(), K, 5000.0) / [1, 1, 2000]
    crops = sample(image[None])
    crops['pred_instances']['depth_unit'] = ['crop']
    np.testing.assert_allclose(sample_poses(crops, Protocol(), PAIRS)['hypotheses'][0], target(), atol=1e-8)
    found = as_given(read_prediction(crops), Protocol(true_root_depth=False, assumed_rect_3d_width=1500.0))
    assert (found.depth_unit, found.rect_3d_width, found.root_depth) == ('mm', 1500, pytest.approx(3750))
    np.testing.assert_allclose(found.hypotheses[0, :, 2], (target()[:, 2] - 5000) * 0.75, atol=1e-8)


def test_the_switch_by_itself():
    crossed = camera_to_image(target(), K, 5000.0)[[0, 2, 1, 3, 4, 5]][None]
    plain = sample_poses(sample(crossed), Protocol(), PAIRS)
    assert np.linalg.norm(plain['hypotheses'][0] - target(), axis=-1)[1:3].min() > 100
    switched = sample_poses(sample(crossed), Protocol(left_right_switch=True), PAIRS)
    np.testing.assert_allclose(switched['hypotheses'][0], target(), atol=1e-8)
    assert switched['switched'].tolist() == [False, True, True, False, False, False]
    assert sample_errors_2d(sample(crossed), PAIRS)['2d_error'] > 1
    assert sample_errors_2d(sample(crossed), PAIRS, switch=True)['2d_error'] == pytest.approx(0, abs=1e-9)


def test_the_nearest_in_the_norm_frame_is_that_of_the_released_code():
    """Its rule, on coordinates of the norm frame: the least squared distance, whether a peak is there or not."""
    rng = np.random.default_rng(1)
    hypotheses = camera_to_image(target(), K, 5000.0) + rng.normal(0, [1, 1, 80], (3, 6, 3))
    raw = sample(hypotheses, warp_mat=None)
    raw['pred_instances']['hypothesis_valid'][:] = False
    record = sample_poses(raw, load_protocol(dict(name='released', left_right_switch=False)), PAIRS)
    warp = np.array([[256 / 440, 0, 0.0], [0, 256 / 440, 0]])
    norm = np.stack([camera_to_norm(pose, warp, 256.0, K, 5000.0, 2000.0) for pose in record['hypotheses']])
    label = camera_to_norm(target(), warp, 256.0, K, 5000.0, 2000.0)
    best = np.square(norm - label).sum(-1).argmin(0)
    assert len(set(best)) > 1
    np.testing.assert_allclose(record['nearest'][-1], record['hypotheses'][best, np.arange(6)], atol=1e-8)
    np.testing.assert_allclose(record['nearest'][0], record['hypotheses'][0], atol=1e-8)


def test_invalid_entries_do_not_compete():
    points, valid = np.array([[[3.0, 0, 0]], [[0, 0, 0]], [[1, 0, 0]]]), np.array([[False], [False], [True]])
    assert nearest_of_first(points, np.zeros((1, 3)), valid)[:, 0].tolist() == [0, 0, 2]


def test_errors_in_the_image_count_labelled_keypoints():
    image = camera_to_image(target(), K, 5000.0)[None]
    off = image.copy()
    off[0, :, 0] += [0, 11, 22, 33, 44, 1000]
    visible = np.array([[1, 1, 1, 1, 1, 0]])
    truth = dict(keypoints=image[..., :2], keypoints_visible=visible, head_size=np.array([[66.0]]))
    errors = sample_errors_2d(sample(off, gt_instances=truth), PAIRS)
    assert errors == {'2d_error': pytest.approx(100 * 22 / 440), 'pckh': pytest.approx(60)}  # 33 px is not below half
    assert sample_errors_2d(sample(gt_instances=dict(keypoints=image), head_size=66.0), PAIRS)['pckh'] == 100
    assert sample_errors_2d(sample(gt_instances=None), PAIRS) == {}


def test_extrinsics_come_along():
    record = sample_poses(sample(camera=dict(K=K, R=np.eye(3), t=np.ones((3, 1)))), Protocol(), PAIRS)
    assert record['t'].tolist() == [1, 1, 1] and record['R'].tolist() == np.eye(3).tolist()
