"""Memory that one step on a CPU frees, kept for the next."""
import ctypes
import os
import sys

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmxas.registry import HOOKS

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4  # malloc.h
_KEPT = {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: -1}
# Where glibc's own adjustment ends once large arrays come and go.
_GIVEN_BACK = {_M_MMAP_MAX: 1 << 16, _M_MMAP_THRESHOLD: 32 << 20, _M_TRIM_THRESHOLD: 64 << 20}


def keep_freed_memory(keep: bool = True) -> bool:
    """Have the C library keep what this process frees, for what it allocates next.

    By default glibc gives each array of more than 32 MB back to the system and asks for a new one, whose pages the
    system clears one by one: a third of a training step of a ResNet-50 on a CPU. Kept, memory stays at its peak
    until the process ends. Other C libraries are left alone, and one that the environment has set
    (``MALLOC_*``, ``GLIBC_TUNABLES``).

    Args:
        keep: False goes back to what glibc does by default, with what is allocated from then on.

    Returns:
        Whether it was done.
    """
    if any(name.startswith('MALLOC_') for name in os.environ) or 'glibc.malloc' in os.environ.get('GLIBC_TUNABLES', ''):
        return False
    library = ctypes.CDLL(None) if sys.platform == 'linux' else None
    if library is None or not hasattr(library, 'mallopt') or not hasattr(library, 'gnu_get_libc_version'):
        return False
    return all(library.mallopt(name, value) for name, value in (_KEPT if keep else _GIVEN_BACK).items())


@HOOKS.register_module()
class KeepMemoryHook(Hook):
    """Training and testing on a CPU keep what a step frees (:func:`keep_freed_memory`)."""

    def before_train(self, runner: Runner) -> None:
        """From here on."""
        self._keep(runner)

    def before_test(self, runner: Runner) -> None:
        """From here on."""
        self._keep(runner)

    @staticmethod
    def _keep(runner: Runner) -> None:
        if next(runner.model.parameters()).device.type == 'cpu':
            keep_freed_memory()
