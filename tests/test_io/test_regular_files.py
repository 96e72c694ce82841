import os
import zlib

import numpy as np
import pytest
from scipy.io import savemat

from mmxas.body_models import load_pickle
from mmxas.io import (
    UnsafeFileError,
    check_mat,
    file_sha256,
    open_arrays,
    read_array,
    read_json,
    regular_files,
    require_file,
)
from mmxas.io.inspection import inspect_file
from mmxas.io.regular_files import named_when_broken, to_json

pytestmark = pytest.mark.usefixtures('alarm')


def arrays_of(path):
    with open_arrays(path) as arrays:
        return list(arrays)


READERS = {'json': read_json, 'npz': arrays_of, 'npy': read_array, 'mat': check_mat, 'pkl': load_pickle,
           'report': inspect_file}


@pytest.mark.parametrize('reader', READERS)
@pytest.mark.parametrize(('kind', 'said'), [('pipe', 'a pipe'), ('device', 'a device'), ('folder', 'a folder')])
def test_what_is_no_file_is_refused_by_every_reader(tmp_path, reader, kind, said):
    path = tmp_path / 'data.bin'
    {'pipe': os.mkfifo, 'device': lambda path: path.symlink_to('/dev/zero'), 'folder': os.mkdir}[kind](path)
    with pytest.raises(UnsafeFileError, match=rf'data\.bin: expected a regular file, got {said}'):
        READERS[reader](path)


@pytest.mark.parametrize('reader', READERS)
def test_a_file_that_is_not_there_is_not_there(tmp_path, reader):
    with pytest.raises(FileNotFoundError, match=r'data\.bin'):
        READERS[reader](tmp_path / 'data.bin')


def test_files_and_links_to_them_are_read(tmp_path):
    (tmp_path / 'a.json').write_text('[1]')
    (tmp_path / 'link.json').symlink_to('a.json')
    assert require_file(str(tmp_path / 'link.json')) == tmp_path / 'link.json'
    assert read_json(tmp_path / 'link.json') == [1]
    np.save(tmp_path / 'a.npy', np.ones(2))
    savemat(tmp_path / 'a.mat', {'a': 1})
    assert read_array(tmp_path / 'a.npy').tolist() == [1, 1]
    check_mat(tmp_path / 'a.mat')


@pytest.mark.parametrize(('error', 'kind', 'message'), [
    (zlib.error('bits'), ValueError, r'^a\.pth: broken, or not a whole file \(error: bits\)'),
    (NotImplementedError('method'), ValueError, r'^a\.pth: broken.*NotImplementedError: method'),
    (MemoryError(), ValueError, r'^a\.pth: broken'), (OSError('Invalid data stream'), ValueError, r'^a\.pth: broken'),
    (ValueError('a.pth: as it is'), ValueError, '^a.pth: as it is$'),
    (UnsafeFileError('a.pth: as it is'), UnsafeFileError, '^a.pth: as it is$'),
    (PermissionError(13, 'denied'), PermissionError, 'denied'), (ImportError('x'), ImportError, '^x$'),
])
def test_what_a_broken_file_raises_names_it(error, kind, message):
    with pytest.raises(kind, match=message), named_when_broken('a.pth'):
        raise error


def test_what_is_said_of_a_broken_file_may_be_chosen():
    with pytest.raises(ValueError, match=r'^a\.csv: no table \(KeyError: 3\); mend it$'), \
            named_when_broken('a.csv', 'no table', 'mend it'):
        raise KeyError(3)


def test_sha256_of_a_file(tmp_path):
    path = tmp_path / 'abc'
    path.write_bytes(b'abc')
    assert file_sha256(path) == 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    with pytest.raises(UnsafeFileError, match='a folder'):
        file_sha256(tmp_path)


def test_content_comes_back(tmp_path):
    (tmp_path / 'a.json').write_text('{"a": [1, "é"]}', encoding='utf-8')
    assert read_json(tmp_path / 'a.json') == {'a': [1, 'é']}
    assert read_json(tmp_path / 'a.json', ['a'])['a'][0] == 1
    (tmp_path / 'b.json').write_bytes(b'\xef\xbb\xbf' + (tmp_path / 'a.json').read_bytes())
    assert read_json(tmp_path / 'b.json') == {'a': [1, 'é']}


@pytest.mark.parametrize(('data', 'message'), [
    (b'{"a": ', 'Expecting value'), (b'[' * 200000, 'RecursionError'), (b'\xff\xfe', 'utf-8'),
    (b'1' * 5000, 'digits'), (b'', 'Expecting value'),
])
def test_what_is_no_json_is_named(tmp_path, data, message):
    (tmp_path / 'a.json').write_bytes(data)
    with pytest.raises(ValueError, match=f'a.json: not a JSON file .*{message}'):
        read_json(tmp_path / 'a.json')


@pytest.mark.parametrize('text', ['[]', '{"a": 1}', '3'])
def test_missing_keys_are_named(tmp_path, text):
    (tmp_path / 'a.json').write_text(text)
    with pytest.raises(ValueError, match='a.json: an object with a, b expected; .*b missing'):
        read_json(tmp_path / 'a.json', ['a', 'b'])


def test_size_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(regular_files, 'LIMIT', 3)
    (tmp_path / 'a.json').write_text('[1, 2]')
    with pytest.raises(ValueError, match='a.json: 6 bytes of JSON, 3 expected at most'):
        read_json(tmp_path / 'a.json')


def test_a_list_of_numbers_is_one_line_of_json():
    assert to_json({'a': [1, 2.5], 'b': {'c': ['x']}}) == '{\n "a": [1, 2.5],\n "b": {\n  "c": ["x"]\n }\n}\n'
