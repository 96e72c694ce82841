"""Check MATLAB and HDF5 files before scipy, PyTables and pandas read them."""
from __future__ import annotations

import io
import math
import os
import pickle
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import matlab, whosmat

from .archives import allowed_size
from .regular_files import UnsafeFileError, named_when_broken, require_file

_STEP = 1 << 16  # bytes that unpack to at most 66 MB
# Memory in bytes per entry of non-numeric arrays; that of sparse arrays is in the file.
_BYTES = {'cell': 128, 'struct': 128, 'object': 128, 'char': 4, 'logical': 1, 'sparse': 0, 'function': 0, 'opaque': 0}


def check_mat(path: str | os.PathLike) -> None:
    """Raise if a mat file of version 4 or 5 needs far more memory than its size justifies.

    The limit applies to the unpacked elements, and to the variables as listed by :func:`scipy.io.whosmat`.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeFileError: The file is a pipe or a device, or its elements or a variable need too much memory; the message
            names it.
        ValueError: The file is broken or of another version; the message names it.
    """
    path = require_file(path)
    limit = allowed_size(path.stat().st_size)
    with named_when_broken(path, 'not a whole mat file'):
        if matlab.matfile_version(str(path), appendmat=False)[0] == 1:  # version 5; older files are not compressed
            _check_elements(path, limit)
        for name, shape, kind in whosmat(path, appendmat=False):
            size = math.prod(shape) * (_BYTES[kind] if kind in _BYTES else np.dtype(kind).itemsize)
            if size > limit or min(shape, default=0) < 0:
                raise UnsafeFileError(f'its variable {name} is a {kind} of shape {shape}, {size} bytes of {limit}')


def _check_elements(path: Path, limit: int) -> None:
    with path.open('rb') as file:
        order = 'little' if file.read(128)[126:] == b'IM' else 'big'
        while len(tag := file.read(8)) == 8:
            kind, length = int.from_bytes(tag[:4], order), int.from_bytes(tag[4:], order)
            end, inflater = file.tell() + length, zlib.decompressobj()
            while kind == 15 and (packed := file.read(min(_STEP, end - file.tell()))):  # 15: compressed
                limit -= len(inflater.decompress(packed))
                if limit < 0:
                    raise UnsafeFileError('its elements unpack to far more data than the file has')
            file.seek(end)


def check_hdf(path: str | os.PathLike) -> None:
    """Raise if PyTables would unpickle more than plain containers, text and numbers from an HDF5 file.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: h5py is not installed.
        UnsafeFileError: The file is a pipe or a device, or an attribute is a pickle that refers to an object. Nothing
            in the file is executed.
        ValueError: The file is not in HDF5 format, or holds an array of objects, which only a pickle could read; the
            message names the file and the place.
    """
    from h5py import File, check_string_dtype
    path = require_file(path)
    with named_when_broken(path, 'not an HDF5 file, or not a whole one'), File(path, 'r') as file:
        items = {'its root': file}
        file.visititems(items.__setitem__)
        for name, item in items.items():
            dtype = getattr(item, 'dtype', None)
            if dtype is not None and dtype.hasobject and check_string_dtype(dtype) is None:
                raise ValueError(f'{path}: {name} holds objects, which only a pickle could read; save it as numbers')
            for text in (text for value in item.attrs.values() for text in np.ravel(np.asarray(value, object))):
                data = text.encode('utf-8', 'surrogateescape') if isinstance(text, str) else text
                if isinstance(data, bytes) and data.rstrip(b'\0').endswith(b'.'):  # PyTables treats it as a pickle
                    unpickler = _PlainUnpickler(io.BytesIO(data), encoding='latin1')  # the widest of its encodings
                    with suppress(Exception):  # not a pickle but text that ends in a full stop
                        unpickler.load()
                    if unpickler.refused:
                        raise UnsafeFileError(f'{path}: {name} names {unpickler.refused}; nothing was executed')


class _PlainUnpickler(pickle.Unpickler):
    """Unpickler of plain containers only; keeps the name of the first object that a pickle refers to, and stops."""

    refused: str | None = None

    def find_class(self, module: str, name: str) -> Any:
        self.refused = f'{module}.{name}'
        raise UnsafeFileError(self.refused)
