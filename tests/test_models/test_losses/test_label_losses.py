import pytest
import torch

from mmxas.ops.decoding import Decoding, decode_marginals
from mmxas.ops.keypoint_loss import keypoint_loss, planar_keypoint_loss
from mmxas.ops.marginals import marginal_cross_entropy, volume_marginals
from mmxas.registry import MODELS

HEATMAP = torch.randn(2, 3 * 8, 4, 4, generator=torch.Generator().manual_seed(0))
TARGET = torch.rand(2, 3, 3, generator=torch.Generator().manual_seed(1)) - 0.5
WEIGHTS = torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 1.0]])


@pytest.mark.parametrize(('norm', 'level'), [('l2', 'sample'), ('l1', 'keypoint'), ('l2', 'batch')])
def test_synthetic_keypoint_loss(norm: str, level: str) -> None:
    loss = MODELS.build(dict(type='SyntheticKeypointLoss', norm=norm, level=level))
    assert loss.reads == 'labels'
    marginals = volume_marginals(HEATMAP, 3)
    hypotheses = decode_marginals(marginals, Decoding(2, 3))
    expected = keypoint_loss(hypotheses.keypoints, TARGET, hypotheses.valid, WEIGHTS, norm, level)
    torch.testing.assert_close(loss(hypotheses, marginals, TARGET, WEIGHTS), expected)
    assert loss(hypotheses, marginals, TARGET) > 0


def test_marginal_cross_entropy_loss() -> None:
    loss = MODELS.build(dict(type='MarginalCrossEntropyLoss', sigma_bins=2.0))
    assert loss.reads == 'labels'
    value = loss(None, volume_marginals(HEATMAP, 3), TARGET, WEIGHTS)
    torch.testing.assert_close(value, marginal_cross_entropy(HEATMAP, TARGET, 3, sigma_bins=2.0, weights=WEIGHTS))


def test_planar_keypoint_loss() -> None:
    loss = MODELS.build(dict(type='PlanarKeypointLoss', norm='l1'))
    assert loss.reads == 'target_labels'
    hypotheses = decode_marginals(volume_marginals(HEATMAP, 3), Decoding(2, 3))
    expected = planar_keypoint_loss(hypotheses.keypoints, TARGET, WEIGHTS, 'l1')
    torch.testing.assert_close(loss(hypotheses, TARGET, WEIGHTS), expected)


@pytest.mark.parametrize(('config', 'message'), [
    (dict(type='PlanarKeypointLoss', norm='huber'), 'norm: one of'),
    (dict(type='SyntheticKeypointLoss', norm='huber'), 'norm: one of'),
    (dict(type='SyntheticKeypointLoss', level='pose'), 'level: one of'),
    (dict(type='MarginalCrossEntropyLoss', sigma_bins=0.0), 'sigma_bins: a number above 0'),
])
def test_exceptions(config: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MODELS.build(config)
