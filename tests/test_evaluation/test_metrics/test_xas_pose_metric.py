import json

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample

from mmxas.datasets.skeletons import load_skeleton
from mmxas.evaluation import XASPoseMetric, load_mean_pose
from mmxas.ops.geometry import camera_to_image
from mmxas.registry import METRICS

K = np.array([[1100.0, 0, 480], [0, 1150.0, 520], [0, 0, 1]])
SKELETON = load_skeleton('h36m18')


def sample(clip='run', offsets=(60.0, 30.0, 0.0), invalid=(), labels=True, mask=False, box='mask', seed=0):
    """A sample whose hypothesis h is off by so many mm of depth at each keypoint but the root."""
    rng = np.random.default_rng(seed)
    target = rng.normal(0, 250, (18, 3)) + [50, -80, 5000]
    hypotheses = np.stack([camera_to_image(target, K, target[0, 2])] * len(offsets))
    for h, offset in enumerate(offsets):
        hypotheses[h, 1:, 2] += offset
    valid = np.ones(hypotheses.shape[:2], bool)
    valid[list(invalid)] = False
    out = PoseDataSample(metainfo=dict(
        clip=clip, input_size=(64, 64), input_scale=np.array([500.0, 500.0]), box_source=box,
        warp_mat=np.array([[0.128, 0, -30.0], [0, 0.128, -30.0]])))
    out.pred_instances = InstanceData(
        keypoints=hypotheses[:1].copy(), keypoint_scores=np.ones((1, 18)), hypotheses=hypotheses[None],
        hypothesis_valid=valid[None], hypothesis_scores=np.ones((1, *valid.shape)))
    out.gt_instances = InstanceData(bboxes=np.zeros((1, 4)))
    if labels:
        out.set_metainfo(dict(camera=dict(K=K), root_depth=float(target[0, 2])))
        out.gt_instances.keypoints_cam = target[None].astype(np.float32)
        out.gt_instances.keypoints = camera_to_image(target, K)[None, :, :2] + [3.0, 4.0]
    if mask:
        out.gt_fields = PixelData(mask=torch.ones(1, 64, 64))
    return out.to_dict()


def run(metric, samples):
    metric.process(None, samples)
    return metric.evaluate(size=len(samples))


def ray_error(depth_offset, seed=0):
    """Mean distance that such an offset makes along the rays."""
    target = np.random.default_rng(seed).normal(0, 250, (18, 3)) + [50, -80, 5000]
    rays = np.linalg.norm(target / target[:, 2:], axis=1)
    return depth_offset * rays[1:].sum() / 18


def test_confident_and_best_are_lifted_and_compared():
    flat = run(XASPoseMetric(), [sample(), sample(seed=1)])
    expected = (ray_error(60) + ray_error(60, seed=1)) / 2
    assert flat['xas/confident/MPJPE'] == pytest.approx(expected, abs=1e-2)
    assert flat['xas/best_per_pose/MPJPE'] == pytest.approx(0, abs=1e-2)
    assert flat['xas/best_per_keypoint/MPJPE'] == pytest.approx(0, abs=1e-2)
    assert flat['xas/2d_error'] == pytest.approx(100 * 5 / 500)
    assert 'xas/mask_iou' not in flat and 'xas/mean_pose/MPJPE' not in flat
    assert flat['xas/confident/P-MPJPE'] < flat['xas/confident/N-MPJPE'] <= flat['xas/confident/MPJPE'] + 1


def test_invalid_hypotheses_do_not_win():
    flat = run(XASPoseMetric(), [sample(invalid=(2, ))])
    assert flat['xas/best_per_pose/MPJPE'] == pytest.approx(ray_error(30), abs=1e-2)
    flat = run(XASPoseMetric(), [sample(invalid=(1, 2))])
    assert flat['xas/best_per_pose/MPJPE'] == pytest.approx(ray_error(60), abs=1e-2)
    assert flat['xas/best_of_noise/MPJPE'] == pytest.approx(ray_error(60), abs=1e-2)


def test_groups_clips_and_the_file(tmp_path):
    out = tmp_path / 'results' / 'pose.json'
    metric = METRICS.build(dict(
        type='XASPoseMetric', mean_pose_file='mocap_human_mean_pose', out_file=str(out),
        groups=dict(held_out=['run', 'dance_b'], ood=['roll'])))
    flat = run(metric, [sample('run'), sample('run', (20.0, 20.0, 20.0)), sample('roll', (90.0, 90.0, 90.0)),
                        sample('walk', (500.0, 500.0, 500.0))])
    assert flat['xas/confident/MPJPE'] == pytest.approx((ray_error(60) + ray_error(20)) / 2, abs=1e-2)
    assert flat['xas/ood/confident/MPJPE'] == pytest.approx(ray_error(90), abs=1e-2)
    report = json.loads(out.read_text())
    assert report['protocol']['ground_truth'] == 'camera and root depth given'
    assert (report['frame'], report['unit'], report['num_hypotheses']) == ('camera', 'mm', 3)
    assert (report['num_samples'], report['num_labelled']) == (4, 4)
    assert report['groups']['held_out']['num_samples'] == 2 and set(report['clips']) == {'run', 'roll', 'walk'}
    mean = load_mean_pose('mocap_human_mean_pose', SKELETON)
    target = np.random.default_rng(0).normal(0, 250, (18, 3)) + [50, -80, 5000]
    expected = np.linalg.norm(target - target[0] - mean, axis=-1).mean()
    assert report['groups']['ood']['mean_pose']['MPJPE'] == pytest.approx(expected, rel=1e-4)


def test_ground_truth_in_use_is_stated(tmp_path):
    for kwargs, stated in ((dict(box='root'), 'camera and root depth given; crop from the true root'),
                           (dict(labels=False, mask=True), 'no ground truth used')):
        out = tmp_path / 'pose.json'
        run(XASPoseMetric(out_file=str(out)), [sample(**kwargs)])
        assert json.loads(out.read_text())['protocol']['ground_truth'] == stated


def test_without_labels_the_masks_are_enough():
    flat = run(XASPoseMetric(mean_pose_file='mocap_human_mean_pose'), [sample(labels=False, mask=True)])
    assert list(flat) == ['xas/mask_iou'] and 0 < flat['xas/mask_iou'] < 1


def test_some_samples_with_labels():
    flat = run(XASPoseMetric(), [sample(mask=True), sample(labels=False, mask=True, seed=1)])
    assert flat['xas/confident/MPJPE'] == pytest.approx(ray_error(60), abs=1e-2)


def test_a_detector_without_hypotheses_is_a_single_hypothesis():
    plain = sample()
    for key in ('hypotheses', 'hypothesis_valid', 'hypothesis_scores'):
        del plain['pred_instances'][key]
    flat = run(XASPoseMetric(), [plain])
    assert flat['xas/best_per_pose/MPJPE'] == flat['xas/confident/MPJPE'] == pytest.approx(ray_error(60), abs=1e-2)
    assert 'xas/best_of_noise/MPJPE' not in flat


def test_no_sample_in_any_group():
    with pytest.raises(ValueError, match=r"the samples' clips \['run'\]"):
        run(XASPoseMetric(groups=dict(held_out=['dance_b'])), [sample()])
