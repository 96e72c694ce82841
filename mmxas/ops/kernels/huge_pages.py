"""Large pages for large results on a CPU.

New memory is mapped page by page when it is first written. With pages of 4 KB that takes longer than computing a
gradient of 150 MB; Linux gives pages of 2 MB to whom asks for them. Each is cleared first, which empties the cache of
whoever writes there; threads that write into one page at the same time clear it each.
"""
import ctypes
import sys
from collections.abc import Callable
from functools import cache

from torch import Tensor

_LEAST_BYTES = 2**24
_PAGE = 4096
_MADV_HUGEPAGE = 14


def with_huge_pages(fresh: Tensor) -> Tensor:
    """Ask for huge pages under a tensor that has not been written yet, and have all of its pages mapped at once.

    It is a wish: elsewhere than on a CPU under Linux, or for a small tensor, nothing happens; where the kernel
    declines, its own pages are mapped.

    Args:
        fresh: A dense tensor as ``torch.empty`` gives it.

    Returns:
        The same tensor, with anything in it.
    """
    size = fresh.numel() * fresh.element_size()
    if fresh.device.type == 'cpu' and size >= _LEAST_BYTES and _madvise() is not None:
        first = -(-fresh.data_ptr() // _PAGE) * _PAGE
        length = (fresh.data_ptr() + size - first) // _PAGE * _PAGE
        _madvise()(ctypes.c_void_p(first), ctypes.c_size_t(length), _MADV_HUGEPAGE)
        step = _PAGE // fresh.element_size()
        # From 128 MB on each of torch's threads writes to the pages of a part of its own.
        fresh.as_strided((fresh.numel() // step, ), (step, )).zero_()
    return fresh


@cache
def _madvise() -> Callable[..., int] | None:
    """The C library's function, or None where there is none."""
    return getattr(ctypes.CDLL(None), 'madvise', None) if sys.platform == 'linux' else None
