"""Reads the pickles that body models come in without running anything that they name.

A pickle is a program: it may import and call whatever it likes. Here every (module, name) pair that a model file may
hold is on an exact list, and each stands for an inert class of this module, never for the object it names: numpy arrays
and dtypes, scipy's sparse matrices, chumpy's arrays, in the spellings of Python 2 and 3, numpy 1 and 2. Any other pair
is refused by name. What was read is then turned into plain arrays.
"""
from __future__ import annotations

import math
import os
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from mmxas.io.archives import allowed_size
from mmxas.io.regular_files import require_file

_MAX_ITEMS = 1 << 28  # elements of one array: far above any body model, far below what would exhaust a machine
_MAX_NODES = 5_000_000  # objects of a file when each reference counts as a copy
_ELEMENT = 8  # bytes that an element takes at least: readers make float64 of what they get


class UnsafePickleError(pickle.UnpicklingError):
    """The file names an object that no body model needs."""


def load_pickle(path: str | os.PathLike) -> dict[str, Any]:
    """Reads a body model's pickle of any protocol, Python 2 and chumpy included.

    Args:
        path: The ``.pkl`` file.

    Returns:
        dict: The file's top-level dictionary, with numpy arrays, scipy sparse matrices, numbers, strings, lists and
        dictionaries as values.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafePickleError: The file names an object outside the allow-list, or persistent ids, or unfolds to far more
            bytes than it has.
        ValueError: The file is truncated, is no pickle, a pipe or a device, or its top level is not a dictionary.
    """
    path = require_file(path)
    try:
        with path.open('rb') as file:
            loaded = _InertUnpickler(file, encoding='latin1').load()
        _count_nodes(loaded, {})
        content = _Converter(allowed_size(path.stat().st_size))(loaded)
    except UnsafePickleError as error:
        raise UnsafePickleError(f'{path}: {error}') from None
    except Exception as error:  # a broken pickle may raise nearly anything
        raise ValueError(f'{path}: cannot be read as a pickle ({type(error).__name__}: {error!s:.200}); the file is '
                         'truncated or of another format, copy or download it again') from error
    if not isinstance(content, dict):
        raise ValueError(f'{path}: a dictionary of arrays expected, {type(content).__name__} found')
    return content


def _count_nodes(item: Any, known: dict[int, int]) -> int:
    """How many objects copying ``item`` makes: a few bytes of references to references can stand for any number."""
    if isinstance(item, _Stub):
        parts: Any = list(vars(item).values())
    elif isinstance(item, dict):
        parts = [*item, *item.values()]
    elif isinstance(item, (list, tuple, set, frozenset)):
        parts = item
    else:
        return 1
    if id(item) not in known:
        known[id(item)] = _MAX_NODES  # until it is counted: one that holds itself has no end
        known[id(item)] = 1 + sum(_count_nodes(part, known) for part in parts)
    if known[id(item)] > _MAX_NODES:
        raise UnsafePickleError(f'refused a structure of more than {_MAX_NODES} objects: references to references')
    return known[id(item)]


class _Converter:
    """Turns stubs into arrays, sparse matrices and numbers, inside containers as well, within a number of bytes.

    What is referred to often is converted once, yet counts each time: whoever makes an array of a list copies it.
    """

    def __init__(self, limit: int) -> None:
        self.limit = self.left = limit
        self.known: dict[int, tuple[Any, Any, int]] = {}  # id to item, which keeps the id, what became of it, and bytes

    def __call__(self, item: Any) -> Any:
        if id(item) in self.known:
            _, plain, size = self.known[id(item)]
            self.take(size)
            return plain
        before = self.left
        plain = self.convert(item)
        if before != self.left:
            self.known[id(item)] = item, plain, before - self.left
        return plain

    def convert(self, item: Any) -> Any:
        if isinstance(item, _Stub):
            return item.plain(self)
        if isinstance(item, dict):
            return {self(key): self(value) for key, value in item.items()}
        if isinstance(item, (list, tuple)):
            return type(item)(self(value) for value in item)
        self.take(4 * len(item) if isinstance(item, (str, bytes, bytearray)) else 0)  # four, as numpy keeps text
        return item

    def take(self, size: int) -> None:
        """Count bytes, before they are taken."""
        self.left -= size
        if self.left < 0:
            raise UnsafePickleError(f'refused a content of more than {self.limit} bytes, which the size of the file '
                                    'does not explain; do not trust it')


class _InertUnpickler(pickle._Unpickler):
    """Python's own, not C's: that one makes room for as many references as the file says it will number."""

    dispatch = dict(pickle._Unpickler.dispatch)

    def load_bytearray8(self) -> None:
        length = int.from_bytes(self.read(8), 'little')
        self.append(bytearray(self.read(length)))  # what is there; Python's would fill the length first

    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8

    def find_class(self, module: str, name: str) -> Any:
        try:
            return ALLOWED[module, name]
        except KeyError:
            raise UnsafePickleError(f'refused to load {module}.{name}: a body model needs no such object. '
                                    'Nothing of the file was executed; do not trust it') from None

    def persistent_load(self, pid: Any) -> Any:
        raise UnsafePickleError(f'refused to load the persistent id {pid!r}: a body model needs none')


class _Stub:
    """Keeps what a pickle would have given to the object that it stands for."""

    state: Any = None

    def __new__(cls, *args: Any, **kwargs: Any) -> _Stub:
        return object.__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.arguments = args

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def plain(self, _convert: _Converter) -> Any:
        raise ValueError(f'{type(self).__name__.strip("_")} without content')

    def attribute(self, name: str, convert: _Converter) -> Any:
        state = self.state
        if isinstance(state, tuple):  # (attributes, slots)
            state = {key: value for part in state if part for key, value in part.items()}
        if not isinstance(state, dict) or name not in state:
            raise ValueError(f'{type(self).__name__.strip("_")} without {name!r}')
        return convert(state[name])


class _ObjectClass(_Stub):
    """Stands for ``object`` where a pickle names it as a base class."""


class _Dtype(_Stub):
    def __init__(self, code: Any = None, *flags: Any) -> None:
        self.code = _text(code)

    def plain(self, _convert: _Converter) -> np.dtype:
        if not isinstance(self.code, str):
            raise ValueError(f'the name of a dtype expected, {self.code!r} found')
        order = _text(self.state[1]) if isinstance(self.state, tuple) and len(self.state) > 1 else '='
        dtype = np.dtype(self.code)
        if dtype.kind not in 'biufSUO' or dtype.names is not None:
            raise ValueError(f'arrays of numbers or text expected, dtype {self.code!r} found')
        return dtype.newbyteorder(order) if order in ('<', '>') else dtype


class _Array(_Stub):
    def plain(self, convert: _Converter) -> np.ndarray:
        if not isinstance(self.state, tuple) or len(self.state) != 5:
            return super().plain(convert)
        _, shape, dtype, fortran, content = self.state
        return _array(convert, content, dtype, shape, 'F' if fortran else 'C')


class _Scalar(_Stub):
    def __init__(self, dtype: Any, content: Any = b'') -> None:
        self.dtype, self.content = dtype, content

    def plain(self, convert: _Converter) -> Any:
        return _array(convert, self.content, self.dtype, (), 'C')[()]


class _Buffer(_Stub):
    """An array as protocol 5 writes it: bytes, dtype, shape, order."""

    def __init__(self, content: Any, dtype: Any, shape: Any, order: Any = 'C') -> None:
        self.parts = content, dtype, shape, order

    def plain(self, convert: _Converter) -> np.ndarray:
        return _array(convert, *self.parts)


class _Sparse(_Stub):
    kind: Callable = sparse.csc_matrix

    def plain(self, convert: _Converter) -> Any:
        shape = tuple(int(size) for size in self.attribute('_shape', convert))
        parts = tuple(_numbers(self.attribute(name, convert)) for name in ('data', 'indices', 'indptr'))
        convert.take(_count(shape) * max(parts[0].itemsize, _ELEMENT))  # dense, as readers make it
        matrix = self.kind(parts, shape=shape)
        matrix.check_format(full_check=True)
        return matrix


class _Csc(_Sparse):
    kind = sparse.csc_matrix


class _Csr(_Sparse):
    kind = sparse.csr_matrix


class _ChumpyArray(_Stub):
    def plain(self, convert: _Converter) -> np.ndarray:
        return _numbers(self.attribute('x', convert))


class _ChumpySelect(_Stub):
    def plain(self, convert: _Converter) -> np.ndarray:
        values, indices = (_numbers(self.attribute(name, convert)).ravel() for name in ('a', 'idxs'))
        convert.take(indices.size * max(values.itemsize, _ELEMENT))
        values = values[indices.astype(np.int64)]
        try:
            shape = self.attribute('preferred_shape', convert)
        except ValueError:
            return values
        return values.reshape(tuple(int(size) for size in _numbers(shape).ravel()))


class _ReconstructArray(_Stub):
    """numpy's ``_reconstruct``. The callables are classes of stubs as well: a pickle cannot set attributes on those."""

    def __new__(cls, subtype: Any, *_: Any) -> _Array:
        if subtype is not _Array:
            raise UnsafePickleError(f'refused to reconstruct {subtype!r}: an array expected')
        return _Array()


class _ReconstructObject(_Stub):
    """copyreg's ``_reconstructor``."""

    def __new__(cls, target: Any, base: Any = None, state: Any = None) -> _Stub:
        if not (isinstance(target, type) and issubclass(target, _Stub)) or base is not _ObjectClass:
            raise UnsafePickleError(f'refused to reconstruct {target!r} from {base!r}: an array or matrix expected')
        return target()


class _Encode(_Stub):
    """``_codecs.encode``, by which Python 3 writes bytes in old protocols."""

    def __new__(cls, text: Any, encoding: Any = 'latin1') -> bytes:
        if not isinstance(text, str) or _text(encoding) not in ('latin1', 'latin-1'):
            raise UnsafePickleError(f'refused to encode {type(text).__name__} as {encoding!r}: latin-1 text expected')
        return text.encode('latin1')


class _Bytes(_Stub):
    """``bytes`` and ``bytearray``."""

    def __new__(cls, content: Any = b'', *_: Any) -> bytes:
        return bytes(_binary(content))


def _numbers(item: Any) -> np.ndarray:
    """An array of what may be a list; numpy would make texts as long as the longest."""
    return item if isinstance(item, np.ndarray) else np.asarray(item, np.float64)


def _count(shape: tuple[int, ...]) -> int:
    count = math.prod(shape)
    if min(shape, default=0) < 0 or count > _MAX_ITEMS:
        raise ValueError(f'array of shape {shape}: not a size of a body model')
    return count


def _array(convert: _Converter, content: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray:
    dtype = convert(dtype)
    shape = tuple(int(size) for size in convert(shape))
    if not isinstance(dtype, np.dtype):
        raise ValueError(f'a dtype expected, {type(dtype).__name__} found')
    count = _count(shape)
    if dtype.kind == 'O':
        return _object_array(convert, content, shape, order)
    convert.take(count * max(dtype.itemsize, _ELEMENT))
    data = bytes(_binary(content))
    if len(data) != count * dtype.itemsize:
        raise ValueError(f'array of shape {shape} and dtype {dtype}: {count * dtype.itemsize} bytes expected, '
                         f'{len(data)} found')
    array = np.frombuffer(data, dtype).reshape(shape, order='F' if _text(order) == 'F' else 'C')
    return array.astype(dtype.newbyteorder('='))


def _object_array(convert: _Converter, content: Any, shape: tuple[int, ...], order: Any) -> np.ndarray:
    values = [convert(item) for item in (content if isinstance(content, list) else [content])]
    array = np.empty(len(values), object)
    array[:] = values
    return array.reshape(shape, order='F' if _text(order) == 'F' else 'C')


def _binary(content: Any) -> bytes | bytearray:
    if isinstance(content, str):  # Python 2 wrote bytes as str, which is read as latin-1
        return content.encode('latin1')
    if isinstance(content, (bytes, bytearray)):
        return content
    raise ValueError(f'bytes expected, {type(content).__name__} found')


def _text(item: Any) -> Any:
    return item.decode('latin1') if isinstance(item, bytes) else item


def _spellings(modules: tuple[str, ...], names: dict[str, Any]) -> dict[tuple[str, str], Any]:
    return {(module, name): stand_in for module in modules for name, stand_in in names.items()}


# Every pair that is accepted, and what stands in for it.
ALLOWED: dict[tuple[str, str], Any] = {
    **_spellings(('numpy',), {'ndarray': _Array, 'dtype': _Dtype}),
    **_spellings(('numpy.core.multiarray', 'numpy._core.multiarray'),
                 {'_reconstruct': _ReconstructArray, 'scalar': _Scalar}),
    **_spellings(('numpy.core.numeric', 'numpy._core.numeric'), {'_frombuffer': _Buffer}),
    **_spellings(('scipy.sparse.csc', 'scipy.sparse._csc'), {'csc_matrix': _Csc, 'csc_array': _Csc}),
    **_spellings(('scipy.sparse.csr', 'scipy.sparse._csr'), {'csr_matrix': _Csr, 'csr_array': _Csr}),
    **_spellings(('chumpy', 'chumpy.ch'), {'Ch': _ChumpyArray}),
    **_spellings(('chumpy.reordering',), {'Select': _ChumpySelect}),
    **_spellings(('copy_reg', 'copyreg'), {'_reconstructor': _ReconstructObject}),
    **_spellings(('__builtin__', 'builtins'), {'object': _ObjectClass, 'set': set, 'frozenset': frozenset,
                                               'bytes': _Bytes, 'bytearray': _Bytes}),
    **_spellings(('_codecs',), {'encode': _Encode}),
}
