import numpy as np
import pytest
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample, merge_data_samples

from mmxas.ops import camera_to_image
from mmxas.visualization.instance_view import view_instance


def test_poses_come_back_in_mm(make_sample, true_pose):
    view = view_instance(make_sample())
    assert (view.unit, view.poses.shape) == ('mm', (3, 18, 3))
    np.testing.assert_allclose(view.poses[1], true_pose, atol=2e-3)
    np.testing.assert_allclose(view.true_pose, true_pose, atol=1e-3)
    np.testing.assert_allclose(view.errors()[1], 0, atol=2e-3)
    # 180 and 420 mm at two of 18 keypoints
    assert view.errors()[0] == pytest.approx(600 / 18, abs=1e-2)


def test_the_crop_is_the_one_that_was_cut(make_sample):
    np.testing.assert_allclose(view_instance(make_sample()).prediction.crop, [49.5, 29.5, 249.5, 229.5], atol=1e-4)
    # without the transform's record, the padded box gives the same
    sample = make_sample()
    bare = PoseDataSample(metainfo=dict(rect_3d_width=2000.0), pred_instances=sample.pred_instances)
    np.testing.assert_allclose(view_instance(bare).prediction.crop, [49.5, 29.5, 249.5, 229.5], atol=1e-4)


def test_only_valid_and_far_keypoints_differ(make_sample):
    differs = view_instance(make_sample()).differs(50.0)
    assert np.flatnonzero(differs[1]).tolist() == [12, 13]
    assert np.flatnonzero(differs[2]).tolist() == [3]
    assert not differs[0].any()
    assert np.flatnonzero(view_instance(make_sample()).differs(200.0)[1]).tolist() == [13]


def test_keypoints_without_a_label_are_known_as_such(make_sample):
    sample = make_sample()
    assert view_instance(sample).true_visible is None or view_instance(sample).true_visible.all()
    sample.gt_instances.keypoints_visible = np.ones((1, 18, 1), np.float32)
    sample.gt_instances.keypoints_visible[0, [3, 7]] = 0
    assert np.flatnonzero(~view_instance(sample).true_visible).tolist() == [3, 7]


def test_without_a_box_in_mm_the_unit_is_the_crop(make_sample, true_pose):
    view = view_instance(make_sample(depth_unit='crop'))
    assert view.unit == 'crop' and view.depth_range == (-1.0, 1.0)
    np.testing.assert_allclose(view.poses[1], true_pose / 2000, atol=1e-6)
    assert view.true_pose is None and view.errors() is None


def test_depth_heatmaps_come_along_with_the_instances(make_sample):
    sample = make_sample(bins=32)
    heatmap = view_instance(sample).depth_heatmap
    assert heatmap.shape == (18, 32)
    np.testing.assert_allclose(heatmap.sum(axis=1), 1, atol=1e-6)
    # what mmpose's hook hands on after merging
    np.testing.assert_array_equal(view_instance(merge_data_samples([sample])).depth_heatmap, heatmap)
    assert view_instance(make_sample(with_heatmap=False)).depth_heatmap is None


def test_instances_carry_their_own_crops(make_sample):
    first, second = make_sample(with_heatmap=False), make_sample(with_heatmap=False, centre=(90.0, 100.0), side=120.0)
    merged = merge_data_samples([first, second])
    np.testing.assert_allclose(view_instance(merged, 1).prediction.crop, [29.5, 39.5, 149.5, 159.5], atol=1e-4)
    merged.pred_instances.crop_boxes = np.array([[0, 0, 9, 9], [1, 2, 11, 12]])
    np.testing.assert_allclose(view_instance(merged, 1).prediction.crop, [1, 2, 11, 12])
    assert view_instance(merged, 2) is None


def test_a_2d_prediction_is_one_flat_hypothesis():
    sample = PoseDataSample(metainfo={}, pred_instances=InstanceData(
        keypoints=np.array([[[10.0, 10.0], [30.0, 50.0]]]), keypoint_scores=np.array([[0.5, 0.7]])))
    view = view_instance(sample)
    assert view.poses.shape == (1, 2, 3) and (view.poses[..., 2] == 0).all()
    assert view.pose_scores()[0] == pytest.approx(0.6)
    assert view.prediction.crop_side == pytest.approx(50.0)


def test_nothing_predicted_is_none():
    assert view_instance(PoseDataSample()) is None


def test_a_known_camera_lifts_the_poses_as_the_metrics_do(make_sample, true_pose):
    sample = make_sample()
    K = np.array([[400.0, 0, 150], [0, 400.0, 130], [0, 0, 1]])
    world = np.repeat((true_pose + [200, -100, 4000])[None], 3, axis=0)
    projected = camera_to_image(world, np.repeat(K[None], 3, axis=0), 4000.0)
    sample.pred_instances.hypotheses = projected[None].astype(np.float32)
    sample.set_metainfo(dict(camera=dict(K=K), root_depth=4000.0))
    view = view_instance(sample)
    np.testing.assert_allclose(view.poses[1], true_pose, atol=0.01)
    np.testing.assert_allclose(view.errors(), 0, atol=0.01)
    # without the camera, perspective is left in x and y
    assert np.abs(view_instance(merge_data_samples([sample, sample])).poses[1] - true_pose).max() > 10
