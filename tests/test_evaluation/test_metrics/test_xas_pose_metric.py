import json
from functools import partial

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample

from mmxas.evaluation import load_mean_pose, metrics
from mmxas.ops.geometry import camera_to_image
from mmxas.registry import METRICS
from mmxas.structures import load_skeleton

XASPoseMetric = partial(metrics.XASPoseMetric, skeleton='h36m18')
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
        clip=clip, input_size=(64, 64), input_scale=np.array([500.0, 500.0]), input_center=np.zeros(2),
        box_source=box, warp_mat=np.array([[0.128, 0, -30.0], [0, 0.128, -30.0]])))
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


def test_top1_and_best_are_lifted_and_compared():
    flat = run(XASPoseMetric(), [sample(), sample(seed=1)])
    expected = (ray_error(60) + ray_error(60, seed=1)) / 2
    assert flat['xas/top1/MPJPE'] == pytest.approx(expected, abs=1e-2)
    assert flat['xas/best_of_h_per_pose/MPJPE'] == pytest.approx(0, abs=1e-2)
    assert flat['xas/best_of_h_per_joint/MPJPE'] == pytest.approx(0, abs=1e-2)
    assert flat['xas/2d_error'] == pytest.approx(100 * 5 / 500)
    assert 'xas/mask_iou' not in flat and 'xas/mean_pose/MPJPE' not in flat
    assert flat['xas/top1/P-MPJPE'] < flat['xas/top1/N-MPJPE'] <= flat['xas/top1/MPJPE'] + 1


FOURTEEN = [name for name in SKELETON.keypoints if name not in ('root', 'torso', 'nose', 'thorax')]


def test_pck_and_auc_of_chosen_keypoints_leave_out_what_is_always_right(capsys):
    """All keypoints but the root are wrong: 1 of 18 is right, and 0 of 14."""
    flat = run(XASPoseMetric(keypoints=FOURTEEN), [sample(offsets=(900.0, 70.0))])
    assert flat['xas/top1/PCK@150mm'] == pytest.approx(100 / 18)
    assert flat['xas/top1/PCK@150mm/14'] == flat['xas/top1/AUC/14'] == 0
    assert flat['xas/best_of_h_per_pose/PCK@150mm/14'] == 100  # the better one is the one with more
    assert 0 < flat['xas/best_of_h_per_pose/AUC/14'] < flat['xas/best_of_h_per_pose/AUC']
    assert 'xas/top1/MPJPE/14' not in flat
    with pytest.raises(ValueError, match=r"keypoints=\['tail'\]: different keypoints of the skeleton 'h36m18'"):
        XASPoseMetric(keypoints=['tail'])


def test_pckh_of_chosen_keypoints_is_pooled(tmp_path):
    """Image a labels 4 keypoints, pelvis and thorax among them, and misses an ankle; image b labels 1 and hits it."""
    samples = []
    for labelled, wrong in ((('root', 'thorax', 'head', 'left_ankle'), 'left_ankle'), (('head', ), None)):
        one = sample(labels=False)
        points = one['pred_instances']['keypoints'][..., :2].copy()
        if wrong:
            points[0, SKELETON.keypoints.index(wrong)] += 51
        visible = np.isin(SKELETON.keypoints, labelled).astype(np.float32)[None]
        one['gt_instances'] = dict(keypoints=points, keypoints_visible=visible, head_size=np.full((1, 1), 100.0))
        samples.append(one)
    out = tmp_path / 'pose.json'
    flat = run(XASPoseMetric(keypoints=FOURTEEN, out_file=str(out)), samples)
    assert flat['xas/pckh'] == pytest.approx((75 + 100) / 2)
    assert flat['xas/pckh/14'] == pytest.approx(100 * 2 / 3)
    report = json.loads(out.read_text())
    assert report['keypoints'] == FOURTEEN and report['groups']['all']['pckh/14'] == pytest.approx(100 * 2 / 3)


def test_invalid_hypotheses_do_not_win():
    flat = run(XASPoseMetric(), [sample(invalid=(2, ))])
    assert flat['xas/best_of_h_per_pose/MPJPE'] == pytest.approx(ray_error(30), abs=1e-2)
    flat = run(XASPoseMetric(), [sample(invalid=(1, 2))])
    assert flat['xas/best_of_h_per_pose/MPJPE'] == pytest.approx(ray_error(60), abs=1e-2)
    assert flat['xas/best_of_noise/MPJPE'] == pytest.approx(ray_error(60), abs=1e-2)


def test_the_result_says_what_became_of_backgrounds(tmp_path, monkeypatch):
    said, removed = [], dict(background='removed by masks of the data set')
    monkeypatch.setattr('mmxas.evaluation.metrics.xas_pose_metric.print_log', lambda text, *_: said.append(text))
    for name, samples, found in (('masks', [sample() | removed, sample() | removed], [removed['background']]),
                                 ('both', [sample() | removed, sample()], ['kept', removed['background']]),
                                 ('none', [sample()], ['kept'])):
        run(XASPoseMetric(out_file=str(tmp_path / f'{name}.json')), samples)
        assert json.loads((tmp_path / f'{name}.json').read_text())['background'] == found
        assert said[-1].splitlines()[1].endswith(f'; background {" or ".join(found)}')


def test_groups_clips_and_the_file(tmp_path):
    out = tmp_path / 'results' / 'pose.json'
    metric = METRICS.build(dict(
        type='XASPoseMetric', skeleton='h36m18', mean_pose_file='mocap_human_mean_pose', out_file=str(out),
        groups=dict(held_out=['run', 'dance_b'], ood=['roll'])))
    flat = run(metric, [sample('run'), sample('run', (20.0, 20.0, 20.0)), sample('roll', (90.0, 90.0, 90.0)),
                        sample('walk', (500.0, 500.0, 500.0))])
    assert flat['xas/top1/MPJPE'] == pytest.approx((ray_error(60) + ray_error(20)) / 2, abs=1e-2)
    assert flat['xas/ood/top1/MPJPE'] == pytest.approx(ray_error(90), abs=1e-2)
    report = json.loads(out.read_text())
    assert report['protocol']['ground_truth'][0] == 'camera and root depth given'
    assert (report['frame'], report['unit'], report['num_hypotheses']) == ('camera', 'mm', 3)
    assert (report['num_samples'], report['num_labelled']) == (4, 4)
    assert report['groups']['held_out']['num_samples'] == 2 and set(report['clips']) == {'run', 'roll', 'walk'}
    mean = load_mean_pose('mocap_human_mean_pose', SKELETON)
    target = np.random.default_rng(0).normal(0, 250, (18, 3)) + [50, -80, 5000]
    expected = np.linalg.norm(target - target[0] - mean, axis=-1).mean()
    assert report['groups']['ood']['mean_pose']['MPJPE'] == pytest.approx(expected, rel=1e-4)


def test_ground_truth_in_use_is_stated(tmp_path):
    out, best = tmp_path / 'pose.json', dict(best_of_h_per_pose=False, best_of_h_per_joint=False)
    for kwargs, switches, stated in (
            (dict(box='root'), best, ['camera and root depth given', 'crop from the true root']),
            (dict(), dict(best, true_root_depth=False), ['camera given']),
            (dict(), dict(best, true_root_depth=False, true_intrinsics=False), ['no ground truth used'])):
        run(XASPoseMetric(out_file=str(out), protocol=switches), [sample(**kwargs)])
        assert json.loads(out.read_text())['protocol']['ground_truth'] == stated


def test_without_labels_the_masks_are_enough():
    flat = run(XASPoseMetric(mean_pose_file='mocap_human_mean_pose'), [sample(labels=False, mask=True)])
    assert list(flat) == ['xas/mask_iou'] and 0 < flat['xas/mask_iou'] < 1


def test_some_samples_with_labels():
    flat = run(XASPoseMetric(), [sample(mask=True), sample(labels=False, mask=True, seed=1)])
    assert flat['xas/top1/MPJPE'] == pytest.approx(ray_error(60), abs=1e-2)


def test_a_detector_without_hypotheses_is_a_single_hypothesis():
    plain = sample()
    for key in ('hypotheses', 'hypothesis_valid', 'hypothesis_scores'):
        del plain['pred_instances'][key]
    flat = run(XASPoseMetric(), [plain])
    assert flat['xas/best_of_h_per_pose/MPJPE'] == flat['xas/top1/MPJPE'] == pytest.approx(ray_error(60), abs=1e-2)
    assert 'xas/best_of_noise/MPJPE' not in flat


def test_no_sample_in_any_group():
    with pytest.raises(ValueError, match=r"the samples' clips \['run'\]"):
        run(XASPoseMetric(groups=dict(held_out=['dance_b'])), [sample()])


def with_extrinsics(samples, seed=5):
    """The same poses in a world: a turned one, whose origin is elsewhere."""
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    rotation *= np.sign(np.linalg.det(rotation))
    for one in samples:
        one['camera'] = dict(one['camera'], R=rotation, t=np.array([300.0, -900, 4000]))
    return samples, rotation


def released_samples():
    """Noisy ones in two actions, of three and of one sample."""
    rng, samples = np.random.default_rng(7), []
    for seed, clip in enumerate(['walk', 'walk', 'sit', 'walk']):
        one = sample(clip, box='root', seed=seed)
        one['pred_instances']['hypotheses'] += rng.normal(0, [8, 8, 60], (1, 3, 18, 3))
        one['pred_instances']['hypotheses'][0, :, :, :2] = one['pred_instances']['hypotheses'][0, :1, :, :2]
        samples.append(one)
    crossed = samples[0]['pred_instances']['hypotheses']
    crossed[0][:, [1, 4]] = crossed[0][:, [4, 1]]
    return with_extrinsics(samples)


def test_the_released_protocol_step_by_step(tmp_path):
    """Its evaluation, written out for one sample: norm frame, switch, nearest by squared distance, world mm."""
    samples, rotation = released_samples()
    flat = run(XASPoseMetric(protocol='released', out_file=str(tmp_path / 'r.json')), samples)
    errors = []
    for one in samples:
        target = one['gt_instances']['keypoints_cam'][0].astype(float)
        label = camera_to_image(target, K, one['root_depth'])
        side = 2000.0 if one.get('rect_3d_width') else 500 * one['root_depth'] / 1125
        norm = np.array([2 / 500, 2 / 500, 1 / side])
        poses = one['pred_instances']['hypotheses'][0] * norm
        swapped = poses[:, list(SKELETON.flip_indices)]
        nearer = np.abs(swapped - label * norm)[..., :2].sum(-1) < np.abs(poses - label * norm)[..., :2].sum(-1)
        poses = np.where(nearer[..., None], swapped, poses)
        best = np.square(poses - label * norm).sum(-1).argmin(0)
        image = poses[best, np.arange(18)] / norm
        depth = image[:, 2:] + one['root_depth']
        camera = np.concatenate([(image[:, :2] - K[:2, 2]) / K[[0, 1], [0, 1]] * depth, depth], 1)
        world, true = ((points - one['camera']['t']) @ rotation for points in (camera, target))
        scaled = world * (world * true).sum() / (world * world).sum()
        errors.append([np.linalg.norm(pose - true, axis=1).mean() for pose in (world, scaled)])
    errors = np.array(errors)
    by_action = (errors[[0, 1, 3]].mean(0) + errors[2]) / 2
    assert flat['xas/best_of_h_per_joint/MPJPE'] == pytest.approx(by_action[0], rel=1e-5)
    assert flat['xas/best_of_h_per_joint/N-MPJPE'] == pytest.approx(by_action[1], rel=1e-5)
    assert not any('best_of_h_per_pose' in name or 'noise' in name for name in flat)
    result = json.loads((tmp_path / 'r.json').read_text())
    assert result['alignment']['N-MPJPE'] == "scaled about the world's origin"
    assert result['tables']['action']['sit']['best_of_h_per_joint']['MPJPE'] == pytest.approx(errors[2, 0], rel=1e-5)
    uses = result['protocol']['ground_truth']
    assert [use.split()[0] for use in uses] == ['camera', 'crop', 'left/right', 'best_of_h_per_joint:']


def test_each_switch_changes_the_numbers_by_itself():
    base = run(XASPoseMetric(protocol='released'), released_samples()[0])
    for switch, value, name in (
            ('left_right_switch', False, 'top1/MPJPE'), ('root_centred', True, 'top1/MPJPE'),
            ('scale_about', 'root', 'top1/N-MPJPE'), ('nearest_in', 'camera', 'best_of_h_per_joint/MPJPE'),
            ('average', 'samples', 'top1/MPJPE'), ('true_root_depth', False, 'top1/MPJPE')):
        flat = run(XASPoseMetric(protocol=dict(name='released', **{switch: value})), released_samples()[0])
        assert flat[f'xas/{name}'] != pytest.approx(base[f'xas/{name}'], rel=1e-6), switch


def test_the_released_protocol_asks_for_its_crops_and_says_which_origin_it_took(tmp_path):
    with pytest.raises(ValueError, match=r"'released' needs crops around the true root, .* come from mask"):
        run(XASPoseMetric(protocol='released'), [sample()])
    out = tmp_path / 'pose.json'
    run(XASPoseMetric(protocol=dict(name='released', crop='any'), out_file=str(out)), [sample()])
    assert 'samples have no extrinsics' in json.loads(out.read_text())['alignment']['N-MPJPE']


def test_more_hypotheses_never_make_the_best_worse(tmp_path):
    out = tmp_path / 'pose.json'
    run(XASPoseMetric(out_file=str(out)), [sample(), sample(offsets=(60.0, 90.0, 20.0), seed=1)])
    curves = json.loads(out.read_text())['groups']['all']['best_of_first']
    expected = [(ray_error(60) + ray_error(60, 1)) / 2, (ray_error(30) + ray_error(60, 1)) / 2,
                (ray_error(0) + ray_error(20, 1)) / 2]
    assert curves['best_of_h_per_pose'] == pytest.approx(expected, abs=1e-2)
    assert curves['best_of_h_per_joint'] == pytest.approx(expected, abs=1e-2)


def test_tables_by_camera_and_percentages():
    samples = [sample() | dict(camera_name='a'), sample(offsets=(200.0, )*3, seed=1) | dict(camera_name='b')]
    metric = XASPoseMetric(group_by=('camera', 'subject'))
    flat = run(metric, samples)
    assert flat['xas/top1/PCK@150mm'] == pytest.approx((100 + 100 / 18) / 2)
    assert 0 < flat['xas/top1/AUC'] < 60 and flat['xas/best_of_h_per_pose/AUC'] > flat['xas/top1/AUC']


def test_pckh_without_any_3d_label():
    one = sample(labels=False)
    one['gt_instances'].update(keypoints=one['pred_instances']['keypoints'][..., :2] + [30.0, 0])
    one['head_size'] = 61.0
    flat = run(XASPoseMetric(), [one, sample(labels=False, mask=True)])
    assert flat['xas/pckh'] == 100 and flat['xas/2d_error'] == pytest.approx(6)
