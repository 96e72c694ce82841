import numpy as np
import pytest
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from mmxas.apis.camera_lift import lift_to_camera
from mmxas.ops import camera_to_image

K = np.array([[1100.0, 0, 500], [0, 1120.0, 480], [0, 0, 1]])


def camera_poses(count=2, hypotheses=3, keypoints=5, seed=0):
    poses = np.random.default_rng(seed).normal(scale=300, size=(count, hypotheses, keypoints, 3))
    poses[..., 2] += 4000
    return poses


def sample(poses, unit, root_depth=4000.0, side=250.0):
    image = camera_to_image(poses, K, np.full(poses.shape[:2], root_depth))
    if unit == 'crop':
        image[..., 2] /= side * root_depth / 1110.0
    return PoseDataSample(metainfo={}, pred_instances=InstanceData(
        keypoints=image[:, 0], hypotheses=image, depth_unit=[unit] * len(poses),
        crop_boxes=np.tile([10.0, 20, 10 + side, 20 + side], (len(poses), 1))))


def test_points_come_back_from_their_projection():
    poses = camera_poses()[0, 0]
    np.testing.assert_allclose(lift_to_camera(camera_to_image(poses, K, 4000.0), K, 4000.0), poses, atol=1e-9)


@pytest.mark.parametrize('unit', ['mm', 'crop'])
def test_all_hypotheses_of_a_sample_are_lifted_in_either_unit(unit):
    poses = camera_poses()
    np.testing.assert_allclose(lift_to_camera(sample(poses, unit), K, 4000.0), poses, atol=1e-8)


def test_each_instance_has_its_own_root_depth():
    poses = camera_poses()
    prediction = sample(poses, 'mm')
    lifted = lift_to_camera(prediction, K, np.array([4000.0, 5000.0]))
    np.testing.assert_allclose(lifted[0], poses[0], atol=1e-8)
    np.testing.assert_allclose(lifted[1, ..., 2], poses[1, ..., 2] + 1000)


@pytest.mark.parametrize(('intrinsics', 'depth', 'message'), [
    (np.eye(2), 4000.0, r'a matrix \(3, 3\) expected, found shape \(2, 2\)'),
    (K, -1.0, r'\(> 0\) expected, found -1.0'),
    (K, np.nan, r'\(> 0\) expected, found nan'),
])
def test_a_bad_camera_is_named(intrinsics, depth, message):
    with pytest.raises(ValueError, match=message):
        lift_to_camera(np.zeros((4, 3)), intrinsics, depth)


def test_intrinsics_that_no_camera_has_are_refused():
    with pytest.raises(ValueError, match=r'^intrinsics: .*fx > 0 and fy > 0 expected, found \['):
        lift_to_camera(np.zeros((4, 3)), np.zeros((3, 3)), 4000.0)


def test_2d_poses_cannot_be_lifted():
    with pytest.raises(ValueError, match=r'shape \(\.\.\., P, 3\) expected, got \(4, 2\)'):
        lift_to_camera(np.zeros((4, 2)), K, 4000.0)
