"""Batch normalisation of channels-last maps with accurate statistics.

On such maps, torch adds all pixels of a CPU thread sequentially in float32. Here, several adjacent pixels form a row,
which shortens each sum, and maps are centred by an approximate mean before computing statistics, as the mean after a
convolution can be a hundred standard deviations. Group sums are combined by the formula of Chan, Golub and LeVeque
(1979).

Symbols: N batch, C channels, h and w size of the maps.
"""
import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from mmxas.ops.checks import check_choice, check_shape

# Numbers per row of several pixels: 64 KB, so that a thread's sums stay in its cache.
_WIDTH = 2**14


def batch_norm_channels_last(maps: Tensor, weight: Tensor | None = None, bias: Tensor | None = None,
                             eps: float = 1e-5) -> tuple[Tensor, Tensor, Tensor]:
    """Normalise by batch statistics, like ``torch.nn.functional.batch_norm`` in training.

    Not twice differentiable; the returned statistics have no gradient.

    Args:
        maps: (N, C, h, w), not empty, channels-last in memory, float32 or float64.
        weight: (C, ), of the same type. Defaults to None, ones.
        bias: (C, ), of the same type. Defaults to None, zeros.
        eps: Value added to the variance. Defaults to 1e-5.

    Returns:
        The normalised maps (N, C, h, w), channels-last too; mean (C, ); biased variance (C, ).

    Raises:
        ValueError: The maps are empty, of another type or memory layout, or weight or bias do not match them.
    """
    check_shape(maps, ('N', 'C', 'h', 'w'), 'maps')
    if not maps.numel() or not maps.is_contiguous(memory_format=torch.channels_last):
        raise ValueError('maps: some numbers in channels-last memory expected, got the shape '
                         f'{tuple(maps.shape)} with strides {maps.stride()}')
    check_choice(maps.dtype, (torch.float32, torch.float64), 'maps.dtype')
    for name, values in (('weight', weight), ('bias', bias)):
        if values is not None:
            check_shape(values, (maps.shape[1], ), name)
            check_choice(values.dtype, (maps.dtype, ), f'{name}.dtype')
    return _BatchNorm.apply(maps, weight, bias, eps)


class _BatchNorm(torch.autograd.Function):

    @staticmethod
    def forward(ctx: FunctionCtx, maps: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
                ) -> tuple[Tensor, Tensor, Tensor]:
        normed, first = _centred(maps)
        rest, variance = _statistics(normed)
        mean = first + rest
        scale = (variance + eps).rsqrt()
        ctx.save_for_backward(maps, weight, mean, scale)
        ctx.mark_non_differentiable(mean, variance)
        scale = scale if weight is None else scale * weight
        shift = -rest * scale if bias is None else bias - rest * scale
        for part in _wide_rows(normed):
            torch.addcmul(_wide(shift, part), part, _wide(scale, part), out=part)
        return normed, mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        maps, weight, mean, scale = ctx.saved_tensors
        grad = grad.contiguous(memory_format=torch.channels_last)
        of_weight, of_bias = _sums(grad, maps, mean, scale)
        of_maps = None
        if ctx.needs_input_grad[0]:
            pixels = maps.numel() // len(mean)
            gain = scale if weight is None else scale * weight
            slope = -gain * scale * of_weight / pixels
            offset = -gain * of_bias / pixels
            of_maps = torch.empty_like(maps)
            for part, back, out in zip(_wide_rows(maps), _wide_rows(grad), _wide_rows(of_maps)):
                torch.sub(part, _wide(mean, part), out=out)
                torch.addcmul(_wide(offset, part), out, _wide(slope, part), out=out)
                out.addcmul_(back, _wide(gain, part))
        return (of_maps, None if weight is None else of_weight, of_bias if ctx.needs_input_grad[2] else None, None)


def _wide_rows(maps: Tensor) -> list[Tensor]:
    """Return views of the pixels: (rows, k C) with k pixels per row, and (rows, C) with the remaining ones."""
    pixels = maps.permute(0, 2, 3, 1).view(-1, maps.shape[1])
    side_by_side = max(1, _WIDTH // maps.shape[1])
    whole = len(pixels) // side_by_side * side_by_side
    parts = (pixels[:whole].view(-1, side_by_side * maps.shape[1]), pixels[whole:])
    return [part for part in parts if len(part)]


def _wide(values: Tensor, part: Tensor) -> Tensor:
    """Repeat numbers (C, ) to the length of the part's rows."""
    return values.repeat(part.shape[1] // len(values))


def _narrow(values: Tensor, channels: int) -> Tensor:
    """Sum numbers (k C, ) of a row over its k pixels, to (C, )."""
    return values.view(-1, channels).sum(dim=0)


def _centred(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Return the maps minus an approximate mean (C, ), in new memory, and this mean."""
    channels = maps.shape[1]
    sums = sum(_narrow(part.sum(dim=0), channels) for part in _wide_rows(maps))
    mean, centred = sums / (maps.numel() // channels), torch.empty_like(maps)
    for part, out in zip(_wide_rows(maps), _wide_rows(centred)):
        torch.sub(part, _wide(mean, part), out=out)
    return centred, mean


def _statistics(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and biased variance (C, ) over batch and pixels."""
    means, variances, counts = [], [], []
    for part in _wide_rows(maps):
        mean, variance = torch.batch_norm_update_stats(part, None, None, 0.0)
        means.append(mean.view(-1, maps.shape[1]))
        variances.append(variance.view(-1, maps.shape[1]))
        counts.append(mean.new_full((len(means[-1]), 1), len(part)))
    means, variances, shares = torch.cat(means), torch.cat(variances), torch.cat(counts)
    shares = shares / shares.sum()
    mean = (shares * means).sum(dim=0)
    return mean, (shares * (variances + (means - mean).square())).sum(dim=0)


def _sums(grad: Tensor, maps: Tensor, mean: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients (C, ) of weight and bias: the sums of ``grad`` times normalised maps, and of ``grad``."""
    products = plain = 0
    for part, back in zip(_wide_rows(maps), _wide_rows(grad)):
        _, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            back, part, None, None, None, _wide(mean, part), _wide(scale, part), True, 0.0, [False, True, True])
        products = products + _narrow(of_weight, len(mean))
        plain = plain + _narrow(of_bias, len(mean))
    return products, plain
