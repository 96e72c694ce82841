"""Load mmengine's checkpoints with ``weights_only`` (torch >= 2.6) and an exact allow-list.

mmengine 0.10.7 calls ``torch.load`` without ``weights_only``, and its Runner stores a message hub with
:class:`HistoryBuffer` and numpy arrays with the weights, so resume, ``load_from`` and ``init_model`` fail. The allowed
names below only rebuild plain data and run no code from the checkpoint; ``weights_only`` stays on.

A history buffer also pickles its four statistics as ``getattr(HistoryBuffer, 'mean')``. Since ``getattr`` itself would
allow everything, it is replaced by :func:`history_statistic`, which returns only these four, while torch reads a
checkpoint.

torch.hub, which mmengine's loaders of ``https://`` and ``torchvision://`` call, turns ``weights_only`` off by default.
Here such files are downloaded and then read like local files.

A checkpoint also holds its config as text. To support old checkpoints, mmengine executes this text when it resumes, so
it is removed for all of mmengine's loaders.
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
    """Replacement of ``numpy.ndarray`` in a checkpoint: an array of numbers that is filled from a file's bytes.

    numpy's class also accepts a buffer, whose bytes it interprets as addresses if the type is ``object``.
    """

    def __new__(cls, *_args: Any, **_kwargs: Any) -> 'CheckedArray':
        """Raise: only :func:`empty_array` creates instances."""
        raise pickle.UnpicklingError('the checkpoint asks for GLOBAL numpy.ndarray to be called, which is not allowed')

    def __setstate__(self, state: tuple) -> None:
        """Set shape, type and bytes, once: earlier views of the array would keep pointing to its freed memory."""
        if len(state) != 5:
            raise pickle.UnpicklingError('the checkpoint has an array of objects, which is not allowed; numbers are')
        if self.size:
            raise pickle.UnpicklingError('the checkpoint fills an array twice, which is not allowed')
        super().__setstate__((*state[:2], own_dtype(state[2]), *state[3:]))

    def __reduce_ex__(self, protocol: int) -> tuple:
        """Pickle as a numpy array."""
        return self.view(np.ndarray).__reduce_ex__(protocol)


def own_dtype(dtype: Any) -> np.dtype:
    """Return an independent dtype of numbers or text: the checkpoint could change the size of its own object.

    Raises:
        pickle.UnpicklingError: ``dtype`` is another dtype, or not a dtype.
    """
    if not isinstance(dtype, np.dtype) or dtype.hasobject or dtype.kind not in _KINDS:
        raise pickle.UnpicklingError(f'the checkpoint has an array of objects or records ({dtype!r:.60}), which is not '
                                     'allowed; numbers and text are')
    return np.dtype(dtype.str)


def checked_scalar(dtype: Any, content: Any = b'') -> Any:
    """Safe version of ``numpy._core.multiarray.scalar``.

    Raises:
        pickle.UnpicklingError: The dtype is not of numbers or text, or the number of bytes is wrong.
    """
    dtype = own_dtype(dtype)
    if not isinstance(content, bytes) or len(content) != dtype.itemsize:
        raise pickle.UnpicklingError(f'the checkpoint has a number of {content!r:.60}, {dtype.itemsize} bytes expected')
    return _SCALAR(dtype, content)


def empty_array(kind: type, _shape: tuple, _code: bytes | str) -> CheckedArray:
    """Safe version of ``numpy._core.multiarray._reconstruct``.

    Raises:
        pickle.UnpicklingError: ``kind`` is not an array.
    """
    if kind is not CheckedArray:
        raise pickle.UnpicklingError(f'the checkpoint asks for an array of the kind {kind!r}, which is not allowed')
    return np.ndarray.__new__(CheckedArray, (0, ), np.int8)


_STATISTICS = ('min', 'max', 'current', 'mean')


def history_statistic(owner: type, name: str) -> Callable:
    """Safe version of ``getattr``: returns a statistic of :class:`HistoryBuffer` only.

    Raises:
        pickle.UnpicklingError: The owner or name is another.
    """
    if owner is not HistoryBuffer or name not in _STATISTICS:
        raise pickle.UnpicklingError(f'the checkpoint asks for getattr({owner!r}, {name!r}), which is not allowed: '
                                     f'HistoryBuffer and one of {_STATISTICS} are')
    return getattr(owner, name)


def safe_globals() -> list:
    """Return the allow-list: objects, or ``(object, name in the file)`` if the names of numpy 1 and 2 differ."""
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
    """Load a local file for mmengine by :func:`~mmxas.io.read_checkpoint_file`, without the config."""
    return without_config(read_checkpoint_file(filename, map_location))


def load_url(url: str, model_dir: str | None = None, map_location: Any = None, progress: bool = True,
             check_hash: bool = False, file_name: str | None = None, **_kwargs: Any) -> Any:
    """Download into the cache of ``torch.hub.load_state_dict_from_url``, and read by :func:`load_from_local`."""
    folder = Path(model_dir or Path(torch.hub.get_dir()) / 'checkpoints')
    path = folder / (file_name or Path(urlparse(url).path).name)
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        digest = torch.hub.HASH_REGEX.search(path.name) if check_hash else None
        torch.hub.download_url_to_file(url, str(path), digest and digest[1], progress=progress)
    return load_from_local(str(path), map_location)


def without_config(checkpoint: Any) -> Any:
    """Return a checkpoint without the text that mmengine would execute."""
    if isinstance(checkpoint, dict) and isinstance(checkpoint.get('meta'), dict):
        meta = {key: value for key, value in checkpoint['meta'].items() if key not in ('config', 'cfg')}
        return {**checkpoint, 'meta': meta}
    return checkpoint


def guard_mmengine_loaders() -> None:
    """Let mmengine read every checkpoint, local or from the web, without executing code."""
    mmengine_checkpoint.CheckpointLoader.register_scheme(prefixes='', loader=load_from_local, force=True)
    mmengine_checkpoint.load_url = load_url
