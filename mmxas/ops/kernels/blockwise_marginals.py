"""Memory-efficient marginals of a volume's softmax, computed in blocks that fit the cache.

A plain implementation stores the probabilities of the whole volume for the backward pass, which allocates several more
volumes. Here, the backward pass recomputes them block by block. On a CPU, where recomputation is slow, they are stored
and overwritten by the gradient.

Symbols: N batch, K keypoints, D depth bins, Hm and Wm height and width of the heatmap.
"""
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .memory import with_huge_pages

# Elements per block. On a CPU, each thread's share fits its cache (1 MB in float32); a GPU needs few launches.
_BLOCK_A_THREAD = 2**18
_BLOCK_ON_A_GPU = 2**24


class BlockwiseMarginals(torch.autograd.Function):
    """Sums of a volume's softmax onto its three axes and, if requested, onto the x-y plane.

    With the marginals' gradients gx, gy, gz, the gradient of a logit is
    ``p (gx[w] + gy[h] + gz[d] - sum(gx px) - sum(gy py) - sum(gz pz))``, plus a similar term of the plane. For
    contiguous logits of the marginals' data type on a CPU, p is stored (one more volume in memory between forward and
    backward), and the first backward pass overwrites it with the gradient. In all other cases, and in further backward
    passes of a retained graph, p is recomputed. Both ways give bit-identical results.
    """

    @staticmethod
    def forward(ctx: Any, volume: Tensor, with_plane: bool = False) -> tuple[Tensor, ...]:
        """Map (N, K, D, Hm, Wm) logits to (N, K, Wm), (N, K, Hm) and (N, K, D) probabilities, float32 or float64.

        ``with_plane`` adds (N, K, Hm, Wm).
        """
        dtype = torch.promote_types(volume.dtype, torch.float32)
        sizes = [volume.shape[4:], volume.shape[3:4], volume.shape[2:3], volume.shape[3:]][:4 if with_plane else 3]
        marginals = [volume.new_empty((*volume.shape[:2], *size), dtype=dtype) for size in sizes]
        ctx.keeps = (ctx.needs_input_grad[0] and volume.device.type == 'cpu' and volume.dtype == dtype
                     and volume.is_contiguous())
        kept = with_huge_pages(torch.empty_like(volume)) if ctx.keeps else None
        out = None
        for block in _blocks(volume):
            logits = volume[block].to(dtype)
            out = kept[block] if kept is not None else _again(out, logits)
            for marginal, axis_sum in zip(marginals, _sums(_softmax(logits, out), with_plane)):
                marginal[block] = axis_sum
        ctx.save_for_backward(volume, kept, *marginals)
        return tuple(marginals)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        """Return the gradient of the logits, in their layout and data type."""
        volume, kept, *marginals = ctx.saved_tensors
        mean = sum((g * m).flatten(2).sum(dim=-1, keepdim=True) for g, m in zip(grads, marginals))
        grad_x, grad_y, grad_z = grads[0][:, :, None, None, :], grads[1][:, :, None, :, None], grads[2] - mean
        if len(grads) == 4:
            grad_x, grad_yz = grad_x + grad_y + grads[3][:, :, None], grad_z[..., None, None]
        else:
            grad_yz = grad_y + grad_z[..., None, None]
        # ``data`` hides the in-place change from autograd; a further backward pass recomputes p.
        grad = kept.data if ctx.keeps else with_huge_pages(torch.empty_like(volume))
        is_there, ctx.keeps = ctx.keeps, False
        in_place = grad.dtype == mean.dtype
        weights = factor = None
        for block in _blocks(volume):
            if is_there:
                weights = grad[block]
            else:
                logits = volume[block].to(mean.dtype)
                weights = _softmax(logits, grad[block] if in_place else _again(weights, logits))
            factor = _again(factor, weights)
            weights.mul_(torch.add(grad_x[block], grad_yz[block], out=factor))
            if not in_place:
                grad[block] = weights
        return grad, None


def _blocks(volume: Tensor) -> Iterator[tuple[slice, slice]]:
    """Yield slices of samples and keypoints; each block has at least one whole keypoint."""
    batch, keypoints = volume.shape[:2]
    limit = torch.get_num_threads() * _BLOCK_A_THREAD if volume.device.type == 'cpu' else _BLOCK_ON_A_GPU
    fitting = max(1, limit // max(1, volume.shape[2:].numel()))
    samples, step = max(1, fitting // keypoints), min(fitting, keypoints)
    for sample in range(0, batch, samples):
        for keypoint in range(0, keypoints, step):
            yield slice(sample, sample + samples), slice(keypoint, keypoint + step)


def _again(before: Tensor | None, like: Tensor) -> Tensor:
    """Return memory with the layout of ``like``: the previous block's if it fits, as its pages are mapped already."""
    return before if before is not None and before.shape == like.shape else torch.empty_like(like)


def _softmax(logits: Tensor, out: Tensor) -> Tensor:
    """Compute the softmax over the last three axes of (n, k, D, Hm, Wm), into ``out`` of the same layout."""
    if logits.is_contiguous() and out.is_contiguous():
        torch.softmax(logits.flatten(2), dim=-1, out=out.view(*logits.shape[:2], -1))
        return out
    torch.sub(logits, logits.amax(dim=(2, 3, 4), keepdim=True), out=out).exp_()
    return out.div_(out.sum(dim=(2, 3, 4), keepdim=True))


def _sums(weights: Tensor, with_plane: bool) -> tuple[Tensor, ...]:
    """Sum onto x, y, z and, if requested, the x-y plane, starting with the contiguous axis. Overwrites ``weights``
    unless they are contiguous."""
    if weights.is_contiguous():
        side = weights.sum(dim=4)
        sums = weights.sum(dim=(2, 3)), side.sum(dim=2), side.sum(dim=3)
        return (*sums, weights.sum(dim=2)) if with_plane else sums
    plane = weights.sum(dim=2)
    return plane.sum(dim=2), plane.sum(dim=3), _sum_by_folding(weights), plane


def _sum_by_folding(weights: Tensor) -> Tensor:
    """Sum (n, k, D, Hm, Wm) to (n, k, D) in place, repeatedly adding the second half to the first.

    This adds the values of all depth bins in the same order, so that equal bins stay equal (ties). torch's sum over
    adjacent bins uses another order for those that do not fill its vectors.
    """
    for axis in (3, 4):
        while (size := weights.shape[axis]) > 1:
            half = size // 2
            weights.narrow(axis, 0, half).add_(weights.narrow(axis, size - half, half))
            weights = weights.narrow(axis, 0, size - half)
    return weights.flatten(3).sum(dim=3)
