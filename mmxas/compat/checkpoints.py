"""Load mmengine's checkpoints under ``weights_only`` semantics (torch >= 2.6), by an exact allow-list.

mmengine 0.10.7 calls ``torch.load`` without ``weights_only``, and its Runner stores a message hub with
:class:`HistoryBuffer` and numpy arrays beside the weights, so resume, ``load_from`` and ``init_model`` fail. Each name
below rebuilds plain data and runs nothing of the checkpoint's choosing; ``weights_only`` stays on.

A history buffer also pickles its four statistics as ``getattr(HistoryBuffer, 'mean')``. ``getattr`` itself would reach
everything, so while torch reads a checkpoint the name stands for :func:`history_statistic`, which gives these four.

Files from the web are the other gap: torch.hub, which mmengine's loaders of ``https://`` and ``torchvision://`` call,
turns ``weights_only`` off by default. Here it is on, and local files are looked at before torch reads them.
"""
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import checkpoint as mmengine_checkpoint

from mmxas.safe_files.checkpoints import read_checkpoint_file

_NUMPY_DTYPES = (
    'bool', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', 'float16', 'float32', 'float64',
    'str',
)


_STATISTICS = ('min', 'max', 'current', 'mean')


def history_statistic(owner: type, name: str) -> Callable:
    """``getattr`` for checkpoints: one of :class:`HistoryBuffer`'s own statistics, and nothing else.

    Raises:
        pickle.UnpicklingError: For any other owner or name.
    """
    if owner is not HistoryBuffer or name not in _STATISTICS:
        raise pickle.UnpicklingError(f'the checkpoint asks for getattr({owner!r}, {name!r}), which is not allowed: '
                                     f'HistoryBuffer and one of {_STATISTICS} are')
    return getattr(owner, name)


def safe_globals() -> list:
    """The allow-list: objects, or ``(object, name in the file)`` where numpy 1 and 2 differ in the name."""
    reconstruct = np.empty(0).__reduce__()[0]
    scalar = np.float64(0).__reduce__()[0]
    dtypes = sorted({type(np.dtype(name)) for name in _NUMPY_DTYPES}, key=lambda dtype: dtype.__name__)
    return [
        HistoryBuffer,
        (history_statistic, 'builtins.getattr'),
        np.ndarray,
        np.dtype,
        *dtypes,
        *((reconstruct, f'{package}.multiarray._reconstruct') for package in ('numpy.core', 'numpy._core')),
        *((scalar, f'{package}.multiarray.scalar') for package in ('numpy.core', 'numpy._core')),
    ]


def allow_mmengine_checkpoints() -> None:
    """Add :func:`safe_globals` to torch's process-wide allow-list; calling it again changes nothing."""
    torch.serialization.add_safe_globals(safe_globals())


def load_from_local(filename: str, map_location: Any = None) -> Any:
    """mmengine's loader of local files, by :func:`~mmxas.safe_files.read_checkpoint_file`."""
    return read_checkpoint_file(filename, map_location)


def load_url(url: str, *args: Any, **kwargs: Any) -> Any:
    """``torch.hub.load_state_dict_from_url`` with ``weights_only`` on, which is off there by default."""
    return torch.hub.load_state_dict_from_url(url, *args, **{**kwargs, 'weights_only': True})


def guard_mmengine_loaders() -> None:
    """Have mmengine read every checkpoint, from a disk or the web, without executing it."""
    mmengine_checkpoint.CheckpointLoader.register_scheme(prefixes='', loader=load_from_local, force=True)
    mmengine_checkpoint.load_url = load_url
