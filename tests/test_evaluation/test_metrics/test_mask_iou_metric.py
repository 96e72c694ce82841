import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope

from mmxas.evaluation import MaskIoUMetric
from mmxas.ops.skeleton_drawing import draw_skeleton
from mmxas.structures import load_skeleton

SKELETON = load_skeleton('h36m18')


def sample(shift=0.0, mask=True, seed=0):
    keypoints = np.random.default_rng(seed).uniform(10, 54, (1, 18, 2))
    norm = torch.tensor((2 * keypoints + 1) / 64 - 1).float()
    drawn = draw_skeleton(norm, SKELETON.drawn_links, 64, width_factors=SKELETON.width_factors) > 0.2
    fields = dict(gt_fields=dict(mask=drawn[0].float())) if mask else {}
    return dict(pred_instances=dict(keypoints=2 * keypoints + 5 + shift), input_size=(64, 64),
                warp_mat=np.array([[0.5, 0, -2.5], [0, 0.5, -2.5]]), **fields)


def test_drawn_skeleton_against_its_own_mask():
    metric = MaskIoUMetric(skeleton='h36m18')
    metric.process(None, [sample(), sample(shift=8.0, seed=1), sample(mask=False)])
    ious = [r['mask_iou'] for r in metric.results]
    assert ious[0] == pytest.approx(1) and 0.1 < ious[1] < 0.9 and ious[2] is None
    assert metric.evaluate(size=3) == {'xas/mask_iou': pytest.approx((ious[0] + ious[1]) / 2)}


def test_as_a_config_of_the_evaluator():
    init_default_scope('mmpose')
    evaluator = Evaluator([dict(type='MaskIoUMetric', prefix='val', skeleton='h36m18')])
    evaluator.process(data_samples=[sample(), sample(seed=2)], data_batch=None)
    assert evaluator.evaluate(2) == {'val/mask_iou': pytest.approx(1)}


def test_without_any_mask_it_says_so():
    metric = MaskIoUMetric(skeleton='h36m18')
    metric.process(None, [sample(mask=False)])
    with pytest.raises(ValueError, match='none of 1 samples has a mask'):
        metric.evaluate(size=1)
