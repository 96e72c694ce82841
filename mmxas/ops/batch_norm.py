"""Batch normalisation of maps in channels-last memory, with statistics that keep their digits.

On such maps torch adds up all rows of a CPU thread one after another in float32: over 128 x 128 pixels and a batch of 8
the variance was 1e-3 off. Here several rows side by side are one, so that each of the sums is short, and the sums are
put together by the formula for groups of Chan, Golub and LeVeque (1979).

Symbols: N batch, C channels, h and w size of the maps.
"""
import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

# Numbers in a row of several pixels: 64 KB, so that a thread's sums stay near it.
_WIDTH = 2**14


def batch_norm_channels_last(maps: Tensor, weight: Tensor | None = None, bias: Tensor | None = None,
                             eps: float = 1e-5) -> tuple[Tensor, Tensor, Tensor]:
    """Normalise by the statistics of the batch, as ``torch.nn.functional.batch_norm`` in training.

    It cannot be differentiated twice; the statistics carry no gradient of their own.

    Args:
        maps: (N, C, h, w), channels-last in memory, N h w at least 1.
        weight: (C, ). Defaults to None, ones.
        bias: (C, ). Defaults to None, zeros.
        eps: What is added to the variance. Defaults to 1e-5.

    Returns:
        The normalised maps (N, C, h, w), channels-last too; mean (C, ); biased variance (C, ).

    Raises:
        ValueError: The maps lie in another order.
    """
    if not maps.is_contiguous(memory_format=torch.channels_last):
        raise ValueError(f'maps in channels-last memory expected, got {tuple(maps.shape)} with strides {maps.stride()}')
    return _BatchNorm.apply(maps, weight, bias, eps)


class _BatchNorm(torch.autograd.Function):

    @staticmethod
    def forward(ctx: FunctionCtx, maps: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
                ) -> tuple[Tensor, Tensor, Tensor]:
        mean, variance = _statistics(maps)
        scale = (variance + eps).rsqrt()
        ctx.save_for_backward(maps, weight, mean, scale)
        ctx.mark_non_differentiable(mean, variance)
        scale = scale if weight is None else scale * weight
        shift = -mean * scale if bias is None else bias - mean * scale
        normed = torch.empty_like(maps)
        for part, out in zip(_wide_rows(maps), _wide_rows(normed)):
            torch.addcmul(_wide(shift, part), part, _wide(scale, part), out=out)
        return normed, mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        maps, weight, mean, scale = ctx.saved_tensors
        grad = grad.contiguous(memory_format=torch.channels_last)
        of_weight, of_bias = _sums(grad, maps, mean, scale)
        of_maps = None
        if ctx.needs_input_grad[0]:
            rows = maps.numel() // len(mean)
            gain = scale if weight is None else scale * weight
            slope = -gain * scale * of_weight / rows
            offset = -gain * of_bias / rows
            of_maps = torch.empty_like(maps)
            for part, back, out in zip(_wide_rows(maps), _wide_rows(grad), _wide_rows(of_maps)):
                torch.sub(part, _wide(mean, part), out=out)
                torch.addcmul(_wide(offset, part), out, _wide(slope, part), out=out)
                out.addcmul_(back, _wide(gain, part))
        return (of_maps, None if weight is None else of_weight, of_bias if ctx.needs_input_grad[2] else None, None)


def _wide_rows(maps: Tensor) -> list[Tensor]:
    """Views (rows, k C) of the pixels, k of them side by side, and (rows, C) of those that are left over."""
    pixels = maps.permute(0, 2, 3, 1).view(-1, maps.shape[1])
    side_by_side = max(1, _WIDTH // maps.shape[1])
    whole = len(pixels) // side_by_side * side_by_side
    parts = (pixels[:whole].view(-1, side_by_side * maps.shape[1]), pixels[whole:])
    return [part for part in parts if len(part)]


def _wide(values: Tensor, part: Tensor) -> Tensor:
    """Numbers (C, ) as often as a row of the part has them."""
    return values.repeat(part.shape[1] // len(values))


def _statistics(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance (C, ) over batch and pixels.

    The mean is summed once more, in pairs: after a convolution it can be a hundred standard deviations.
    """
    means, variances, counts = [], [], []
    for part in _wide_rows(maps):
        _, variance = torch.batch_norm_update_stats(part, None, None, 0.0)
        means.append((part.sum(dim=0).double() / len(part)).view(-1, maps.shape[1]))
        variances.append(variance.double().view(-1, maps.shape[1]))
        counts.append(means[-1].new_full((len(means[-1]), 1), len(part)))
    means, variances, shares = torch.cat(means), torch.cat(variances), torch.cat(counts)
    shares = shares / shares.sum()
    mean = (shares * means).sum(dim=0)
    variance = (shares * (variances + (means - mean).square())).sum(dim=0)
    return mean.to(maps.dtype), variance.to(maps.dtype)


def _sums(grad: Tensor, maps: Tensor, mean: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """Sums (C, ) of ``grad`` times the normalised maps and of ``grad``: the gradients of weight and bias."""
    products, plain = 0, 0
    for part, back in zip(_wide_rows(maps), _wide_rows(grad)):
        _, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            back, part, None, None, None, _wide(mean, part), _wide(scale, part), True, 0.0, [False, True, True])
        products = products + of_weight.view(-1, len(mean)).sum(dim=0)
        plain = plain + of_bias.view(-1, len(mean)).sum(dim=0)
    return products, plain
