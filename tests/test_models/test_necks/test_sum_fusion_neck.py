import pytest
import torch
from torch import nn

import mmxas  # noqa: F401
from mmxas.registry import MODELS


def maps():
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.randn(2, c, s, s, generator=generator) for c, s in ((8, 16), (12, 8), (20, 4)))


def build(**kwargs):
    return MODELS.build(dict(type='SumFusionNeck', **kwargs))


def test_result_has_the_targets_size():
    (fused,) = build(in_channels=(8, 12, 20), out_channels=6)(maps())
    assert fused.shape == (2, 6, 16, 16)
    (fused,) = build(in_channels=(8, 12, 20), out_channels=6, target=1)(maps())
    assert fused.shape == (2, 6, 8, 8)


def test_it_is_the_sum_of_the_resized_projections():
    neck = build(in_channels=(8, 20), in_indices=(0, 2), out_channels=4, mode='nearest', norm=False, activation=False)
    features = maps()
    (fused,) = neck(features)
    for (row, column) in ((0, 0), (7, 13), (15, 3)):
        fine = neck.projections[0](features[0])[:, :, row, column]
        coarse = neck.projections[1](features[2])[:, :, row // 4, column // 4]
        assert torch.allclose(fused[:, :, row, column], fine + coarse, atol=1e-6)


def test_a_constant_map_stays_constant_under_bilinear_resizing():
    neck = build(in_channels=(1, 1), out_channels=1, norm=False, activation=False)
    for projection in neck.projections:
        nn.init.ones_(projection[0].weight)
        nn.init.zeros_(projection[0].bias)
    (fused,) = neck((torch.zeros(1, 1, 8, 8), torch.full((1, 1, 3, 3), 2.0)))
    assert torch.allclose(fused, torch.full((1, 1, 8, 8), 2.0))


def test_activation_cuts_below_zero_and_gradients_reach_all_scales():
    neck = build(in_channels=(8, 12, 20), out_channels=6)
    features = [feature.requires_grad_() for feature in maps()]
    (fused,) = neck(features)
    assert fused.min() == 0
    fused.sum().backward()
    assert all(feature.grad.abs().sum() > 0 for feature in features)


@pytest.mark.parametrize(('kwargs', 'message'), [
    (dict(in_channels=(8, 12), in_indices=(0,)), r'in_indices: 2 expected'),
    (dict(in_channels=(8, 12), target=2), r'target: 0 to 1 expected, found 2'),
    (dict(in_channels=(8, 12), mode='cubic'), r"found 'cubic'"),
])
def test_bad_arguments_are_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(out_channels=4, **kwargs)


def test_maps_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r'in_channels=\(8, 12, 21\), the backbone gives maps of \(8, 12, 20\)'):
        build(in_channels=(8, 12, 21), out_channels=4)(maps())
    with pytest.raises(ValueError, match='map 3 wanted, the backbone gives 3'):
        build(in_channels=(8,), in_indices=(3,), out_channels=4)(maps())
