import pytest
import torch

from mmxas.ops import Decoding, decode_hypotheses
from mmxas.ops.zoom import zoom_back, zoom_crops


@pytest.mark.parametrize('align_corners', [False, True])
def test_a_ramp_is_enlarged_about_the_middle(align_corners):
    """A crop that holds its own norm x holds ``zoom`` times that after zooming."""
    x = torch.linspace(-1, 1, 9) if align_corners else (torch.arange(9) + 0.5) / 9 * 2 - 1
    crops = x.expand(1, 1, 9, 9)
    torch.testing.assert_close(zoom_crops(crops, 0.5, align_corners), crops * 0.5)
    torch.testing.assert_close(zoom_crops(crops, 1.0, align_corners), crops)


@pytest.mark.parametrize('zoom', [0.85, 0.6])
def test_a_peak_goes_to_where_it_is_in_the_whole_crop(zoom):
    """Eq. 2 of a Gaussian heatmap at (0.3, -0.2, 0.1) of the enlarged part is ``zoom`` times that."""
    where = torch.tensor([0.3, -0.2, 0.1])
    bins = (torch.arange(32) + 0.5) / 32 * 2 - 1
    z, y, x = torch.meshgrid(bins, bins, bins, indexing='ij')
    squares = (x - where[0]) ** 2 + (y - where[1]) ** 2 + (z - where[2]) ** 2
    logits = -squares[None, None] / (2 * 0.1 ** 2)
    back = zoom_back(logits, zoom)
    torch.testing.assert_close(back.exp().sum((2, 3, 4)), torch.ones(1, 1))
    found = decode_hypotheses(back.flatten(1, 2), 1, Decoding(num_hypotheses=1)).keypoints[0, 0, 0]
    torch.testing.assert_close(found, where * zoom, atol=2e-3, rtol=0)


def test_bins_outside_get_next_to_nothing():
    logits = torch.zeros(1, 2, 8, 8, 8)
    back = zoom_back(logits, 0.5).exp()
    assert back[:, :, 2:6, 2:6, 2:6].sum((2, 3, 4)).min() > 0.999
    assert back[:, :, 0].max() < 1e-9
