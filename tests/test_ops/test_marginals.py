import math

import pytest
import torch
from torch.autograd import gradcheck

from mmxas.ops.marginals import (
    Marginals,
    bin_positions,
    gaussian_targets,
    heatmap_marginals,
    marginal_cross_entropy,
    spatial_softmax,
    volume_marginals,
)

N, K, D, HM, WM = 2, 3, 5, 4, 6


def logits(dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(N, K * D, HM, WM, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(dtype)


def test_bin_positions_are_cell_centres() -> None:
    assert bin_positions(4).tolist() == [-0.75, -0.25, 0.25, 0.75]
    assert bin_positions(4, True).tolist() == [-1.0, -0.5, 0.0, 0.5]
    with pytest.raises(ValueError, match="align_corners: one of False, True expected, got 'edge'"):
        bin_positions(4, 'edge')


def test_spatial_softmax_sums_to_one_a_keypoint() -> None:
    volume = spatial_softmax(logits(), K, D)
    assert volume.shape == (N, K, D, HM, WM)
    torch.testing.assert_close(volume.sum(dim=(2, 3, 4)), torch.ones(N, K))


def test_spatial_softmax_names_wrong_channels() -> None:
    with pytest.raises(ValueError, match=r'num_keypoints \* depth = 4 \* 3 = 12 channels expected, got 15'):
        spatial_softmax(logits(), 4)
    with pytest.raises(ValueError, match='= 18 channels expected, got 15'):
        spatial_softmax(logits(), 3, 6)


def test_spatial_softmax_is_float32_under_autocast() -> None:
    with torch.autocast('cpu', torch.bfloat16):
        volume = spatial_softmax(logits(torch.bfloat16), K)
    assert volume.dtype == torch.float32
    torch.testing.assert_close(volume, spatial_softmax(logits(torch.bfloat16).float(), K))


def test_volume_marginals_are_the_sums() -> None:
    volume, marginals = spatial_softmax(logits(), K, D), volume_marginals(logits(), K, D)
    torch.testing.assert_close(marginals.x, torch.einsum('nkdhw->nkw', volume))
    torch.testing.assert_close(marginals.y, torch.einsum('nkdhw->nkh', volume))
    torch.testing.assert_close(marginals.z, torch.einsum('nkdhw->nkd', volume))


def test_heatmap_marginals_are_finite_logarithms() -> None:
    spiked = logits()
    spiked[:, :, 0, 0] = 1e4
    for axis, size in zip(heatmap_marginals(spiked, K), (WM, HM, D)):
        assert axis.shape == (N, K, size)
        assert axis.isfinite().all()
        torch.testing.assert_close(axis.exp().sum(-1), torch.ones(N, K))


def test_gaussian_targets_peak_where_they_should() -> None:
    target = torch.tensor([-0.75, 0.25, 3.0])
    wanted = gaussian_targets(target, 4, sigma_bins=0.5)
    assert wanted.argmax(-1).tolist() == [0, 2, 3]
    torch.testing.assert_close(wanted.sum(-1), torch.ones(3))
    # Next bin of a centred target: exp(-1 / (2 * 0.5^2)) of the peak.
    assert (wanted[1, 1] / wanted[1, 2]).item() == pytest.approx(math.exp(-2.0), rel=1e-5)
    with pytest.raises(ValueError, match='sigma_bins: a number above 0'):
        gaussian_targets(target, 4, 0.0)


def test_cross_entropy_of_flat_heatmap_is_mean_log_size() -> None:
    loss = marginal_cross_entropy(torch.zeros(N, K * D, HM, WM), torch.zeros(N, K, 3), K)
    assert loss.item() == pytest.approx((math.log(D) + math.log(HM) + math.log(WM)) / 3, rel=1e-5)


def test_cross_entropy_is_least_at_the_target() -> None:
    positions = bin_positions(8)
    spread = torch.stack([gaussian_targets(p, 8) for p in positions])
    entropies = [marginal_cross_entropy(Marginals(*[row.expand(1, 1, 8)] * 3), torch.full((1, 1, 3), positions[3]))
                 for row in spread]
    assert torch.stack(entropies).argmin().item() == 3


def test_cross_entropy_weights_and_marginals() -> None:
    target = torch.rand(N, K, 3) * 2 - 1
    weights = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    chosen = marginal_cross_entropy(logits()[:1, :D], target[:1, :1], 1)
    weighted = marginal_cross_entropy(logits(), target, K, weights=weights)
    torch.testing.assert_close(weighted, chosen)
    torch.testing.assert_close(
        marginal_cross_entropy(volume_marginals(logits(), K), target, weights=weights), weighted)
    assert marginal_cross_entropy(logits(), target, K, weights=torch.zeros(N, K)).item() == 0.0


def test_cross_entropy_exceptions() -> None:
    with pytest.raises(ValueError, match='num_keypoints: needed'):
        marginal_cross_entropy(logits(), torch.zeros(N, K, 3))
    with pytest.raises(ValueError, match=r'target: shape \(2, 3, 3\) expected, got \(2, 3, 2\)'):
        marginal_cross_entropy(logits(), torch.zeros(N, K, 2), K)
    with pytest.raises(ValueError, match='weights: shape'):
        marginal_cross_entropy(logits(), torch.zeros(N, K, 3), K, weights=torch.ones(N))


def test_cross_entropy_gradients() -> None:
    target = torch.tensor([[[0.3, -0.2, 0.1]]], dtype=torch.float64)
    values = logits(torch.float64)[:1, :D].requires_grad_()
    assert gradcheck(lambda v: marginal_cross_entropy(v, target, 1), values)
    spiked = torch.zeros(1, D, HM, WM)
    spiked[0, 0, 0, 0] = 1e4
    spiked.requires_grad_()
    marginal_cross_entropy(spiked, target.float(), 1).backward()
    assert spiked.grad.isfinite().all()
