"""Matrix products by oneDNN or MKL, whichever is faster on the CPU.

The choice depends on the CPU's vendor instead of a measurement, so that results on one machine are reproducible.
"""
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable


def linear(features: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``features @ weight.T + bias``, like ``torch.nn.functional.linear``.

    In float32 on an AMD CPU, outside autocast, oneDNN computes the products; they are not twice differentiable. In all
    other cases torch computes them with MKL, which reaches half of oneDNN's speed on AMD CPUs and exceeds it on Intel
    CPUs.

    Args:
        features: (..., C).
        weight: (D, C).
        bias: (D, ). Defaults to None.

    Returns:
        (..., D).
    """
    if not _by_onednn(features):
        return F.linear(features, weight, bias)
    rows = features.reshape(-1, features.shape[-1])
    return _OneDNNLinear.apply(rows, weight, bias).view(*features.shape[:-1], len(weight))


def pointwise_convolution(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return a 1 x 1 convolution with a contiguous result, for contiguous or channels-last features.

    It is computed as a matrix product, which reads either layout and writes a contiguous one; a convolution would write
    the features' layout, or copy its result. It uses oneDNN under the conditions of :func:`linear`. torch's convolution
    is used when traced or compiled, and in single precision on a GPU, where torch allows TF32 for convolutions only.

    Args:
        features: (N, C, h, w).
        weight: (D, C, 1, 1).
        bias: (D, ).

    Returns:
        (N, D, h, w), contiguous.
    """
    on_gpu_in_single = features.device.type == 'cuda' and not torch.is_autocast_enabled('cuda')
    matrix = weight.flatten(1)  # its gradient is contiguous on both paths below
    if torch.compiler.is_compiling() or torch.jit.is_tracing() or on_gpu_in_single or _by_onednn(features):
        return F.conv2d(features, matrix[..., None, None], bias).contiguous()
    matrices = matrix.expand(len(features), -1, -1)
    return torch.baddbmm(bias[:, None], matrices, features.flatten(2)).unflatten(2, features.shape[2:])


def _by_onednn(features: Tensor) -> bool:
    return (features.device.type == 'cpu' and features.dtype == torch.float32 and features.numel() > 0
            and not torch.is_autocast_enabled('cpu') and has_onednn() and cpu_vendor() == 'AuthenticAMD')


@cache
def cpu_vendor(info: Path = Path('/proc/cpuinfo')) -> str | None:
    """Return the CPU's vendor, such as ``'AuthenticAMD'`` or ``'GenuineIntel'``; None if unknown.

    Args:
        info: Linux's description of the CPU.
    """
    if not info.is_file():
        return None
    pairs = (line.partition(':') for line in info.read_text(encoding='utf-8', errors='replace').splitlines())
    return next((value.strip() for key, _, value in pairs if key.strip() == 'vendor_id'), None)


def has_onednn() -> bool:
    """Return whether this build of torch has oneDNN's product."""
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, '_linear_pointwise')


def onednn_product(rows: Tensor, columns: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``rows @ columns.T + bias``, computed by oneDNN on any CPU, without gradient.

    Args:
        rows: (N, C).
        columns: (D, C).
        bias: (D, ). Defaults to None.

    Returns:
        (N, D).
    """
    return torch.ops.mkldnn._linear_pointwise(rows, columns, bias, 'none', [], '')


class _OneDNNLinear(torch.autograd.Function):

    @staticmethod
    def forward(ctx: FunctionCtx, rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(rows, weight)
        return onednn_product(rows, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight = ctx.saved_tensors
        of_rows, of_weight, of_bias = ctx.needs_input_grad
        return (onednn_product(grad, weight.t()) if of_rows else None,
                onednn_product(grad.t(), rows.t()) if of_weight else None,
                grad.sum(dim=0) if of_bias else None)
