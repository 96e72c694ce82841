"""Read pickles of body models without executing any code that they refer to.

A pickle can import and call anything. This reader accepts an exact list of (module, name) pairs that model files need,
and replaces each by an inert class of this module: numpy arrays and dtypes, scipy's sparse matrices and chumpy's
arrays, under the names of Python 2 and 3 and of numpy 1 and 2. Any other pair raises an error. The result is then
converted to plain arrays.
"""
from __future__ import annotations

import math
import os
import pickle
from itertools import product
from typing import Any

import numpy as np
from scipy import sparse

from .archives import allowed_size
from .regular_files import require_file

_ELEMENT = 8  # minimum bytes per element, as readers convert to float64
_OBJECT = 48  # minimum bytes per object


class UnsafePickleError(pickle.UnpicklingError):
    """Raised if a pickle refers to an object that no body model needs."""


def load_pickle(path: str | os.PathLike) -> dict[str, Any]:
    """Read the pickle of a body model in any protocol, including Python 2 and chumpy.

    Args:
        path: The ``.pkl`` file.

    Returns:
        dict: The file's top-level dictionary, with numpy arrays, scipy sparse matrices, numbers, strings, lists and
        dictionaries as values.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafePickleError: The file refers to an object outside the allow-list or uses persistent ids, or unpacks to far
            more bytes than its size.
        ValueError: The file is truncated, not a pickle, a pipe or a device, or its top level is not a dictionary.
    """
    path = require_file(path)
    try:
        with path.open('rb') as file:
            loaded = _InertUnpickler(file, encoding='latin1').load()
        content, limit = _Converter()(loaded), allowed_size(path.stat().st_size)
        if _size(content, {}) > limit:
            raise UnsafePickleError(f'refused a content of more than {limit} bytes, far more than the file has')
    except UnsafePickleError as error:
        raise UnsafePickleError(f'{path}: {error}') from None
    except Exception as error:  # broken pickles raise many types of errors
        raise ValueError(f'{path}: cannot be read as a pickle ({type(error).__name__}: {error!s:.200}); the file is '
                         'truncated or of another format, copy or download it again') from error
    if not isinstance(content, dict):
        raise ValueError(f'{path}: a dictionary of arrays expected, {type(content).__name__} found')
    return content


class _Converter(dict):
    """Convert stubs to arrays, sparse matrices and numbers, also inside containers, each once.

    The dict maps the id of each converted item to the item, which keeps its id in use, and to the result.
    """

    def __call__(self, item: Any) -> Any:
        if id(item) not in self:
            if isinstance(item, _Stub):
                plain = item.plain(self)
            elif isinstance(item, dict):
                plain = {self(key): self(value) for key, value in item.items()}
            elif isinstance(item, list | tuple):
                plain = type(item)(self(value) for value in item)
            else:
                return item
            self[id(item)] = item, plain
        return self[id(item)][1]


def _size(item: Any, known: dict[int, int]) -> int:
    """Return the bytes of a full copy, in which shared items count once per reference and sparse matrices are dense."""
    if id(item) in known:
        return known[id(item)]
    is_array = isinstance(item, np.ndarray)
    if isinstance(item, dict):
        size = sum(_size(part, known) for part in (*item, *item.values()))
    elif isinstance(item, list | tuple | set | frozenset) or (is_array and item.dtype.hasobject):
        size = sum(_size(part, known) for part in (item.flat if is_array else item))
    elif is_array or sparse.issparse(item):
        size = math.prod(map(int, item.shape)) * max(item.dtype.itemsize, _ELEMENT)
    elif isinstance(item, str | bytes | bytearray):
        size = 4 * len(item)  # as in a numpy array of strings
    else:
        return _OBJECT
    known[id(item)] = size + _OBJECT
    return known[id(item)]


class _InertUnpickler(pickle._Unpickler):
    """Python's unpickler. The C version allocates as many references as the file declares."""

    dispatch = dict(pickle._Unpickler.dispatch)

    def load_bytearray8(self) -> None:
        self.append(bytearray(self.read(int.from_bytes(self.read(8), 'little'))))  # Python's allocates it first

    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise UnsafePickleError(f'refused to load {module}.{name}: a body model needs no such object. '
                                    'Nothing of the file was executed; do not trust it')
        return ALLOWED[module, name]


class _Stub:
    """Placeholder that keeps the arguments and state that a pickle gives to an object."""

    arguments: tuple = ()
    state: Any = None

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def plain(self, _convert: _Converter) -> Any:
        raise ValueError(f'{type(self).__name__.strip("_")} without content')

    def attributes(self, convert: _Converter, *names: str) -> list[Any]:
        """Convert the attributes with these names."""
        fields = self.state[0] if isinstance(self.state, tuple) else self.state  # (attributes, slots)
        if not isinstance(fields, dict) or not set(names) <= set(fields):
            raise ValueError(f'{type(self).__name__.strip("_")} without {", ".join(map(repr, names))}')
        return [convert(fields[name]) for name in names]


class _Dtype(_Stub):
    def plain(self, _convert: _Converter) -> np.dtype:
        code = _text(*self.arguments[:1])
        dtype = np.dtype(code) if isinstance(code, str) else None
        if dtype is None or dtype.kind not in 'biufSUO':
            raise ValueError(f'arrays of numbers or text expected, dtype {code!r} found')
        order = _text(self.state[1]) if isinstance(self.state, tuple) and len(self.state) > 1 else '='
        return dtype.newbyteorder(order) if order in ('<', '>') else dtype


class _Array(_Stub):
    """``numpy.ndarray``, and numpy's ``_reconstruct`` of one."""

    def plain(self, convert: _Converter) -> np.ndarray:
        if self.arguments and self.arguments[0] is not _Array:
            raise UnsafePickleError(f'refused to reconstruct {self.arguments[0]!r}: an array expected')
        if not isinstance(self.state, tuple) or len(self.state) != 5:
            return super().plain(convert)
        _, shape, dtype, fortran, content = self.state
        return _array(convert, content, dtype, shape, 'F' if fortran else 'C')


class _Scalar(_Stub):
    def plain(self, convert: _Converter) -> Any:
        dtype, content = self.arguments
        return _array(convert, content, dtype, ())[()]


class _Buffer(_Stub):
    """Array in pickle protocol 5: bytes, dtype, shape, order."""

    def plain(self, convert: _Converter) -> np.ndarray:
        return _array(convert, *self.arguments)


class _Csc(_Stub):
    kind = sparse.csc_matrix

    def plain(self, convert: _Converter) -> Any:
        shape, *parts = self.attributes(convert, '_shape', 'data', 'indices', 'indptr')
        matrix = self.kind(tuple(map(_numbers, parts)), shape=shape)
        matrix.check_format(full_check=True)
        return matrix


class _Csr(_Csc):
    kind = sparse.csr_matrix


class _ChumpyArray(_Stub):
    def plain(self, convert: _Converter) -> np.ndarray:
        return _numbers(*self.attributes(convert, 'x'))


class _ChumpySelect(_Stub):
    def plain(self, convert: _Converter) -> np.ndarray:
        values, indices = (_numbers(item).ravel() for item in self.attributes(convert, 'a', 'idxs'))
        values = values[indices.astype(np.int64)]
        try:
            return values.reshape(*self.attributes(convert, 'preferred_shape'))
        except ValueError:  # none is stored
            return values


class _ReconstructObject(_Stub):
    """copyreg's ``_reconstructor``; a class instead of a function, so that a pickle cannot set attributes on it."""

    def __new__(cls, target: Any, base: Any = None, state: Any = None) -> _Stub:
        if not (isinstance(target, type) and issubclass(target, _Stub)) or base is not _Stub:
            raise UnsafePickleError(f'refused to reconstruct {target!r} from {base!r}: an array or matrix expected')
        return object.__new__(target)


class _Bytes(_Stub):
    """``bytes``, ``bytearray``, and ``_codecs.encode``, which Python 3 uses for bytes in old protocols."""

    def __new__(cls, content: Any = b'', encoding: Any = 'latin1') -> bytes:
        if _text(encoding) not in ('latin1', 'latin-1'):
            raise UnsafePickleError(f'refused to encode {type(content).__name__} as {encoding!r}: latin-1 expected')
        return _binary(content)


def _numbers(item: Any) -> np.ndarray:
    """Return an array of numbers; numpy would pad all strings to the longest."""
    return item if isinstance(item, np.ndarray) and item.dtype.kind in 'biuf' else np.asarray(item, np.float64)


def _array(convert: _Converter, content: Any, dtype: Any, shape: Any, order: Any = 'C') -> np.ndarray:
    dtype, shape = convert(dtype), convert(shape)
    if not isinstance(dtype, np.dtype) or min(shape, default=0) < 0:
        raise ValueError(f'a dtype and a shape expected, {type(dtype).__name__} and {shape} found')
    if dtype.hasobject:
        values = [convert(item) for item in (content if isinstance(content, list) else [content])]
        array = np.empty(len(values), object)
        array[:] = values
    else:
        array = np.frombuffer(_binary(content), dtype).astype(dtype.newbyteorder('='))
    return array.reshape(shape, order='F' if _text(order) == 'F' else 'C')


def _binary(content: Any) -> bytes:
    if not isinstance(content, str | bytes | bytearray):
        raise ValueError(f'bytes expected, {type(content).__name__} found')
    return content.encode('latin1') if isinstance(content, str) else bytes(content)  # Python 2 wrote bytes as str


def _text(item: Any = None) -> Any:
    return item.decode('latin1') if isinstance(item, bytes) else item


# Accepted pairs and their replacements.
ALLOWED: dict[tuple[str, str], Any] = {
    (module, name): stand_in for modules, names, stand_in in (
        ('numpy', 'ndarray', _Array),
        ('numpy', 'dtype', _Dtype),
        ('numpy.core.multiarray numpy._core.multiarray', '_reconstruct', _Array),
        ('numpy.core.multiarray numpy._core.multiarray', 'scalar', _Scalar),
        ('numpy.core.numeric numpy._core.numeric', '_frombuffer', _Buffer),
        ('scipy.sparse.csc scipy.sparse._csc', 'csc_matrix csc_array', _Csc),
        ('scipy.sparse.csr scipy.sparse._csr', 'csr_matrix csr_array', _Csr),
        ('chumpy chumpy.ch', 'Ch', _ChumpyArray),
        ('chumpy.reordering', 'Select', _ChumpySelect),
        ('copy_reg copyreg', '_reconstructor', _ReconstructObject),
        ('__builtin__ builtins', 'object', _Stub),
        ('__builtin__ builtins', 'set', set),
        ('__builtin__ builtins', 'frozenset', frozenset),
        ('__builtin__ builtins', 'bytes bytearray', _Bytes),
        ('_codecs', 'encode', _Bytes),
    ) for module, name in product(modules.split(), names.split())}
