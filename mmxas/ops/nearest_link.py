"""Find the skeleton link nearest to each pixel, and its distance.

Drawing a skeleton needs the smallest ``factor * d^2`` over its links, with d the distance of a pixel's centre to the
segment. Computing all distances at once dominates time and memory. Here, links are processed one at a time in a cheap
form, and only the nearest link's distance is computed exactly and differentiated.

Symbols: N batch, L links, h and w height and width of the drawing, P = h w. Points are crop-normalised.
"""
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# Links below this squared length (crop-normalised) count as points.
MIN_SQUARED_LENGTH = 1e-12
_INTEGERS = {torch.float32: torch.int32, torch.float64: torch.int64}


class NearestLinkExponent(torch.autograd.Function):
    """``factor * d^2`` of each pixel's nearest link, differentiable in that link's two ends.

    If an end in a sample is not finite, the result is NaN at all of its pixels.
    """

    @staticmethod
    def forward(ctx: Any, start: Tensor, end: Tensor, factors: Tensor, grid_x: Tensor, grid_y: Tensor) -> Tensor:
        """Map (N, L, 2) ends, (L,) factors, (w,) x and (h, 1) y of pixel centres to (N, h, w)."""
        winner = nearest_link(start, end, factors, grid_x, grid_y)
        ctx.save_for_backward(start, end, factors, grid_x, grid_y, winner)
        out = start.new_empty(winner.shape)
        for part in _parts(start):
            factor, _, off_x, off_y = _winners_offset(start[part], end[part], factors, grid_x, grid_y, winner[part])
            torch.mul(off_x.square_().addcmul_(off_y, off_y), factor, out=out[part])
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient of the ends: that of d^2 is -2 (1 - t) r for the start and -2 t r for the end of a link,
        where r is the pixel's offset from the link's nearest point and t the position of that point on the link."""
        start, end, factors, grid_x, grid_y, winner = ctx.saved_tensors
        both, ends = torch.zeros_like(start), torch.zeros_like(end)
        for part in _parts(start):
            factor, along, *offsets = _winners_offset(start[part], end[part], factors, grid_x, grid_y, winner[part])
            weight = factor.mul_(grad[part]).mul_(-2.0)
            for axis, offset in enumerate(offsets):
                pull = offset.mul_(weight)
                both[part, :, axis] = _sum_by_link(pull, winner[part], start.shape[1])
                ends[part, :, axis] = _sum_by_link(pull.mul_(along), winner[part], start.shape[1])
        return both - ends, ends, None, None, None


@torch.no_grad()
def nearest_link(start: Tensor, end: Tensor, factors: Tensor, grid_x: Tensor, grid_y: Tensor) -> Tensor:
    """Return the link with the smallest ``factor * d^2`` at each pixel, the first of equal ones.

    In a frame centred on a link and rotated to its direction, each coordinate of a pixel is a function of its column
    plus a function of its row. The bits of positive floats have the same order as their values, so the link's index is
    stored in the lowest bits of the distance, and a running minimum finds both. Distances that agree in all higher bits
    (to a relative 4e-6 for 32 links in float32) count as equal.

    Args:
        start: (N, L, 2) one end of each link.
        end: (N, L, 2) the other.
        factors: (L,) positive factor of each link.
        grid_x: (w,) x of the pixels' centres.
        grid_y: (h, 1) y of the pixels' centres.

    Returns:
        (N, h, w) int32.
    """
    num_links = start.shape[1]
    low_bits = (1 << (num_links - 1).bit_length()) - 1
    winner = torch.empty((len(start), len(grid_y), len(grid_x)), dtype=torch.int32, device=start.device)
    for part in _parts(start):
        columns, rows, half = _link_frames(start[part], end[part], factors, grid_x, grid_y)
        along, across = (start.new_empty(winner[part].shape) for _ in range(2))
        bits = along.view(_INTEGERS[start.dtype])
        best = torch.full_like(bits, torch.iinfo(bits.dtype).max)
        for link in range(num_links):
            torch.add(columns[0][:, link], rows[0][:, link], out=along)
            along.abs_().sub_(half[:, link]).clamp_min_(0.0)
            torch.add(columns[1][:, link], rows[1][:, link], out=across)
            along.square_().addcmul_(across, across)
            torch.minimum(best, bits.bitwise_and_(~low_bits).bitwise_or_(link), out=best)
        winner[part] = best.bitwise_and_(low_bits)
    return winner


def _link_frames(start: Tensor, end: Tensor, factors: Tensor, grid_x: Tensor, grid_y: Tensor
                 ) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor], Tensor]:
    """Return coordinates along and across each link, scaled by the root of its factor, as column and row parts.

    Returns:
        The column parts, a pair of (n, L, 1, w); the row parts, a pair of (n, L, h, 1); half lengths (n, L, 1, 1).
    """
    root, middle, direction = factors.sqrt(), (start + end) / 2, end - start
    squared = direction.square().sum(dim=-1, keepdim=True)
    length = squared.clamp_min(MIN_SQUARED_LENGTH).sqrt()
    point = squared < MIN_SQUARED_LENGTH
    unit = direction / length
    unit_x, unit_y = (torch.where(point[..., 0], along_x, unit[..., axis]).mul(root)[..., None, None]
                      for axis, along_x in enumerate((1.0, 0.0)))
    off_x = grid_x - middle[..., 0, None, None]
    off_y = grid_y - middle[..., 1, None, None]
    half = torch.where(point, 0.0, length) * root[:, None] / 2
    return (off_x * unit_x, -off_x * unit_y), (off_y * unit_y, off_y * unit_x), half[..., None]


def _winners_offset(start: Tensor, end: Tensor, factors: Tensor, grid_x: Tensor, grid_y: Tensor, winner: Tensor
                    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return factor, position t in [0, 1] on the link and offset (x, y) from there per pixel's winner, each (n, h, w).

    The bits of NaN have no defined order, so any link may have won; all factors of such a sample are NaN.
    """
    direction = end - start
    squared = direction.square().sum(dim=-1, keepdim=True).clamp_min(MIN_SQUARED_LENGTH)
    zero_or_nan = (start * 0.0 + end * 0.0).sum(dim=(1, 2))
    factor = (factors + zero_or_nan[:, None]).unsqueeze(-1)
    table = torch.cat([start, direction, direction / squared, factor], dim=-1)
    chosen = [row.flatten().index_select(0, _flat(winner, start.shape[1])).view(winner.shape)
              for row in table.unbind(dim=-1)]
    start_x, start_y, dir_x, dir_y, along_x, along_y, factor = chosen
    off_x, off_y = start_x.neg_().add_(grid_x), start_y.neg_().add_(grid_y)
    along = along_x.mul_(off_x).addcmul_(along_y, off_y).clamp_(0.0, 1.0)
    return factor, along, off_x.addcmul_(along, dir_x, value=-1.0), off_y.addcmul_(along, dir_y, value=-1.0)


def _sum_by_link(values: Tensor, winner: Tensor, num_links: int) -> Tensor:
    """Sum values over the pixels that each link has won, (n, h, w) to (n, L)."""
    flat, count = _flat(winner, num_links), len(winner) * num_links
    if values.device.type == 'cpu':
        sums = torch.bincount(flat, values.flatten(), minlength=count)
    else:  # on a GPU, bincount synchronises and is not deterministic
        sums = values.new_zeros(count).index_add_(0, flat, values.flatten())
    return sums.view(-1, num_links).to(values.dtype)


def _flat(winner: Tensor, num_links: int) -> Tensor:
    """Return the index of each pixel's winner among the links of all samples, (n h w,)."""
    if len(winner) == 1:
        return winner.flatten()
    first = torch.arange(len(winner), dtype=winner.dtype, device=winner.device) * num_links
    return (winner + first[:, None, None]).flatten()


def _parts(start: Tensor) -> Iterator[slice]:
    """Yield samples to process at once: on a CPU one per thread, to fit its cache; on a GPU many, for few launches."""
    step = torch.get_num_threads() if start.device.type == 'cpu' else max(1, len(start))
    for first in range(0, len(start), step):
        yield slice(first, first + step)
