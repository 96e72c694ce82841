"""Differentiable drawing of a skeleton as a soft mask (the skeleton mask of equation 8).

Symbols: N batch, K keypoints, L links, h and w height and width of the drawing. Keypoints are crop-normalised.
"""
from collections.abc import Sequence

import torch
from torch import Tensor

from .checks import check_positive, check_shape
from .geometry import pixel_to_norm
from .nearest_link import MIN_SQUARED_LENGTH, NearestLinkExponent


def draw_skeleton(keypoints: Tensor, links: Tensor | Sequence[Sequence[int]], size: int | tuple[int, int],
                  width: float = 3e-3, width_factors: Tensor | Sequence[float] | None = None,
                  align_corners: bool = False, per_link: bool = False) -> Tensor:
    """Draw links as soft lines: each pixel holds the largest ``exp(-factor * d^2 / width)`` over the links.

    d is the crop-normalised distance of the pixel's centre to the segment between the link's two keypoints. A pixel's
    gradient goes to the keypoints of its winning link; memory is proportional to N h w, independent of L
    (:mod:`mmxas.ops.nearest_link`).

    Args:
        keypoints: (N, K, 2) crop-normalised x, y.
        links: (L, 2) pairs of keypoint indices; kinematic links and any further ones. Links and factors on a GPU are
            not checked, as the CPU would have to wait for their values.
        size: Side of the drawing in px, or (h, w).
        width: Squared width of the lines, in squared crop-normalised units.
        width_factors: (L,) factor of each link's exponent; above 1 draws a narrower line. None means 1.
        align_corners: Position of the pixels: False, their centres; True, 2 p / (S - 1) - 1.
        per_link: Return a separate drawing of each link (memory is then proportional to L).

    Returns:
        (N, 1, h, w) in [0, 1], or (N, L, h, w) with ``per_link``.

    Raises:
        ValueError: If shapes disagree, a link has an invalid keypoint index, or width or a factor is not positive.

    Examples:
        >>> drawing = draw_skeleton(torch.tensor([[[-1.0, 0.0], [1.0, 0.0]]]), [(0, 1)], size=(3, 2), width=0.5)
        >>> drawing[0, 0, :, 0].round(decimals=3)
        tensor([0.4110, 1.0000, 0.4110])
    """
    check_shape(keypoints, ('N', 'K', 2), 'keypoints')
    check_positive(width, 'width')
    links = _checked_links(links, keypoints.shape[1], keypoints.device)
    with torch.autocast(device_type=keypoints.device.type, enabled=False):
        keypoints = keypoints if keypoints.dtype == torch.float64 else keypoints.float()
        exponents = _exponent_factors(width_factors, len(links), keypoints) / width
        height, width_px = (size, size) if isinstance(size, int) else size
        grid_x = _pixel_positions(width_px, align_corners, keypoints)
        grid_y = _pixel_positions(height, align_corners, keypoints)[:, None]
        start, end = keypoints[:, links[:, 0]], keypoints[:, links[:, 1]]
        if per_link:
            squared = _squared_distance(start[:, :, None, None], end[:, :, None, None], grid_x, grid_y)
            return torch.exp(-squared * exponents[:, None, None])
        exponent = NearestLinkExponent.apply(start, end, exponents, grid_x, grid_y)
        return torch.exp(-exponent).unsqueeze(1)


def _squared_distance(start: Tensor, end: Tensor, grid_x: Tensor, grid_y: Tensor) -> Tensor:
    """Return squared distances of pixels to segments; start and end (..., 2) broadcast with the grid (h, w)."""
    direction = end - start
    dir_x, dir_y = direction[..., 0], direction[..., 1]
    off_x, off_y = grid_x - start[..., 0], grid_y - start[..., 1]
    length = direction.square().sum(dim=-1).clamp_min(MIN_SQUARED_LENGTH)
    along = ((off_x * dir_x + off_y * dir_y) / length).clamp(0.0, 1.0)
    return (off_x - along * dir_x).square() + (off_y - along * dir_y).square()


def _pixel_positions(size: int, align_corners: bool, like: Tensor) -> Tensor:
    check_positive(size, 'size')
    return pixel_to_norm(torch.arange(size, device=like.device, dtype=like.dtype), size, align_corners)


def _exponent_factors(factors: Tensor | Sequence[float] | None, num_links: int, like: Tensor) -> Tensor:
    if factors is None:
        return like.new_ones(num_links)
    values = torch.as_tensor(factors, device=like.device, dtype=like.dtype)
    check_shape(values, (num_links,), 'width_factors')
    if values.device.type == 'cpu' and not (values > 0).all():
        raise ValueError(f'width_factors: numbers above 0 expected, got {values.min().item():g}')
    return values


def _checked_links(links: Tensor | Sequence[Sequence[int]], num_keypoints: int, device: torch.device) -> Tensor:
    links = torch.as_tensor(links, dtype=torch.int64)
    check_shape(links, ('L', 2), 'links')
    if len(links) == 0:
        raise ValueError('links: at least one link expected, got none')
    if links.device.type == 'cpu' and (int(links.min()) < 0 or int(links.max()) >= num_keypoints):
        raise ValueError(f'links: keypoint indices in [0, {num_keypoints - 1}] expected (K = {num_keypoints}), '
                         f'got {int(links.min())} to {int(links.max())}')
    return links.to(device)
