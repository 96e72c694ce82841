from functools import partial
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from mmxas.evaluation import metrics
from mmxas.evaluation.result_file import read_result
from mmxas.ops.geometry import camera_to_image, world_to_camera

TriangulationMetric = partial(metrics.TriangulationMetric, skeleton='h36m18')
ROOT = Path(__file__).parents[3]
K = np.array([[1145.0, 0, 512], [0, 1143.0, 515], [0, 0, 1]])


def camera(angle):
    """A camera 5 m from the middle of the room."""
    angle = np.radians(angle)
    centre = np.array([5000 * np.cos(angle), 5000 * np.sin(angle), 1500])
    forward = [0, 0, 900] - centre
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    return dict(K=K, R=rotation, t=-rotation @ centre)


def world_pose(frame):
    return np.random.default_rng(frame).normal(0, 300, (18, 3)) + [200, 100, 900]


def views(frame, angles=(20, 110, 200, 290), pixels=0.0, depth=300.0, order=None, action='walk', **meta):
    """Samples of a frame set; depths are wrong, which triangulation must not mind."""
    rng, samples = np.random.default_rng(frame), []
    for number, angle in enumerate(angles):
        setup = camera(angle)
        target = world_to_camera(world_pose(frame), setup['R'], setup['t'])
        image = camera_to_image(target, K, target[0, 2])
        if order is not None and number in order:
            image[[1, 4]] = image[[4, 1]]
        image[:, :2] += rng.normal(0, pixels, (18, 2)) if pixels else 0
        image[:, 2] += rng.normal(0, depth, 18)
        sample = PoseDataSample(metainfo=dict(
            camera=setup, root_depth=target[0, 2], input_scale=np.array([450.0, 450.0]), input_center=np.zeros(2),
            box_source='root', clip=action, action=action, subject='S9', sequence='S9_walk', frame=frame,
            camera_name=str(angle)) | meta)
        sample.pred_instances = InstanceData(
            keypoints=image[None], hypotheses=image[None, None], hypothesis_scores=np.ones((1, 1, 18)),
            hypothesis_valid=np.ones((1, 1, 18), bool))
        sample.gt_instances = InstanceData(keypoints_cam=target[None])
        samples.append(sample.to_dict())
    return samples


def run(metric, samples):
    for sample in samples:
        metric.process(None, [sample])
    return metric.evaluate(len(samples))


@pytest.mark.parametrize('kwargs', [{}, dict(protocol='released'), dict(weights='scores')])
def test_exact_pixels_give_exact_poses(kwargs):
    flat = run(TriangulationMetric(**kwargs), views(0) + views(1))
    assert flat['xas/triangulated/MPJPE'] == pytest.approx(0, abs=1e-6)
    assert flat['xas/triangulated/PCK@150mm'] == 100 and flat['xas/ambiguity_ratio'] == 0


def test_a_pixel_of_noise_costs_millimetres_and_depths_nothing():
    samples = [view for frame in range(30) for view in views(frame, pixels=1.0)]
    flat = run(TriangulationMetric(), samples)
    assert 3 < flat['xas/triangulated/MPJPE'] < 8


def test_frame_sets_are_told_apart_and_counted(tmp_path):
    out = tmp_path / 'triangulation.json'
    samples = views(0) + views(1, action='sit', order=(0, )) + views(2, angles=(20, )) + views(3, angles=(20, 110))
    flat = run(TriangulationMetric(out_file=str(out)), samples[::-1])
    # Of the frame set with one view of four that exchanges a pair: 2 keypoints of 18 count a quarter.
    assert flat['xas/ambiguity_ratio'] == pytest.approx(2 / 18 / 4 / 3)
    result = read_result(out)
    assert (result['num_frame_sets'], result['num_frame_sets_left_out'], result['num_views']) == (3, 1, [2, 4])
    assert (result['frame'], result['unit'], result['num_samples']) == ('world', 'mm', 11)
    assert result['tables']['action']['walk']['num_samples'] == 2
    assert result['tables']['action']['sit']['triangulated']['MPJPE'] > 5


def test_the_switch_repairs_the_released_protocols_numbers():
    flat = run(TriangulationMetric(protocol='released'), views(0, order=(0, 1)))
    assert flat['xas/triangulated/MPJPE'] == pytest.approx(0, abs=1e-6)
    assert flat['xas/ambiguity_ratio'] == pytest.approx(2 / 18 / 2)


def test_what_is_refused():
    with pytest.raises(ValueError, match='no frame set has 2 views: 1 samples, 1 of .* make 1 frame sets by subject'):
        run(TriangulationMetric(), views(0, angles=(20, )))
    with pytest.raises(ValueError, match=r'frame set \(S9, walk, S9_walk, 0\): several samples of one camera'):
        run(TriangulationMetric(), views(0) + views(0))
    with pytest.raises(ValueError, match=r'frame set \(S9, .*, 0\), cameras .*20.0.*: degenerate views'):
        run(TriangulationMetric(), views(0, angles=(20, 20.0)))
    with pytest.raises(ValueError, match="weights: one of 'none', 'scores', 'depth' expected"):
        TriangulationMetric(weights='peaks')
    with pytest.raises(ValueError, match='min_views >= 2'):
        TriangulationMetric(min_views=1)


def test_the_logged_numbers_are_those_of_the_first_group():
    samples = views(0) + views(1, pixels=30.0, action='sit')
    flat = run(TriangulationMetric(groups=dict(paper=['walk'], other=['sit'])), samples)
    assert flat['xas/triangulated/MPJPE'] == pytest.approx(0, abs=1e-6)
    assert flat['xas/other/triangulated/MPJPE'] > 10
    with pytest.raises(ValueError, match='no sample belongs to a group'):
        run(TriangulationMetric(groups=dict(paper=['run'])), views(0))


@pytest.mark.parametrize('name', ['xas_h36m_sur_sh', 'xas_h36m_sur_sh_no_disc'])
def test_both_figures_of_table_3_are_of_the_same_frames(name):
    pose, triangulated = Config.fromfile(ROOT / f'configs/{name}.py').test_evaluator
    assert pose.groups == triangulated.groups and len(pose.groups.paper) == 6
