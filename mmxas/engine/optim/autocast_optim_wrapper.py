"""Mixed precision on GPU and CPU, and gradient accumulation."""
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.optim import BaseOptimWrapper, OptimWrapper
from torch import nn

from mmxas.registry import OPTIM_WRAPPERS


def cpu_has_bf16() -> bool:
    """Return whether the CPU multiplies bfloat16 in hardware; otherwise autocast is slower than float32."""
    return bool(torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
                and torch.cpu._is_avx512_bf16_supported())


def cuda_has_bf16() -> bool:
    """Return whether the GPU supports bfloat16 in hardware."""
    return torch.cuda.is_bf16_supported(including_emulation=False)


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(OptimWrapper):
    """Autocast on CUDA and CPU, with loss scaling for float16.

    mmengine's ``AmpOptimWrapper`` does not support the CPU, and defaults to float16 on a GPU. Here both use bfloat16
    if the hardware supports it, else float32 with a log message.

    Args:
        dtype: ``'bfloat16'`` or ``'float16'`` (CUDA only). Defaults to ``'bfloat16'``.
        require: Raise instead of falling back to float32. Defaults to False.
        **kwargs: ``OptimWrapper``'s arguments.

    Raises:
        ValueError: ``dtype`` is float16 on a CPU, or an unknown one.
        RuntimeError: ``require`` is set and the device has no bfloat16.
    """

    def __init__(self, dtype: str = 'bfloat16', require: bool = False, **kwargs) -> None:
        super().__init__(**kwargs)
        self.device_type = 'cuda' if 'cuda' in get_device() else 'cpu'
        if dtype not in ('bfloat16', 'float16'):
            raise ValueError(f'dtype={dtype!r}: bfloat16 or float16 is expected')
        if dtype == 'float16' and self.device_type == 'cpu':
            raise ValueError('dtype=float16 needs CUDA; a CPU computes in bfloat16: dtype="bfloat16"')
        self.enabled = dtype == 'float16' or (cpu_has_bf16() if self.device_type == 'cpu' else cuda_has_bf16())
        if not self.enabled:
            message = ('this CPU has no bfloat16 instructions (avx512_bf16 or AMX)' if self.device_type == 'cpu' else
                       'this GPU has no bfloat16 (Ampere or newer needed), only dtype="float16"')
            if require:
                raise RuntimeError(f'{message}: set require=False to compute in float32')
            print_log(f'AutocastOptimWrapper: {message}; computing in float32', 'current')
        self.dtype = getattr(torch, dtype)
        self.scaler = torch.amp.GradScaler(self.device_type, enabled=self.enabled and dtype == 'float16')

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Autocast the forward pass, inside mmengine's accumulation context."""
        with super().optim_context(model), torch.autocast(self.device_type, dtype=self.dtype, enabled=self.enabled):
            yield

    def backward(self, loss: torch.Tensor, **kwargs) -> None:
        """Backpropagate the scaled loss."""
        self.scaler.scale(loss).backward(**kwargs)
        self._inner_count += 1

    def step(self, **kwargs) -> None:
        """Unscale, clip if configured, and step."""
        if self.clip_grad_kwargs:
            self.scaler.unscale_(self.optimizer)
            self._clip_grad()
        self.scaler.step(self.optimizer, **kwargs)
        self.scaler.update()

    def state_dict(self) -> dict:
        """Return the state of optimizer and scaler."""
        return {**super().state_dict(), 'loss_scaler': self.scaler.state_dict()}

    def load_state_dict(self, state_dict: dict) -> None:
        """Load the state of optimizer and scaler; a state without a scaler is accepted."""
        state_dict = dict(state_dict)
        scaler = state_dict.pop('loss_scaler', None)
        if scaler:
            self.scaler.load_state_dict(scaler)
        super().load_state_dict(state_dict)


def is_between_steps(wrapper: BaseOptimWrapper) -> bool:
    """Return whether no accumulated gradient is pending, so that a checkpoint would be complete."""
    return getattr(wrapper, 'should_update', lambda: True)()


def begin_epoch(wrapper: BaseOptimWrapper, model: nn.Module, done: int, length: int) -> None:
    """Restart the iteration count per epoch, so that the epoch's last iteration steps with the gradients so far.

    Args:
        wrapper: The optimizer wrapper.
        model: The trained model.
        done: Number of iterations of the epoch that are done.
        length: Number of iterations of the epoch.
    """
    if _counts(wrapper) > 1:
        wrapper.initialize_count_status(model, done, length)


def step_of(wrapper: BaseOptimWrapper, iteration: int, length: int) -> int:
    """Return the step (from 0) that an iteration, counted over all epochs of ``length``, belongs to."""
    epoch, inside = divmod(iteration, length)
    return epoch * -(-length // _counts(wrapper)) + inside // _counts(wrapper)


def _counts(wrapper: BaseOptimWrapper) -> int:
    return getattr(wrapper, '_accumulative_counts', 1)
