"""Huge memory pages for large tensors on a CPU, and uploads to a GPU that do not block."""
import ctypes
import sys
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

_LEAST_BYTES = 2**24
_PAGE = 4096
_MADV_HUGEPAGE = 14


def with_huge_pages(fresh: Tensor) -> Tensor:
    """Request huge pages for an unwritten tensor, and map all of its pages.

    New memory is mapped page by page on the first write. With pages of 4 KB, this takes longer than computing a
    gradient of 150 MB; Linux provides pages of 2 MB on request. The kernel clears each page first, which evicts the
    cache of the writing thread; threads that write to one page at the same time each clear it.

    Has no effect for small tensors, on other devices than a CPU, or on other systems than Linux. If the kernel declines
    the request, it maps normal pages.

    Args:
        fresh: A dense tensor from ``torch.empty``.

    Returns:
        The same tensor, with arbitrary content.
    """
    size = fresh.numel() * fresh.element_size()
    if fresh.device.type == 'cpu' and size >= _LEAST_BYTES and _madvise() is not None:
        first = -(-fresh.data_ptr() // _PAGE) * _PAGE
        length = (fresh.data_ptr() + size - first) // _PAGE * _PAGE
        _madvise()(ctypes.c_void_p(first), ctypes.c_size_t(length), _MADV_HUGEPAGE)
        step = _PAGE // fresh.element_size()
        # From 128 MB on, each of torch's threads writes to its own part of the pages.
        fresh.as_strided((fresh.numel() // step, ), (step, )).zero_()
    return fresh


@cache
def _madvise() -> Callable[..., int] | None:
    """Return the C library's ``madvise``, or None if there is none."""
    return getattr(ctypes.CDLL(None), 'madvise', None) if sys.platform == 'linux' else None


def upload(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy a tensor to a device; for a GPU through pinned memory, so that the CPU does not wait.

    Args:
        tensor: Tensor of any shape.
        device: Target device.
    """
    if tensor.device.type == 'cpu' and device.type == 'cuda':
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
