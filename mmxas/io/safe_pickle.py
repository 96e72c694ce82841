"""Read pickles of body models without executing any code that they refer to.

A pickle can import and call anything. This reader accepts an exact list of (module, name) pairs that model files need:
numpy arrays and dtypes, scipy's sparse matrices and chumpy's arrays, under the names of Python 2 and 3 and of numpy 1
and 2. It records their calls without making them. Any other pair raises an error. The recorded calls are then converted
to plain arrays by functions of this module.
"""
from __future__ import annotations

import math
import os
import pickle
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from scipy import sparse

from .archives import allowed_size
from .regular_files import UnsafeFileError, named_when_broken, require_file

_ELEMENT = 8  # minimum bytes per element, as readers convert to float64
_OBJECT = 48  # minimum bytes per object


class UnsafePickleError(UnsafeFileError):
    """Raised if a pickle refers to an object that no body model needs."""


def load_pickle(path: str | os.PathLike) -> dict[str, Any]:
    """Read the pickle of a body model in any protocol, including Python 2 and chumpy.

    Args:
        path: The ``.pkl`` file.

    Returns:
        The file's top-level dictionary, with numpy arrays, scipy sparse matrices, numbers, strings, lists and
        dictionaries as values.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafePickleError: The file refers to an object outside the allow-list, or unpacks to far more bytes than its
            size.
        ValueError: The file is truncated, not a pickle, a pipe or a device, or its top level is not a dictionary.
    """
    path = require_file(path)
    limit = allowed_size(path.stat().st_size)
    with named_when_broken(path, 'cannot be read as a pickle'), path.open('rb') as file:
        content, size = _Converter().measured(_Recorder(file, encoding='latin1').load())
        if size > limit:
            raise UnsafePickleError(f'refused a content of more than {limit} bytes, far more than the file has')
    if not isinstance(content, dict):
        raise ValueError(f'{path}: a dictionary of arrays expected, {type(content).__name__} found')
    return content


class _Call:
    """Call that a pickle asks for, recorded with its arguments and the state set afterwards.

    Args:
        plain: Function that converts the record: of a converter, the state, and the arguments.
        arguments: Arguments of the call.
    """

    state: Any = None

    def __init__(self, plain: Callable | None, arguments: tuple = ()) -> None:
        self.plain, self.arguments = plain, arguments

    def __call__(self, *arguments: Any) -> _Call:
        return _Call(self.plain, arguments)

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Recorder(pickle._Unpickler):
    """Python's unpickler. The C version allocates as many references as the file declares."""

    dispatch = {**pickle._Unpickler.dispatch, pickle.NEWOBJ[0]: pickle._Unpickler.load_reduce}

    def load_bytearray8(self) -> None:
        self.append(bytearray(self.read(int.from_bytes(self.read(8), 'little'))))  # Python's allocates it first

    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8

    def find_class(self, module: str, name: str) -> _Call:
        if (module, name) not in ALLOWED:
            raise UnsafePickleError(f'refused to load {module}.{name}: a body model needs no such object. '
                                    'Nothing of the file was executed; do not trust it')
        return _Call(ALLOWED[module, name])


class _Converter(dict):
    """Convert recorded calls to arrays, sparse matrices and numbers, also inside containers, each once.

    The dict maps the id of each item to the item, which keeps its id in use, to the result, and to the bytes of a full
    copy, in which shared items count once per reference and sparse matrices are dense.
    """

    def __call__(self, item: Any) -> Any:
        return self.measured(item)[0]

    def measured(self, item: Any) -> tuple[Any, int]:
        """Return the converted item and its size."""
        if id(item) not in self:
            plain = item.plain(self, item.state, *item.arguments) if isinstance(item, _Call) else item
            size = _OBJECT
            if isinstance(plain, dict):
                size += sum(self.measured(part)[1] for part in (*plain, *plain.values()))
                plain = {self(key): self(value) for key, value in plain.items()}
            elif isinstance(plain, list | tuple | set | frozenset):
                size += sum(self.measured(part)[1] for part in plain)
                plain = type(plain)(map(self, plain))
            elif isinstance(plain, str | bytes | bytearray):
                size += 4 * len(plain)  # as in a numpy array of strings
            elif isinstance(plain, np.ndarray) or sparse.issparse(plain):
                size += math.prod(map(int, plain.shape)) * max(plain.dtype.itemsize, _ELEMENT)
            self[id(item)] = item, plain, size
        return self[id(item)][1:]


def _dtype(_convert: _Converter, state: Any, code: Any, *_flags: Any) -> np.dtype:
    dtype = np.dtype(code)
    if dtype.kind not in 'biufSU':
        raise ValueError(f'arrays of numbers or text expected, dtype {dtype} found')
    return dtype.newbyteorder(state[1]) if state and state[1] in ('<', '>') else dtype


def _array(convert: _Converter, state: Any, *_arguments: Any) -> np.ndarray:
    _, shape, dtype, fortran, content = state
    return _buffer(convert, None, content, dtype, shape, 'F' if fortran else 'C')


def _scalar(convert: _Converter, _state: Any, dtype: Any, content: Any) -> Any:
    return _buffer(convert, None, content, dtype, ())[()]


def _buffer(convert: _Converter, _state: Any, content: Any, dtype: Any, shape: Any, order: Any = 'C') -> np.ndarray:
    array = np.frombuffer(_bytes(convert, None, convert(content)), convert(dtype))
    return array.astype(array.dtype.newbyteorder('=')).reshape(shape, order=order)


def _bytes(_convert: _Converter, _state: Any, content: Any = b'', *_encoding: Any) -> bytes:
    """Convert ``bytes``, ``bytearray`` and ``_codecs.encode``. Old protocols write bytes as text of latin-1."""
    return content.encode('latin1') if isinstance(content, str) else bytes(memoryview(content))


def _set(convert: _Converter, _state: Any, items: Any = ()) -> set:
    return set(convert(items))


def _reconstructed(convert: _Converter, state: Any, kind: _Call, *_base: Any) -> Any:
    return kind.plain(convert, state)


def _sparse(kind: Callable, convert: _Converter, state: Any, *_arguments: Any) -> Any:
    fields = _fields(state)
    parts = tuple(_numbers(convert(fields[name])) for name in ('data', 'indices', 'indptr'))
    matrix = kind(parts, shape=convert(fields['_shape']))
    matrix.check_format(full_check=True)
    return matrix


def _chumpy_array(convert: _Converter, state: Any, *_arguments: Any) -> np.ndarray:
    return _numbers(convert(_fields(state)['x']))


def _chumpy_selection(convert: _Converter, state: Any, *_arguments: Any) -> np.ndarray:
    fields = _fields(state)
    values, indices = (_numbers(convert(fields[name])).ravel() for name in ('a', 'idxs'))
    return values[indices.astype(np.int64)].reshape(convert(fields.get('preferred_shape', -1)))


def _fields(state: Any) -> dict[str, Any]:
    return state[0] if isinstance(state, tuple) else state  # (attributes, slots)


def _numbers(item: Any) -> np.ndarray:
    """Return an array of numbers; numpy would pad all strings to the longest."""
    return item if isinstance(item, np.ndarray) and item.dtype.kind in 'biuf' else np.asarray(item, np.float64)


# Accepted pairs and the functions that convert their calls; None for an argument of other calls.
ALLOWED: dict[tuple[str, str], Callable | None] = {
    (module, name): plain for modules, names, plain in (
        ('numpy', 'ndarray', _array),
        ('numpy', 'dtype', _dtype),
        ('numpy.core.multiarray numpy._core.multiarray', '_reconstruct', _array),
        ('numpy.core.multiarray numpy._core.multiarray', 'scalar', _scalar),
        ('numpy.core.numeric numpy._core.numeric', '_frombuffer', _buffer),
        ('scipy.sparse.csc scipy.sparse._csc', 'csc_matrix csc_array', partial(_sparse, sparse.csc_matrix)),
        ('scipy.sparse.csr scipy.sparse._csr', 'csr_matrix csr_array', partial(_sparse, sparse.csr_matrix)),
        ('chumpy chumpy.ch', 'Ch', _chumpy_array),
        ('chumpy.reordering', 'Select', _chumpy_selection),
        ('copy_reg copyreg', '_reconstructor', _reconstructed),
        ('__builtin__ builtins', 'object', None),
        ('__builtin__ builtins', 'set frozenset', _set),
        ('__builtin__ builtins', 'bytes bytearray', _bytes),
        ('_codecs', 'encode', _bytes),
    ) for module, name in product(modules.split(), names.split())}
