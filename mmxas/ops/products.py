"""Matrix products by the faster of a CPU's two libraries."""
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable


def linear(features: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``features @ weight.T + bias``, as ``torch.nn.functional.linear``.

    In float32 on a CPU, outside autocast, the products are oneDNN's; torch's own are MKL's, which reach half of that
    rate on AMD processors. They cannot be differentiated twice.

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


def _by_onednn(features: Tensor) -> bool:
    return (features.device.type == 'cpu' and features.dtype == torch.float32 and features.numel() > 0
            and not torch.is_autocast_enabled('cpu') and torch.backends.mkldnn.is_available()
            and hasattr(torch.ops.mkldnn, '_linear_pointwise'))


def _product(rows: Tensor, columns: Tensor, bias: Tensor | None = None) -> Tensor:
    """(N, C) and (D, C) to (N, D)."""
    return torch.ops.mkldnn._linear_pointwise(rows, columns, bias, 'none', [], '')


class _OneDNNLinear(torch.autograd.Function):

    @staticmethod
    def forward(ctx: FunctionCtx, rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(rows, weight)
        return _product(rows, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight = ctx.saved_tensors
        of_rows, of_weight, of_bias = ctx.needs_input_grad
        return (_product(grad, weight.t()) if of_rows else None,
                _product(grad.t(), rows.t()) if of_weight else None,
                grad.sum(dim=0) if of_bias else None)
