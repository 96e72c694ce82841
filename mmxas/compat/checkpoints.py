"""Load mmengine's checkpoints under ``weights_only`` semantics (torch >= 2.6), by an exact allow-list.

mmengine 0.10.7 calls ``torch.load`` without ``weights_only``, and its Runner stores a message hub with
:class:`HistoryBuffer` and numpy arrays beside the weights, so resume, ``load_from`` and ``init_model`` fail. Each name
below rebuilds plain data and runs nothing of the checkpoint's choosing; ``weights_only`` stays on.

A history buffer also pickles its four statistics as ``getattr(HistoryBuffer, 'mean')``. ``getattr`` itself would reach
everything, so while torch reads a checkpoint the name stands for :func:`history_statistic`, which gives these four.

Files from the web are the other gap: torch.hub, which mmengine's loaders of ``https://`` and ``torchvision://`` call,
turns ``weights_only`` off by default. Here they are downloaded, and read as local files are.

A checkpoint also carries its config as a text, which mmengine executes when it resumes (for a field of old versions).
No loader of mmengine's is given it.
"""
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import checkpoint as mmengine_checkpoint

from mmxas.io.checkpoints import read_checkpoint_file

_NUMPY_DTYPES = (
    'bool', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', 'float16', 'float32', 'float64',
    'str',
)
_KINDS = 'biufcSU'
_SCALAR = np.float64(0).__reduce__()[0]


class CheckedArray(np.ndarray):
    """What ``numpy.ndarray`` stands for in a checkpoint: an array of numbers that is filled from a file's bytes.

    numpy's own would also be called with a buffer, whose bytes it takes for addresses if the type is ``object``.
    """

    def __new__(cls, *_args: Any, **_kwargs: Any) -> 'CheckedArray':
        """Only :func:`empty_array` makes one."""
        raise pickle.UnpicklingError('the checkpoint asks for GLOBAL numpy.ndarray to be called, which is not allowed')

    def __setstate__(self, state: tuple) -> None:
        """Take shape, type and bytes, once: what was made of the array before would keep the memory that it leaves."""
        if len(state) != 5:
            raise pickle.UnpicklingError('the checkpoint has an array of objects, which is not allowed; numbers are')
        if self.size:
            raise pickle.UnpicklingError('the checkpoint fills an array twice, which is not allowed')
        super().__setstate__((*state[:2], own_dtype(state[2]), *state[3:]))

    def __reduce_ex__(self, protocol: int) -> tuple:
        """Saved again it is numpy's."""
        return self.view(np.ndarray).__reduce_ex__(protocol)


def own_dtype(dtype: Any) -> np.dtype:
    """A dtype of numbers or text that the checkpoint has no hold of: it may build its own again, of another size.

    Raises:
        pickle.UnpicklingError: For any other dtype, and what is none.
    """
    if not isinstance(dtype, np.dtype) or dtype.hasobject or dtype.kind not in _KINDS:
        raise pickle.UnpicklingError(f'the checkpoint has an array of objects or records ({dtype!r:.60}), which is not '
                                     'allowed; numbers and text are')
    return np.dtype(dtype.str)


def checked_scalar(dtype: Any, content: Any = b'') -> Any:
    """``numpy._core.multiarray.scalar`` for checkpoints.

    Raises:
        pickle.UnpicklingError: For another dtype than one of numbers or text, or another number of bytes than it has.
    """
    dtype = own_dtype(dtype)
    if not isinstance(content, bytes) or len(content) != dtype.itemsize:
        raise pickle.UnpicklingError(f'the checkpoint has a number of {content!r:.60}, {dtype.itemsize} bytes expected')
    return _SCALAR(dtype, content)


def empty_array(kind: type, _shape: tuple, _code: bytes | str) -> CheckedArray:
    """``numpy._core.multiarray._reconstruct`` for checkpoints.

    Raises:
        pickle.UnpicklingError: For any other ``kind`` than an array.
    """
    if kind is not CheckedArray:
        raise pickle.UnpicklingError(f'the checkpoint asks for an array of the kind {kind!r}, which is not allowed')
    return np.ndarray.__new__(CheckedArray, (0, ), np.int8)


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
    dtypes = sorted({type(np.dtype(name)) for name in _NUMPY_DTYPES}, key=lambda dtype: dtype.__name__)
    return [
        HistoryBuffer,
        (history_statistic, 'builtins.getattr'),
        (CheckedArray, 'numpy.ndarray'),
        np.dtype,
        *dtypes,
        *((empty_array, f'{package}.multiarray._reconstruct') for package in ('numpy.core', 'numpy._core')),
        *((checked_scalar, f'{package}.multiarray.scalar') for package in ('numpy.core', 'numpy._core')),
    ]


def allow_mmengine_checkpoints() -> None:
    """Add :func:`safe_globals` to torch's process-wide allow-list; calling it again changes nothing."""
    torch.serialization.add_safe_globals(safe_globals())


def load_from_local(filename: str, map_location: Any = None) -> Any:
    """mmengine's loader of local files, by :func:`~mmxas.io.read_checkpoint_file`; without the config."""
    return without_config(read_checkpoint_file(filename, map_location))


def load_url(url: str, model_dir: str | None = None, map_location: Any = None, progress: bool = True,
             check_hash: bool = False, file_name: str | None = None, **_kwargs: Any) -> Any:
    """``torch.hub.load_state_dict_from_url``: its cache, and :func:`load_from_local`."""
    folder = Path(model_dir or Path(torch.hub.get_dir()) / 'checkpoints')
    path = folder / (file_name or Path(urlparse(url).path).name)
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        digest = torch.hub.HASH_REGEX.search(path.name) if check_hash else None
        torch.hub.download_url_to_file(url, str(path), digest and digest[1], progress=progress)
    return load_from_local(str(path), map_location)


def without_config(checkpoint: Any) -> Any:
    """A checkpoint without the text that mmengine would execute."""
    if isinstance(checkpoint, dict) and isinstance(checkpoint.get('meta'), dict):
        meta = {key: value for key, value in checkpoint['meta'].items() if key not in ('config', 'cfg')}
        return {**checkpoint, 'meta': meta}
    return checkpoint


def guard_mmengine_loaders() -> None:
    """Have mmengine read every checkpoint, from a disk or the web, without executing it."""
    mmengine_checkpoint.CheckpointLoader.register_scheme(prefixes='', loader=load_from_local, force=True)
    mmengine_checkpoint.load_url = load_url
