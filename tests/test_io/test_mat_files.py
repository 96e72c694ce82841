import struct
import zlib

import numpy as np
import pytest
from scipy.io import loadmat, savemat
from scipy.sparse import csc_array

from mmxas.io import UnsafeFileError, check_mat
from mmxas.io.archives import FLOOR


def header():
    return b'MATLAB 5.0 MAT-file'.ljust(124) + struct.pack('<H', 0x0100) + b'IM'


@pytest.mark.parametrize('compressed', [True, False])
def test_files_of_scipy_pass(tmp_path, compressed):
    savemat(tmp_path / 'a.mat', {'a': np.zeros((100, 100)), 'b': {'c': 1}}, do_compression=compressed)
    check_mat(tmp_path / 'a.mat')


def test_a_bomb_is_refused(tmp_path):
    deflater = zlib.compressobj(9)
    packed = b''.join(deflater.compress(bytes(1 << 24)) for _ in range(FLOOR // (1 << 24) + 1)) + deflater.flush()
    (tmp_path / 'a.mat').write_bytes(header() + struct.pack('<II', 15, len(packed)) + packed)
    with pytest.raises(UnsafeFileError, match=f'a.mat: unfolds to more than {FLOOR} bytes'):
        check_mat(tmp_path / 'a.mat')


def test_a_lie_about_the_length_and_a_broken_stream_are_refused(tmp_path):
    (tmp_path / 'a.mat').write_bytes(header() + struct.pack('<II', 14, 1 << 31))
    with pytest.raises(UnsafeFileError, match='an element announces 2147483648 bytes, 0 follow'):
        check_mat(tmp_path / 'a.mat')
    (tmp_path / 'a.mat').write_bytes(header() + struct.pack('<II', 15, 4) + b'none')
    with pytest.raises(UnsafeFileError, match='a compressed element is broken'):
        check_mat(tmp_path / 'a.mat')


def test_other_formats_are_left_to_their_readers(tmp_path):
    (tmp_path / 'a.mat').write_bytes(b'\x89HDF')
    check_mat(tmp_path / 'a.mat')


def element(kind, data):
    return struct.pack('<II', kind, len(data)) + data + bytes(-len(data) % 8)


def array(kind, dimensions, content=b'', flags=0):
    """An array up to its content: class, dimensions, name."""
    return element(14, element(6, struct.pack('<II', kind | flags, 0)) + element(
        5, struct.pack(f'<{len(dimensions)}i', *dimensions)) + element(1, b'a') + content)


def fields(length, names):
    return struct.pack('<HHi', 5, 4, length) + element(1, names)


EMPTY, NUMBER = struct.pack('<II', 14, 0), array(6, (1, 1), element(9, bytes(8)))


def nested(depth):
    content = EMPTY
    for _ in range(depth):
        content = array(1, (1, 1), content)
    return content


LIES = {
    'a cell': (array(1, (1 << 27, 1)), 'announce more than the bytes that follow'),
    'a cell with one entry': (array(1, (1 << 27, 1), NUMBER), 'announce more than the bytes that follow'),
    'a struct': (array(2, (1 << 27, 1), fields(8, b'x'.ljust(8, b'\0')) + EMPTY), 'announce more than the bytes'),
    'a struct without fields': (array(2, (1 << 27, 1), fields(8, b'')), '134217728 structs without a field'),
    'names without a length': (array(2, (1, 1), fields(0, b'x')), 'says nothing of the length of its names'),
    'many fields': (array(2, (1, 1), fields(1, b'x' * 5000)), 'a struct has 5000 fields'),
    'an object': (array(3, (1 << 27, 1), element(1, b'c') + fields(8, b'x'.ljust(8, b'\0'))), 'announce more'),
    'a blank text': (array(4, (1 << 27, 1), element(16, b'')), r'dimensions \[134217728, 1\] has 0 bytes'),
    'numbers': (array(6, (1 << 14, 1 << 14), element(9, bytes(8))), r'dimensions \[16384, 16384\] has 8 bytes'),
    'a negative dimension': (array(1, (-2, -(1 << 26))), 'has the dimensions'),
    'many dimensions': (array(1, (1,) * 40), '160 bytes of integers, 128 expected at most'),
    'depth': (nested(1000), 'nested deeper than 64'),
    'another element within': (array(1, (1, 1), element(9, bytes(8))), 'an element of kind 9 follows'),
    'an unknown class within': (array(1, (1, 1), array(99, (1, 1))), 'unknown class 99'),
}


@pytest.mark.parametrize('compressed', [True, False])
@pytest.mark.parametrize('lie', LIES)
def test_what_an_array_announces_must_be_there(tmp_path, lie, compressed):
    data, message = LIES[lie]
    if compressed:
        packed = zlib.compress(data)
        data = struct.pack('<II', 15, len(packed)) + packed
    (tmp_path / 'a.mat').write_bytes(header() + data)
    with pytest.raises(UnsafeFileError, match=f'a.mat: .*{message}.*; nothing was loaded'):
        check_mat(tmp_path / 'a.mat')


def test_the_order_of_bytes_is_the_readers(tmp_path):
    """scipy takes anything but IM for the other order."""
    data = array(1, (1 << 27, 1))
    swapped = b''.join(data[i:i + 4][::-1] for i in range(0, len(data), 4))
    (tmp_path / 'a.mat').write_bytes(header()[:124] + b'\x01\0XX' + swapped)
    with pytest.raises(UnsafeFileError, match='announce more than the bytes'):
        check_mat(tmp_path / 'a.mat')


def test_arrays_are_counted(tmp_path):
    number = FLOOR // 128 + 1
    packed = zlib.compress(array(1, (number, 1), EMPTY * number))
    (tmp_path / 'a.mat').write_bytes(header() + struct.pack('<II', 15, len(packed)) + packed)
    with pytest.raises(UnsafeFileError, match=f'a.mat: holds more than {number - 1} arrays'):
        check_mat(tmp_path / 'a.mat')


@pytest.mark.parametrize('compressed', [True, False])
def test_cells_structs_texts_and_sparse_arrays_pass(tmp_path, compressed):
    cell = np.empty((3, 1), dtype=object)
    cell[:, 0] = [np.zeros((0, 3)), 'a text', {'x': np.arange(5) * 1j}]
    records = np.zeros(4, dtype=[('x', float), ('y', int)])
    content = {'cell': cell, 'struct': {'a': {'b': [1, 'x']}}, 'records': records, 'text': np.array(['ab', 'cd']),
               'sparse': csc_array(np.eye(1000)), 'empty': {}, 'long': np.zeros(300_000),
               'flags': np.array([True, False]), 'numbers': np.ones((2, 3, 4), np.uint8)}
    savemat(tmp_path / 'a.mat', content, do_compression=compressed)
    check_mat(tmp_path / 'a.mat')
    assert set(content) <= set(loadmat(tmp_path / 'a.mat'))
