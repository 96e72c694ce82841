"""PCK by the mask's area, by group of keypoints, of the top-1 and the best hypothesis; IoU of the drawn mask."""
import json

import numpy as np
import pytest
import torch

from mmxas.evaluation import MaskPCKMetric
from mmxas.registry import METRICS

SKELETON = dict(name='stick', keypoints=['root', 'tip', 'left', 'right'], parents=[0, 0, 0, 0], flip_pairs=[[2, 3]])
GROUPS = dict(middle=['root', 'tip'], sides=['left', 'right'])
WARP = np.array([[0.5, 0, -10.0], [0, 0.5, -5.0]])  # crop px of half an image px


def sample(errors, visible=(1, 1, 1, 1), extra=None, mask=True, **meta):
    """A mask of 20 x 20 crop px, 40 x 40 image px, so that 0.1 of its size is 4 px."""
    target = np.array([[[60.0, 50], [70, 50], [60, 40], [60, 60]]])
    moved = target + np.array([[[e, 0.0] for e in errors]])
    hypotheses = np.stack([moved] + ([] if extra is None else [target + extra]), axis=1)
    hypotheses = np.concatenate([hypotheses, np.zeros_like(hypotheses[..., :1])], axis=-1)
    body = torch.zeros(1, 64, 64)
    body[:, 10:30, 12:32] = 1
    return dict(
        pred_instances=dict(keypoints=hypotheses[:, 0], hypotheses=hypotheses,
                            hypothesis_valid=np.ones(hypotheses.shape[:3], bool)),
        gt_instances=dict(keypoints=target, keypoints_visible=np.array([visible], np.float32)),
        gt_fields=dict(mask=body) if mask else {}, warp_mat=WARP, input_size=(64, 64), box_source='mask', **meta)


def evaluated(samples, **options):
    metric = METRICS.build(dict(type='MaskPCKMetric', skeleton=SKELETON, keypoint_groups=GROUPS, **options))
    metric.process(None, samples)
    return metric.evaluate(size=len(samples))


def test_errors_at_known_fractions_of_the_size():
    found = evaluated([sample((3.9, 4.1, 5.9, 6.1))])
    assert found['xas/top1/PCK@0.1'] == 25 and found['xas/top1/PCK@0.15'] == 75
    assert found['xas/top1/PCK@0.1/middle'] == 50 and found['xas/top1/PCK@0.1/sides'] == 0
    assert found['xas/top1/PCK@0.15/sides'] == 50
    assert found['xas/best_of_h_per_pose/PCK@0.1'] == 25


def test_only_visible_keypoints_count_and_images_without_any_of_a_group_do_not():
    found = evaluated([sample((0, 99, 0, 99), visible=(1, 0, 1, 0)), sample((0, 99, 9, 9), visible=(1, 1, 0, 0))])
    assert found['xas/top1/PCK@0.1'] == pytest.approx((100 + 50) / 2)
    assert found['xas/top1/PCK@0.1/sides'] == 100, 'of the first image alone'


def test_the_best_hypothesis_is_chosen_number_by_number():
    found = evaluated([sample((0, 9, 9, 9), extra=np.array([[[9, 0], [0, 0], [0, 0], [9, 0]]]))])
    assert (found['xas/top1/PCK@0.1'], found['xas/best_of_h_per_pose/PCK@0.1']) == (25, 50)
    assert (found['xas/top1/PCK@0.1/sides'], found['xas/best_of_h_per_pose/PCK@0.1/sides']) == (0, 50)
    assert found['xas/best_of_h_per_pose/mask_iou'] >= found['xas/top1/mask_iou'] > 0.05


def test_a_hypothesis_that_is_no_pose_never_wins():
    one = sample((9, 9, 9, 9), extra=np.zeros((1, 4, 2)))
    one['pred_instances']['hypothesis_valid'][:, 1] = False
    assert evaluated([one])['xas/best_of_h_per_pose/PCK@0.1'] == 0


def test_the_result_file_says_what_it_is_and_has_tables(tmp_path):
    path = tmp_path / 'result.json'
    evaluated([sample((0, 0, 0, 0), subject='a'), sample((9, 9, 9, 9), subject='b')], out_file=str(path))
    result = json.loads(path.read_text())
    assert result['groups']['all']['top1']['PCK@0.1'] == 50 and result['keypoint_groups'] == GROUPS
    assert {name: table['top1']['PCK@0.1'] for name, table in result['tables']['subject'].items()} == {
        'a': 100, 'b': 0}
    assert any('best_of_h_per_pose' in use for use in result['protocol']['ground_truth'])


def test_masks_without_labels_leave_the_iou():
    one = sample((0, 0, 0, 0))
    del one['gt_instances']
    found = evaluated([one, sample((0, 0, 0, 0), mask=False)])
    assert set(found) == {'xas/top1/mask_iou', 'xas/best_of_h_per_pose/mask_iou'}


def test_what_is_missing_is_named():
    with pytest.raises(ValueError, match='none of 1 samples has a mask'):
        evaluated([sample((0, 0, 0, 0), mask=False)])
    with pytest.raises(ValueError, match=r"'stick' has no \{'ears': \['left_ear'\]\}"):
        MaskPCKMetric(SKELETON, dict(ears=['left_ear', 'left']))
