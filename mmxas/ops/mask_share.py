"""Measure how much of a heatmap lies on the body's mask."""
import torch.nn.functional as F
from torch import Tensor

from .checks import check_shape


def mask_share(plane: Tensor, mask: Tensor, margin: float = 0.05) -> Tensor:
    """Return the share of each keypoint's probability that lies inside a mask or near it.

    Args:
        plane: (N, K, Hm, Wm) probabilities in the x-y plane, which sum to 1 per keypoint.
        mask: (N, 1, Hm, Wm) share of each bin that belongs to the body, in [0, 1].
        margin: Distance outside the mask that still counts, because heatmaps are blurred, as a fraction of the plane's
            width; rounded to whole bins. Defaults to 0.05, 2 bins of 40.

    Returns:
        (N, K) in [0, 1]; 0 for an empty mask.

    Raises:
        ValueError: If the shapes disagree.
    """
    sizes = check_shape(plane, ('N', 'K', 'Hm', 'Wm'), 'plane')
    check_shape(mask, (sizes['N'], 1, sizes['Hm'], sizes['Wm']), 'mask')
    bins = round(margin * sizes['Wm'])
    return (plane * F.max_pool2d(mask, 2 * bins + 1, stride=1, padding=bins)).sum(dim=(-1, -2))
