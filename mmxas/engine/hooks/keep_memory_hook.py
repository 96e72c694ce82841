"""Reuse memory between steps on a CPU."""
import ctypes
import os
import sys

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmxas.registry import HOOKS

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4  # malloc.h
_KEPT = {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: -1}
# The values that glibc's own adjustment reaches with large arrays.
_GIVEN_BACK = {_M_MMAP_MAX: 1 << 16, _M_MMAP_THRESHOLD: 32 << 20, _M_TRIM_THRESHOLD: 64 << 20}


def keep_freed_memory(keep: bool = True) -> bool:
    """Let the C library keep the memory that this process frees, for later allocations.

    By default glibc returns each array of more than 32 MB to the system and requests a new one, whose pages the system
    clears one by one: this takes a third of a training step of a ResNet-50 on a CPU. When it is kept, memory stays at
    its peak until the process ends. Nothing is changed for other C libraries, or if the environment configures glibc
    (``MALLOC_*``, ``GLIBC_TUNABLES``).

    Args:
        keep: False restores glibc's default for later allocations.

    Returns:
        Whether the setting was changed.
    """
    if any(name.startswith('MALLOC_') for name in os.environ) or 'glibc.malloc' in os.environ.get('GLIBC_TUNABLES', ''):
        return False
    library = ctypes.CDLL(None) if sys.platform == 'linux' else None
    if library is None or not hasattr(library, 'mallopt') or not hasattr(library, 'gnu_get_libc_version'):
        return False
    return all(library.mallopt(name, value) for name, value in (_KEPT if keep else _GIVEN_BACK).items())


@HOOKS.register_module()
class KeepMemoryHook(Hook):
    """Keep freed memory in training and testing on a CPU (:func:`keep_freed_memory`)."""

    def before_train(self, runner: Runner) -> None:
        """Keep freed memory from now on."""
        self._keep(runner)

    def before_test(self, runner: Runner) -> None:
        """Keep freed memory from now on."""
        self._keep(runner)

    @staticmethod
    def _keep(runner: Runner) -> None:
        if next(runner.model.parameters()).device.type == 'cpu':
            keep_freed_memory()
