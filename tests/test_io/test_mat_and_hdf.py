import pickle
import struct
import zlib

import numpy as np
import pytest
from scipy.io import loadmat, savemat
from scipy.sparse import csc_array

from mmxas.io import UnsafeFileError, check_hdf, check_mat
from mmxas.io.archives import FLOOR


def header():
    return b'MATLAB 5.0 MAT-file'.ljust(124) + struct.pack('<H', 0x0100) + b'IM'


@pytest.mark.parametrize('compressed', [True, False])
def test_files_of_scipy_pass(tmp_path, compressed):
    savemat(tmp_path / 'a.mat', {'a': np.zeros((100, 100)), 'b': {'c': 1}}, do_compression=compressed)
    check_mat(tmp_path / 'a.mat')


@pytest.mark.parametrize('order', ['little', 'big'])
def test_a_bomb_is_refused(tmp_path, order):
    deflater = zlib.compressobj(9)
    packed = b''.join(deflater.compress(bytes(1 << 24)) for _ in range(FLOOR // (1 << 24) + 1)) + deflater.flush()
    begin = header() if order == 'little' else header()[:124] + b'\x01\0XX'  # scipy takes anything but IM for it
    tag = (15).to_bytes(4, order) + len(packed).to_bytes(4, order)
    (tmp_path / 'a.mat').write_bytes(begin + tag + packed)
    with pytest.raises(UnsafeFileError, match='a.mat: its elements unpack to far more data than the file has'):
        check_mat(tmp_path / 'a.mat')


@pytest.mark.parametrize('tag', [struct.pack('<II', 14, 1 << 31), struct.pack('<II', 15, 4) + b'none'],
                         ids=['a lie about the length', 'a broken stream'])
def test_a_broken_file_is_named(tmp_path, tag):
    (tmp_path / 'a.mat').write_bytes(header() + tag)
    with pytest.raises(ValueError, match='a.mat: not a whole mat file'):
        check_mat(tmp_path / 'a.mat')


@pytest.mark.parametrize('content', [b'\x89HDF\r\n\x1a\n'.ljust(128, b'\0'), b'', b'<html>' * 50, (
    b'MATLAB 7.3 MAT-file'.ljust(124) + b'\0\2IM')], ids=['HDF5', 'empty', 'html', 'version 7.3'])
def test_other_formats_are_named(tmp_path, content):
    (tmp_path / 'a.mat').write_bytes(content)
    with pytest.raises(ValueError, match='a.mat: not a whole mat file'):
        check_mat(tmp_path / 'a.mat')


def test_files_of_version_4_pass_unless_they_announce_too_much(tmp_path):
    savemat(tmp_path / 'a.mat', {'a': np.full((10, 15), 15, np.int32)}, format='4')
    check_mat(tmp_path / 'a.mat')
    data = bytearray((tmp_path / 'a.mat').read_bytes())
    data[4:12] = struct.pack('<II', 1 << 15, 1 << 15)
    (tmp_path / 'a.mat').write_bytes(data)
    with pytest.raises(UnsafeFileError, match=r'a.mat: its variable a is a double of shape \(32768, 32768\)'):
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


LIES = {
    'a cell': (array(1, (1 << 27, 1)), 'is a cell of shape'),
    'a cell with one entry': (array(1, (1 << 27, 1), NUMBER), 'is a cell of shape'),
    'a struct': (array(2, (1 << 27, 1), fields(8, b'x'.ljust(8, b'\0')) + EMPTY), 'is a struct of shape'),
    'a struct without fields': (array(2, (1 << 27, 1), fields(8, b'')), 'is a struct of shape'),
    'an object': (array(3, (1 << 27, 1), element(1, b'c') + fields(8, b'x'.ljust(8, b'\0'))), 'is a object of shape'),
    'a blank text': (array(4, (1 << 27, 1), element(16, b'')), r'is a char of shape \(134217728,\), 536870912 bytes'),
    'numbers': (array(6, (1 << 14, 1 << 14), element(9, bytes(8))), r'is a double of shape \(16384, 16384\)'),
    'a negative dimension': (array(1, (-2, -(1 << 26))), 'is a cell of shape'),
    'many dimensions': (array(1, (1,) * 40), 'not a whole mat file'),
    'many arrays': (array(1, (FLOOR // 128 + 1, 1), EMPTY), 'is a cell of shape'),
}


@pytest.mark.parametrize('compressed', [True, False])
@pytest.mark.parametrize('lie', LIES)
def test_a_variable_that_is_announced_too_large_is_refused(tmp_path, lie, compressed):
    data, message = LIES[lie]
    if compressed:
        packed = zlib.compress(data)
        data = struct.pack('<II', 15, len(packed)) + packed
    (tmp_path / 'a.mat').write_bytes(header() + data)
    with pytest.raises(ValueError, match=f'a.mat: .*{message}'):
        check_mat(tmp_path / 'a.mat')


INNER = {'names without a length': array(2, (1, 1), fields(0, b'x')),
         'another element within': array(1, (1, 1), element(9, bytes(8))),
         'an unknown class within': array(1, (1, 1), array(99, (1, 1)))}


@pytest.mark.parametrize('fault', INNER)
def test_scipy_refuses_what_is_broken_within(tmp_path, fault):
    (tmp_path / 'a.mat').write_bytes(header() + INNER[fault])
    check_mat(tmp_path / 'a.mat')
    with pytest.raises((ArithmeticError, OSError, TypeError, UnboundLocalError)):
        loadmat(tmp_path / 'a.mat')


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


class Attack:
    def __reduce__(self):
        return eval, ('1 / 0', )


@pytest.fixture
def h5py():
    return pytest.importorskip('h5py', reason='an optional requirement of .h5 files')


@pytest.fixture
def write(tmp_path, h5py):
    """A file with an attribute of its root, of a group, and of an array."""

    def make(**attributes):
        with h5py.File(tmp_path / 'a.h5', 'w') as file:
            file['group/array'], file['text'] = np.zeros(3), 'a string.'
            for place, value in attributes.items():
                dict(root=file, group=file['group'], array=file['group/array'])[place].attrs['x'] = value
        return tmp_path / 'a.h5'

    return make


def test_plain_containers_and_text_pass(write):
    plain = {1: {'names': [None, 'a'], 'type': 'b'}, 'c': (1, 2.5)}
    check_hdf(write(root=np.bytes_(pickle.dumps(plain, 0)), group='A title.', array=np.arange(3)))


@pytest.mark.parametrize('place', ['root', 'group', 'array'])
@pytest.mark.parametrize('protocol', [0, 1])
def test_a_pickle_that_names_an_object_is_refused_and_not_run(write, place, protocol):
    value = np.bytes_(pickle.dumps([1, Attack()], protocol))
    with pytest.raises(UnsafeFileError, match=r'a.h5: .* names .*\.eval; nothing was executed'):
        check_hdf(write(**{place: value}))


@pytest.mark.parametrize('value', [
    pickle.dumps(Attack(), 0).decode(),  # as text of variable length
    np.array([b'x', pickle.dumps(Attack(), 0)]),  # in an array
    b"(S'\xff'\nI010\n" + pickle.dumps(Attack(), 0)])  # behind what other parsers of pickles refuse
def test_every_form_of_an_attribute_is_looked_at(write, value):
    with pytest.raises(UnsafeFileError, match='a.h5: group names'):
        check_hdf(write(group=value))


def test_arrays_of_objects_and_other_files_are_refused(tmp_path, h5py):
    with h5py.File(tmp_path / 'a.h5', 'w') as file:
        file.create_dataset('deep/objects', (1,), dtype=h5py.vlen_dtype(np.uint8))
    with pytest.raises(ValueError, match='a.h5: deep/objects holds objects, which only a pickle could read'):
        check_hdf(tmp_path / 'a.h5')
    (tmp_path / 'b.h5').write_text('no')
    with pytest.raises(ValueError, match='b.h5: not an HDF5 file'):
        check_hdf(tmp_path / 'b.h5')
    with pytest.raises(FileNotFoundError):
        check_hdf(tmp_path / 'gone.h5')
