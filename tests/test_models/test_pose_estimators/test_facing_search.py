"""The search for the facing: its marginals are those of testing, and it finds the facing that a scene was made with."""
import pytest
import torch
from mmengine.structures import PixelData
from mmpose.structures import PoseDataSample
from torch import nn

import mmxas  # noqa: F401
from mmxas.models.pose_estimators.facing_search import FacingSearch
from mmxas.ops import Decoding
from mmxas.ops.marginals import volume_marginals
from mmxas.registry import MODELS
from mmxas.structures import load_skeleton

H36M = load_skeleton('h36m18')
BINS = 8


def samples(count: int) -> list[PoseDataSample]:
    generator = torch.Generator().manual_seed(3)
    found = []
    for _ in range(count):
        sample = PoseDataSample(metainfo=dict(flip_indices=H36M.flip_indices))
        sample.gt_fields = PixelData(mask=(torch.rand(1, 32, 32, generator=generator) > 0.4).float())
        found.append(sample)
    return found


@pytest.mark.parametrize('flip_test', [False, True])
@pytest.mark.parametrize('background', ['crop', 'both'])
def test_marginals_are_those_of_the_averaged_volume(flip_test, background):
    torch.manual_seed(0)
    neck = MODELS.build(dict(type='FacingFusionNeck', in_channels=(5, ), out_channels=6)).eval()
    head = MODELS.build(dict(type='MultiHypothesisHead', in_channels=6, num_keypoints=18, depth_bins=BINS,
                             deconv_out_channels=(), deconv_kernel_sizes=(), in_index=0,
                             init_cfg=dict(type='Normal', layer='Conv2d', std=1.0)))
    head.init_weights()
    n, views, sides = 2, 2 if background == 'both' else 1, 2 if flip_test else 1
    maps, facings = (torch.randn(sides, views, n, *shape) for shape in ((6, BINS, BINS), (2, )))
    given = samples(n)
    del given[1].gt_fields  # no mask was found
    search = FacingSearch(neck, head, H36M, 4, Decoding())
    with torch.no_grad():
        feats = [(neck.condition(m.flatten(0, 1), f.flatten(0, 1)), ) for m, f in zip(maps, facings, strict=True)]
        volume = head.test_volume(feats if flip_test else feats[0], given,
                                  dict(flip_test=flip_test, background=background))
        found = search._marginals(maps.flatten(1, 2), facings, search.flip_indices, given)
    for one, other in zip(found, volume_marginals(volume, 18, BINS, with_plane=True), strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)


class Neck(nn.Module):
    """Takes the map as it is, and predicts no direction."""

    def fuse(self, features):
        return features[0], torch.full((len(features[0]), 2), 1e-3)

    def condition(self, fused, facing):
        return torch.cat([fused, facing[:, :, None, None].expand(-1, -1, *fused.shape[-2:])], dim=1)


class Head(nn.Module):
    """Heatmaps of one pose, sharper the nearer the facing is to the one in the map."""

    num_keypoints, depth_bins, align_corners = 18, BINS, False

    def forward(self, feats):
        true, facing = feats[0][:, :2], feats[0][:, 2:]
        sharpness = (true * facing).sum(dim=1).mean(dim=(1, 2))[:, None, None, None, None]
        logits = torch.zeros(len(true), 18, BINS, BINS, BINS)
        logits[:, :, BINS // 2, BINS // 2, BINS // 2] = 1.0
        return (4 * sharpness * logits).flatten(1, 2)


@pytest.mark.parametrize('sides', [1, 2])
def test_the_true_facing_is_found(sides):
    wanted = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0], [2**-0.5, -(2**-0.5)]])
    signs = torch.tensor([[1.0, 1.0], [1.0, -1.0]])
    maps = [[(wanted * sign)[:, :, None, None].expand(-1, -1, BINS, BINS)] for sign in signs[:sides]]
    found = FacingSearch(Neck(), Head(), H36M, 8, Decoding())(maps, samples(5))
    assert len(found) == sides
    for (conditioned, facing), (given, ), sign in zip(found, maps, signs, strict=False):
        torch.testing.assert_close(facing, wanted * sign, atol=1e-6, rtol=0)
        assert torch.equal(conditioned, Neck().condition(given, facing))


def test_a_prediction_with_a_large_weight_is_kept():
    wanted = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    maps = [[wanted[:, :, None, None].expand(-1, -1, BINS, BINS)]]
    neck = Neck()
    predicted = torch.tensor([[0.0, 0.5], [0.0, -0.5]])
    neck.fuse = lambda features: (features[0], predicted)
    for weight, expected in ((0.0, wanted), (100.0, predicted)):
        ((_, facing),) = FacingSearch(neck, Head(), H36M, 8, Decoding(), weight)(maps, samples(2))
        torch.testing.assert_close(facing, expected, atol=1e-6, rtol=0)


def test_each_view_keeps_its_own_prediction_if_that_is_best():
    """Two zooms, and their mirror images; a large weight makes the prediction best."""
    predicted = [torch.tensor([[0.3, 0.4], [0.5, 0.1]]), torch.tensor([[0.2, -0.3], [0.4, 0.2]])]
    maps = [[torch.zeros(2, 2, BINS, BINS)] for _ in predicted]
    neck, given = Neck(), iter(predicted)
    neck.fuse = lambda features: (features[0], next(given))
    found = FacingSearch(neck, Head(), H36M, 8, Decoding(), 100.0)(maps, samples(1), zooms=2)
    for (_, facing), expected in zip(found, predicted, strict=True):
        assert torch.equal(facing, expected)


def test_the_prediction_of_the_mirrored_view_is_mirrored_before_it_counts():
    """Sharper heatmaps for the longer facing, so a candidate wins; the nearest to the prediction is at 45 degrees."""

    class SharpForLength(Head):
        def forward(self, feats):
            facing = feats[0][:, 2:]
            return super().forward([torch.cat([facing, facing], dim=1)])

    neck, given = Neck(), iter([torch.tensor([[0.3, 0.4]]), torch.tensor([[0.3, -0.4]])])
    neck.fuse = lambda features: (features[0], next(given))
    maps = [[torch.zeros(1, 2, BINS, BINS)] for _ in range(2)]
    (_, facing), (_, mirrored) = FacingSearch(neck, SharpForLength(), H36M, 8, Decoding(), 1.0)(maps, samples(1))
    torch.testing.assert_close(facing, torch.tensor([[2**-0.5, 2**-0.5]]))
    torch.testing.assert_close(mirrored, torch.tensor([[2**-0.5, -(2**-0.5)]]))


def test_the_crop_scores_and_not_its_enlarged_middle():
    """Of two zooms with and without background, the first and the third view are of the crop."""
    true, other = torch.tensor([[0.0, 1.0]]), torch.tensor([[-1.0, 0.0]])
    maps = torch.cat([true, other, true, other])[:, :, None, None].expand(-1, -1, BINS, BINS)
    ((_, facing),) = FacingSearch(Neck(), Head(), H36M, 8, Decoding())([[maps]], samples(1), zooms=2)
    torch.testing.assert_close(facing, true.expand(4, 2), atol=1e-6, rtol=0)
