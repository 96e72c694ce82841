"""Benchmark drawing a skeleton's links as a soft mask, forward and backward."""
from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

import mmxas  # noqa: F401
from benchmarks.comparison import Contest
from mmxas.ops import draw_skeleton, pixel_to_norm
from mmxas.structures import load_skeleton

N, SIZE, WIDTH = 8, 256, 3e-3
SKELETON = load_skeleton('h36m18')
LINKS, FACTORS = SKELETON.drawn_links, SKELETON.width_factors


def plain_draw(keypoints: Tensor, links: Sequence, factors: Sequence[float], size: int) -> Tensor:
    """Draw all links at once, and take the maximum.

    Args:
        keypoints: (N, K, 2) in crop-normalised coordinates.
        links: (L, 2).
        factors: (L,).
        size: Side in px.

    Returns:
        (N, 1, size, size).
    """
    links = torch.as_tensor(links)
    start, end = keypoints[:, links[:, 0], None, None], keypoints[:, links[:, 1], None, None]
    pixels = pixel_to_norm(torch.arange(size, dtype=keypoints.dtype), size)
    grid = torch.stack(torch.meshgrid(pixels, pixels, indexing='xy'), dim=-1)
    direction, offset = end - start, grid - start
    length = direction.square().sum(dim=-1).clamp_min(1e-12)
    along = ((offset * direction).sum(dim=-1) / length).clamp(0.0, 1.0)
    squared = (offset - along.unsqueeze(-1) * direction).square().sum(dim=-1)
    drawings = torch.exp(-squared * torch.as_tensor(factors, dtype=keypoints.dtype)[:, None, None] / WIDTH)
    return drawings.max(dim=1, keepdim=True).values


def ours_draw(keypoints: Tensor, links: Sequence, factors: Sequence[float], size: int) -> Tensor:
    """Draw by :func:`mmxas.ops.draw_skeleton`."""
    return draw_skeleton(keypoints, links, size, WIDTH, factors)


def example_poses(batch: int = N) -> Tensor:
    """Return human-like poses (batch, 18, 2) by a random walk along the kinematic tree."""
    generator = torch.Generator().manual_seed(0)
    points = torch.zeros(batch, SKELETON.num_keypoints, 2)
    for parent, child in sorted(SKELETON.links, key=lambda link: _depth(link[1])):
        points[:, child] = points[:, parent] + 0.15 * torch.randn(batch, 2, generator=generator)
    return points.clamp(-0.95, 0.95)


def _depth(keypoint: int) -> int:
    parents = {child: parent for parent, child in SKELETON.links}
    steps = 0
    while keypoint in parents:
        keypoint, steps = parents[keypoint], steps + 1
    return steps


def build(way: str, batch: int = N, size: int = SIZE, num_links: int | None = None
          ) -> Callable[[], tuple[Tensor, Tensor]]:
    """Return a function that runs forward and backward and returns the drawing and the keypoints' gradient."""
    points, draw = example_poses(batch), {'plain': plain_draw, 'ours': ours_draw}[way]
    links, factors = list(LINKS)[:num_links], list(FACTORS)[:num_links]
    target = torch.rand(batch, 1, size, size, generator=torch.Generator().manual_seed(1))

    def run() -> tuple[Tensor, Tensor]:
        leaf = points.detach().requires_grad_()
        drawing = draw(leaf, links, factors, size)
        gradient, = torch.autograd.grad((drawing - target).square().mean(), leaf)
        return drawing.detach(), gradient

    return run


CONTESTS = [Contest('skeleton_mask', f'skeleton mask {len(LINKS)} links, {SIZE}x{SIZE}, batch {N}, forward + backward',
                    build, 15.0, 0.1, authors_ms=1492.0)]
