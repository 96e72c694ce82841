"""HDF5 files of PyTables and pandas, which unpickle what they find: looked at first, without importing anything."""
from __future__ import annotations

import io
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from .archives import UnsafeFileError
from .regular_files import named_when_broken, require_file

ENCODINGS = ('ASCII', 'latin1', 'bytes')  # in which PyTables tries to unpickle, in this order


def check_hdf(path: str | os.PathLike) -> None:
    """Refuse an HDF5 file of which PyTables would unpickle more than plain containers, text and numbers.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: h5py is not installed.
        UnsafeFileError: It is a pipe or a device, or an attribute is a pickle that names any object; nothing of it was
            run.
        ValueError: It is no HDF5 file, or holds an array of objects, which only a pickle could read; the message names
            the file and the place.
    """
    from h5py import File, check_string_dtype
    path = require_file(path)
    with named_when_broken(path, 'not an HDF5 file, or not a whole one'), File(path, 'r') as file:
        items = [('its root', file)]
        file.visititems(lambda name, item: items.append((name, item)))
        for name, item in items:
            dtype = getattr(item, 'dtype', None)
            has_objects = dtype is not None and dtype.hasobject and check_string_dtype(dtype) is None
            _check(path, name, item, has_objects)


def _check(path: Path, name: str, item: Any, has_objects: bool) -> None:
    if has_objects:
        raise ValueError(f'{path}: {name} holds objects, which only a pickle could read; save it as numbers, such as '
                         'frame.astype(float), or in another format')
    for value in item.attrs.values():
        for text in np.ravel(np.asarray(value, object)):
            data = text.encode('utf-8', 'surrogateescape') if isinstance(text, str) else text
            if isinstance(data, bytes) and data.rstrip(b'\0').endswith(b'.'):  # what PyTables takes for a pickle
                _check_pickle(data, f'{path}: {name}')


def _check_pickle(data: bytes, where: str) -> None:
    for encoding in ENCODINGS:
        try:
            _PlainUnpickler(io.BytesIO(data), encoding=encoding).load()
        except UnsafeFileError as error:
            raise UnsafeFileError(f'{where} {error}; plain text expected. Nothing of the file was executed; do not '
                                  'trust it') from None
        except Exception:  # no pickle: text that ends in a full stop
            continue


class _PlainUnpickler(pickle.Unpickler):
    """Builds plain containers only: whatever a pickle names is refused, and nothing is imported or called."""

    def find_class(self, module: str, name: str) -> Any:
        raise UnsafeFileError(f'names {module}.{name}')

    def persistent_load(self, pid: Any) -> Any:
        raise UnsafeFileError(f'names the persistent id {pid!r}')
