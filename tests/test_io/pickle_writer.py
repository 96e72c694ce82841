"""Writes pickles that name modules which need not exist, as Python 2, numpy 1 and chumpy did."""
from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np


class Global(NamedTuple):
    """A module's object, by name."""
    module: str
    name: str


class Call(NamedTuple):
    """The result of calling an object, with a state to restore (None: none)."""
    function: Global
    arguments: tuple
    state: Any = None


def write_pickle(item: Any) -> bytes:
    """The item as a pickle of protocol 2, bytes written as Python 2's str."""
    return b'\x80\x02' + _write(item) + b'.'


def old_array(array: np.ndarray, core: str = 'numpy.core') -> Call:
    """An array as numpy 1 under Python 2 pickled it."""
    order = b'F' if array.flags.f_contiguous and not array.flags.c_contiguous else b'C'
    state = (1, array.shape, _old_dtype(array.dtype), order == b'F', array.tobytes(order.decode()))
    return Call(Global(f'{core}.multiarray', '_reconstruct'), (Global('numpy', 'ndarray'), (0,), b'b'), state)


def old_object(class_name: Global, state: dict[bytes, Any]) -> Call:
    """An object of a Python 2 class, by ``copy_reg``."""
    return Call(Global('copy_reg', '_reconstructor'), (class_name, Global('__builtin__', 'object'), None), state)


def chumpy_array(array: np.ndarray) -> Call:
    return old_object(Global('chumpy.ch', 'Ch'), {
        b'x': old_array(array), b'_dirty_vars': Call(Global('__builtin__', 'set'), ([b'x'],)), b'_itr': None})


def chumpy_select(array: np.ndarray, indices: np.ndarray, shape: tuple[int, ...]) -> Call:
    return old_object(Global('chumpy.reordering', 'Select'), {
        b'a': chumpy_array(array), b'idxs': old_array(indices), b'preferred_shape': shape})


def old_sparse(matrix: Any, module: str = 'scipy.sparse.csc') -> Call:
    return old_object(Global(module, 'csc_matrix'), {
        b'_shape': matrix.shape, b'maxprint': 50, b'data': old_array(matrix.data),
        b'indices': old_array(matrix.indices), b'indptr': old_array(matrix.indptr)})


def _old_dtype(dtype: np.dtype) -> Call:
    state = (3, b'<' if dtype.byteorder == '=' else dtype.byteorder.encode(), None, None, None, -1, -1, 0)
    return Call(Global('numpy', 'dtype'), (dtype.str[1:].encode(), 0, 1), state)


def _write(item: Any) -> bytes:
    if isinstance(item, Global):
        return b'c' + f'{item.module}\n{item.name}\n'.encode()
    if isinstance(item, Call):
        build = b'' if item.state is None else _write(item.state) + b'b'
        return _write(item.function) + _write(tuple(item.arguments)) + b'R' + build
    if isinstance(item, dict):
        return b'}(' + b''.join(_write(key) + _write(value) for key, value in item.items()) + b'u'
    if isinstance(item, list):
        return b'](' + b''.join(map(_write, item)) + b'e'
    if isinstance(item, tuple):
        return b'(' + b''.join(map(_write, item)) + b't'
    if item is None or isinstance(item, bool):
        return {None: b'N', True: b'\x88', False: b'\x89'}[item]
    if isinstance(item, bytes):
        return b'T' + struct.pack('<i', len(item)) + item
    if isinstance(item, int):
        return b'J' + struct.pack('<i', item)
    raise TypeError(f'{type(item).__name__} cannot be written')
