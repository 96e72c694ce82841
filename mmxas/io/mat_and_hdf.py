"""Checks of MATLAB and HDF5 files, before scipy, PyTables and pandas read them."""
from __future__ import annotations

import io
import math
import os
import pickle
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import matlab, whosmat

from .archives import allowed_size
from .regular_files import UnsafeFileError, named_when_broken, require_file

_HEADER, _STEP = 128, 1 << 20
_COMPRESSED = 15  # the kind of an element
# Memory per entry of what is no array of numbers, bytes; that of sparse arrays is in the file.
_BYTES = {'cell': 128, 'struct': 128, 'object': 128, 'char': 4, 'logical': 1, 'sparse': 0, 'function': 0, 'opaque': 0}
ENCODINGS = ('ASCII', 'latin1', 'bytes')  # in which PyTables tries to unpickle, in this order


def check_mat(path: str | os.PathLike) -> None:
    """Refuse a mat file of version 5 that takes far more memory than its size explains.

    The limit holds for what its elements unpack to, and for what :func:`scipy.io.whosmat` says of its variables. Other
    versions are left to their readers.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeFileError: It is a pipe or a device, its elements unpack to too much, or a variable is announced that
            takes too much; the message names it.
        ValueError: It is broken; the message names it.
    """
    path = require_file(path)
    limit = allowed_size(path.stat().st_size)
    try:
        if matlab.matfile_version(str(path), appendmat=False)[0] != 1:
            return
    except (ValueError, matlab.MatReadError):  # no mat file, which its reader says
        return
    with named_when_broken(path, 'not a whole mat file'):
        _check_elements(path, limit)
        for name, shape, kind in whosmat(path, appendmat=False):
            size = math.prod(shape) * (_BYTES[kind] if kind in _BYTES else np.dtype(kind).itemsize)
            if size > limit or min(shape, default=0) < 0:
                raise UnsafeFileError(f'{path}: its variable {name} is a {kind} of shape {shape}, {size} bytes; '
                                      f'{limit} expected at most')


def _check_elements(path: Path, limit: int) -> None:
    with path.open('rb') as file:
        order = 'little' if file.read(_HEADER)[126:] == b'IM' else 'big'
        while len(tag := file.read(8)) == 8:
            kind, length = int.from_bytes(tag[:4], order), int.from_bytes(tag[4:], order)
            end, inflater = file.tell() + length, zlib.decompressobj()
            while kind == _COMPRESSED and not inflater.eof and (packed := inflater.unconsumed_tail or file.read(
                    min(_STEP, end - file.tell()))):
                limit -= len(inflater.decompress(packed, _STEP))
                if limit < 0:
                    raise UnsafeFileError(f'{path}: its elements unpack to more than its size explains')
            file.seek(end)


def check_hdf(path: str | os.PathLike) -> None:
    """Refuse an HDF5 file of which PyTables would unpickle more than plain containers, text and numbers.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: h5py is not installed.
        UnsafeFileError: It is a pipe or a device, or an attribute is a pickle that names any object; nothing of it was
            run.
        ValueError: It is not an HDF5 file, or holds an array of objects, which only a pickle could read; the message
            names the file and the place.
    """
    from h5py import File, check_string_dtype
    path = require_file(path)
    with named_when_broken(path, 'not an HDF5 file, or not a whole one'), File(path, 'r') as file:
        items = [('its root', file)]
        file.visititems(lambda name, item: items.append((name, item)))
        for name, item in items:
            dtype = getattr(item, 'dtype', None)
            if dtype is not None and dtype.hasobject and check_string_dtype(dtype) is None:
                raise ValueError(f'{path}: {name} holds objects, which only a pickle could read; save it as numbers, '
                                 'such as frame.astype(float), or in another format')
            for text in (text for value in item.attrs.values() for text in np.ravel(np.asarray(value, object))):
                data = text.encode('utf-8', 'surrogateescape') if isinstance(text, str) else text
                if isinstance(data, bytes) and data.rstrip(b'\0').endswith(b'.'):  # what PyTables takes for a pickle
                    _check_pickle(data, f'{path}: {name}')


def _check_pickle(data: bytes, where: str) -> None:
    for encoding in ENCODINGS:
        try:
            _PlainUnpickler(io.BytesIO(data), encoding=encoding).load()
        except UnsafeFileError as error:
            raise UnsafeFileError(f'{where} {error}; expected plain text. Nothing of the file was executed') from None
        except Exception:  # not a pickle: text that ends in a full stop
            continue


class _PlainUnpickler(pickle.Unpickler):
    """Builds plain containers only: whatever a pickle names is refused, and nothing is imported or called."""

    def find_class(self, module: str, name: str) -> Any:
        raise UnsafeFileError(f'names {module}.{name}')

    def persistent_load(self, pid: Any) -> Any:
        raise UnsafeFileError(f'names the persistent id {pid!r}')
