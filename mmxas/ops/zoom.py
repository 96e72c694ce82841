"""Zoomed views for testing: enlarge the middle of a crop, and map its heatmaps back to the whole crop.

N: crops; K: keypoints; D, h, w: bins of a heatmap in depth, y and x.
"""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

NO_ZOOM = (1.0, )  # the whole crop
FLOOR = 1e-12  # probability of a bin outside the enlarged part


def check_zooms(zooms: Sequence[float]) -> None:
    """Raise ``ValueError`` unless ``zooms`` is a list of numbers in (0, 1]."""
    if not isinstance(zooms, list | tuple) or not zooms or not all(
            isinstance(zoom, int | float) and 0 < zoom <= 1 for zoom in zooms):
        raise ValueError(f'model.test_cfg.zooms={zooms!r}, a list of sides of the middle part expected, such as '
                         '[1.0, 0.85]')


def zoom_crops(crops: Tensor, zoom: float, align_corners: bool = False) -> Tensor:
    """Return the middle of crops, enlarged to their size.

    Args:
        crops: (N, C, S, S).
        zoom: Side of the middle part, as a fraction of the crop's side, 0 < zoom <= 1.
        align_corners: Whether -1 and 1 are the centres of the outer pixels, as in
            :func:`~mmxas.ops.geometry.norm_to_pixel`. Defaults to False.

    Returns:
        (N, C, S, S), interpolated linearly; with ``zoom`` 1, ``crops`` itself.
    """
    return crops if zoom == 1 else _sample(crops, zoom, align_corners)


def zoom_back(logits: Tensor, zoom: float, align_corners: bool = False) -> Tensor:
    """Map heatmaps of :func:`zoom_crops` to heatmaps of the whole crops.

    The crop-normalised range of the enlarged part is ``zoom`` times as large along all three axes, as depths are in
    units of the crop's side. Each heatmap is renormalised; bins outside the enlarged part get almost no probability.

    Args:
        logits: (N, K, D, h, w) of the enlarged part.
        zoom: As in :func:`zoom_crops`.
        align_corners: As in :func:`zoom_crops`. Defaults to False.

    Returns:
        (N, K, D, h, w) log-probabilities; with ``zoom`` 1, ``logits`` itself.
    """
    if zoom == 1:
        return logits
    found = _sample(logits.float().flatten(2).softmax(-1).view_as(logits), 1 / zoom, align_corners) + FLOOR
    return (found / found.sum((2, 3, 4), keepdim=True)).log()


def _sample(maps: Tensor, scale: float, align_corners: bool) -> Tensor:
    """Sample maps (N, C, ...) at their own positions times ``scale`` in the crop-normalised frame; 0 outside."""
    axes = maps.dim() - 2
    theta = scale * torch.eye(axes, axes + 1, dtype=maps.dtype, device=maps.device)
    grid = F.affine_grid(theta.expand(len(maps), -1, -1), list(maps.shape), align_corners=align_corners)
    return F.grid_sample(maps, grid, align_corners=align_corners)
