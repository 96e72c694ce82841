"""Share of a heatmap inside a mask, on planes whose sums are known."""
import pytest
import torch

from mmxas.ops.mask_share import mask_share


def test_probability_inside_and_up_to_the_margin_counts() -> None:
    plane = torch.zeros(1, 4, 6, 7)
    mask = torch.zeros(1, 1, 6, 7)
    mask[0, 0, 3:5, 1:3] = 1
    plane[0, 0, 4, 2] = 1  # inside
    plane[0, 1, 1, 4] = 1  # two bins outside, diagonally
    plane[0, 2, 0, 2] = 1  # three bins outside
    plane[0, 3, 3, 2], plane[0, 3, 3, 3], plane[0, 3, 5, 6] = 0.3, 0.1, 0.6
    for margin in (0.25, 0.33):  # of 7 bins: 2
        torch.testing.assert_close(mask_share(plane, mask, margin), torch.tensor([[1.0, 1.0, 0.0, 0.4]]))
    torch.testing.assert_close(mask_share(plane, mask), torch.tensor([[1.0, 0.0, 0.0, 0.3]]))  # less than half a bin


def test_bins_that_the_mask_covers_partly_count_partly() -> None:
    plane, mask = torch.full((2, 1, 4, 4), 1 / 16), torch.full((2, 1, 4, 4), 0.25)
    mask[1] = 0
    torch.testing.assert_close(mask_share(plane, mask), torch.tensor([[0.25], [0.0]]))


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r'mask: .*\(2, 1, 4, 5\)'):
        mask_share(torch.zeros(2, 3, 4, 5), torch.zeros(2, 1, 8, 10))
