"""A GPU that needs no card: tensors with a device and a shape, without values.

An operator that is given tensors of two devices raises. What would make the CPU wait for the card is counted: a value
that is read, a size that depends on values, a copy from the card, a copy to it that is blocking or of memory that is
not pinned, and indices that lie on the CPU.
"""
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten


class Waits(TorchDispatchMode):
    """Counts what the CPU waits for, by the line of the package and the operator; values read as 1 or True."""

    def __init__(self) -> None:
        super().__init__()
        self.at: Counter[str] = Counter()

    def __torch_dispatch__(self, operator: Callable[..., Any], types: Any, args: tuple = (),
                           kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        first = next((arg for arg in args if isinstance(arg, Tensor)), None)
        on_gpu = first is not None and first.device.type == 'cuda'
        if operator is aten._local_scalar_dense.default:
            self._note(operator, on_gpu)
            return True if first.dtype == torch.bool else 1.0 if first.dtype.is_floating_point else 1
        if operator is aten.nonzero.default:
            raise NotImplementedError('nonzero: a size that depends on values; count it in Waits first')
        if operator is aten._to_copy.default:
            target = torch.device(kwargs.get('device') or first.device).type
            pinned = kwargs.get('non_blocking') and getattr(first, 'is_imagined_pinned', False)
            self._note(operator, first.device.type != target and not pinned)
        if operator is aten.copy_.default and first.device != args[1].device:
            self._note(operator, args[1].dim() > 0)
        if operator is aten.index.Tensor:
            masks = [index is not None and index.dtype == torch.bool for index in args[1]]
            uploaded = [index is not None and index.device.type == 'cpu' for index in args[1]]
            self._note(operator, on_gpu and any(masks + uploaded))
            args = first, [torch.arange(len(index), device=index.device) if is_mask else index
                           for index, is_mask in zip(args[1], masks)]
        return operator(*args, **kwargs)

    def _note(self, operator: Any, waits: bool) -> None:
        if waits:
            lines = [frame for frame in traceback.extract_stack() if '/mmxas/' in frame.filename]
            place = f'{lines[-1].filename.rpartition("/mmxas/")[2]}:{lines[-1].lineno} ' if lines else ''
            self.at[f'{place}{operator}'] += 1


def pinned(tensor: Tensor) -> Tensor:
    """The tensor as if it lay in pinned memory, which there is none of without a card."""
    copy = tensor.clone()
    copy.is_imagined_pinned = True
    return copy


@contextmanager
def imagined_gpu() -> Iterator[Waits]:
    """Tensors have no values, and may say that they lie on a GPU."""
    with mock.patch.object(Tensor, 'pin_memory', pinned), FakeTensorMode(allow_non_fake_inputs=True), Waits() as waits:
        yield waits


def move(module: nn.Module) -> nn.Module:
    """Put a real module's parameters and buffers on the imagined GPU, in place."""
    for part in module.modules():
        for tensors in (part._parameters, part._buffers):
            for name, own in tensors.items():
                if own is not None:
                    moved = torch.empty_strided(own.shape, own.stride(), dtype=own.dtype, device='cuda')
                    tensors[name] = nn.Parameter(moved, own.requires_grad) if isinstance(own, nn.Parameter) else moved
        if hasattr(part, '_device'):  # mmengine's preprocessors
            part._device = torch.device('cuda')
    return module


def losses_of(model: nn.Module, weights: dict[str, float], batch: dict[str, Sequence]) -> dict[str, Tensor]:
    """The losses of a stage, from what a data loader gives."""
    model.set_stage(weights)
    model.train()
    return model(**model.data_preprocessor(batch, True), mode='loss')
