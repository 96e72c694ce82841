import pytest
import torch

from mmxas.models.losses import MaskLoss
from mmxas.ops.mask_loss import mask_loss
from mmxas.registry import MODELS

DRAWN, BODY = torch.rand(2, 2, 1, 6, 6, generator=torch.Generator().manual_seed(0))
MASKS = (torch.rand(2, 1, 6, 6, generator=torch.Generator().manual_seed(1)) > 0.5).float()


def test_weighted_sum_of_both_masks() -> None:
    loss = MODELS.build(dict(type='MaskLoss', skeleton_weight=0.5, physique_weight=2.0))
    assert loss.reads == 'mask'
    expected = 0.5 * mask_loss(DRAWN, MASKS) + 2.0 * mask_loss(BODY, MASKS)
    torch.testing.assert_close(loss(DRAWN, BODY, MASKS), expected)


def test_clip_concerns_the_skeleton_mask() -> None:
    loss = MaskLoss(clip='pixel', clip_threshold=0.4)
    expected = mask_loss(DRAWN, MASKS, clip='pixel', clip_threshold=0.4) + mask_loss(BODY, MASKS)
    torch.testing.assert_close(loss(DRAWN, BODY, MASKS), expected)


def test_without_physique_network() -> None:
    torch.testing.assert_close(MaskLoss(physique_weight=0.0)(DRAWN, None, MASKS), mask_loss(DRAWN, MASKS))
    with pytest.raises(ValueError, match='physique_weight=1.0 needs a physique mask, got None'):
        MaskLoss()(DRAWN, None, MASKS)


def test_distance_weights_cost_more_far_outside() -> None:
    masks = torch.zeros(1, 1, 1, 10)
    masks[..., 0] = 1
    near, far = masks.clone(), masks.clone()
    near[..., 1], far[..., 9] = 1, 1
    loss = MaskLoss(physique_weight=0.0, outside_gain=1.0)
    assert loss(near, None, masks).item() == pytest.approx(1.1 / 10)
    assert loss(far, None, masks).item() == pytest.approx(1.9 / 10)


def test_exceptions() -> None:
    with pytest.raises(ValueError, match='clip: one of'):
        MaskLoss(clip='all')
