"""Archives, arrays, MATLAB files and json that lie, as every file that the package reads them from."""
import io
import os
import struct
import zipfile
import zlib

import numpy as np
import pytest

from mmxas.body_models import load_pickle
from mmxas.body_models.keypoints import read_regressor
from mmxas.datasets.converters.mpi_inf_3dhp_files import read_annotations as read_3dhp
from mmxas.datasets.converters.mpii import read_annotations
from mmxas.datasets.converters.surreal_clip import read_mat
from mmxas.io import archives, read_checkpoint_file

from .corpus import Call, bad_archives, npy, opcodes, torch_zip, whole
from .doors import ARRAY_DOORS, JSON_DOORS, read_shard, shard_length
from .refusal import assert_refused

KIND = 'hostile'
pytestmark = pytest.mark.hostile


@pytest.fixture(autouse=True)
def low_floor(monkeypatch):
    """What any archive may unfold to, a megabyte in place of 256, so that bombs are written quickly."""
    monkeypatch.setattr(archives, 'FLOOR', 1 << 20)


GOOD = {'a.npy': npy(np.zeros(3))}


@pytest.mark.parametrize('fault', bad_archives({}))
@pytest.mark.parametrize('door', ARRAY_DOORS)
def test_an_archive_of_arrays(door, fault, tmp_path):
    path = tmp_path / 'arrays.npz'
    bad_archives(GOOD)[fault](path)
    if door == 'shard':
        with pytest.raises((ValueError, OSError), match='arrays.npz'):
            read_shard(path)
        return
    assert_refused(lambda: ARRAY_DOORS[door](path), path)


@pytest.mark.parametrize('fault', bad_archives({}))
def test_an_archive_as_checkpoint(fault, tmp_path):
    with zipfile.ZipFile(io.BytesIO(torch_zip(whole({'state_dict': {}})))) as archive:
        good = {name: archive.read(name) for name in archive.namelist()}
    path = tmp_path / 'model.pth'
    bad_archives(good)[fault](path)
    assert_refused(lambda: read_checkpoint_file(path, 'cpu'), path)


HEADERS = {'1e5 x 1e5': '(100000, 100000)', '2^62': f'({1 << 31}, {1 << 31})', 'negative': '(-1, 3)',
           'wrapping': f'({1 << 63}, 2)', 'a call': '__import__("os").system("true")', 'no tuple': '[3]'}


@pytest.mark.parametrize('header', HEADERS)
@pytest.mark.parametrize('door', ['body model', 'Human3.6M', 'regressor'])
def test_a_header_of_an_array(door, header, tmp_path):
    data = npy(np.zeros(6), HEADERS[header])
    path = tmp_path / ('arrays.npy' if door == 'regressor' else 'arrays.npz')
    if door == 'regressor':
        path.write_bytes(data)
        assert_refused(lambda: read_regressor(path, 3, ['a', 'b']), path)
        return
    with zipfile.ZipFile(path, 'w') as archive:
        for name in ('v_template', 'imgname'):
            archive.writestr(f'{name}.npy', data)
    assert_refused(lambda: ARRAY_DOORS[door](path), path)


def test_objects_of_a_regressor(tmp_path):
    path = tmp_path / 'arrays.npy'
    canary = tmp_path / 'canary'
    array = io.BytesIO()
    np.lib.format.write_array_header_1_0(array, {'descr': '|O', 'fortran_order': False, 'shape': (1,)})
    path.write_bytes(array.getvalue() + whole(Call('os.system', f'touch {canary}')))
    assert_refused(lambda: read_regressor(path, 3, ['a']), path, canary, 'objects')
    assert opcodes({})


def mat(element: bytes) -> bytes:
    """A MATLAB file of one element."""
    return b'MATLAB 5.0 MAT-file'.ljust(124) + struct.pack('<H', 0x0100) + b'IM' + element


def mat_bomb(size: int = 8 << 20) -> bytes:
    """A compressed element of a matrix of zeros."""
    deflater = zlib.compressobj(9)
    start = struct.pack('<II', 14, size)
    packed = deflater.compress(start) + b''.join(deflater.compress(bytes(1 << 20)) for _ in range(size >> 20))
    packed += deflater.flush()
    return mat(struct.pack('<II', 15, len(packed)) + packed)


MATS = {'bomb': mat_bomb, 'length': lambda: mat(struct.pack('<II', 14, 1 << 31)), 'empty': lambda: b'',
        'compressed nothing': lambda: mat(struct.pack('<II', 15, 8) + bytes(8)), 'html': lambda: b'<html>' * 50,
        'HDF5 cut': lambda: b'\x89HDF\r\n\x1a\n' + bytes(200),
        'dimensions': lambda: mat(struct.pack('<IIIIIIIIii', 14, 64, 6, 8, 6, 0, 5, 8, 1 << 30, 1 << 30) + bytes(40))}
MAT_DOORS = {'surreal': read_mat, 'mpii': read_annotations, 'mpi_inf_3dhp': read_3dhp}


@pytest.mark.parametrize('fault', MATS)
@pytest.mark.parametrize('door', MAT_DOORS)
def test_a_matlab_file(door, fault, tmp_path):
    path = tmp_path / 'clip.mat'
    path.write_bytes(MATS[fault]())
    assert_refused(lambda: MAT_DOORS[door](path), path)


JSONS = {'nested': b'[' * 200000, 'cut': b'{"a": [1, 2', 'digits': b'1' * 10000, 'bytes': b'\xff\xfe\x00', 'empty': b'',
         'another top': b'"text"', 'a list of numbers': b'[1, 2, 3]', 'a pickle': whole({})}


@pytest.mark.parametrize('fault', JSONS)
@pytest.mark.parametrize('door', JSON_DOORS)
def test_a_json_file(door, fault, tmp_path):
    path = tmp_path / 'annotations.json'
    path.write_bytes(JSONS[fault])
    (tmp_path / 'good').mkdir()
    assert_refused(lambda: JSON_DOORS[door](path), path)


FILE_DOORS = {**{f'{door} (json)': load for door, load in JSON_DOORS.items()}, **ARRAY_DOORS, **MAT_DOORS,
              'a pickle': load_pickle, 'a checkpoint': read_checkpoint_file,
              'a regressor': lambda path: read_regressor(path, 3, ['a'])}


# Where what is no shard or part is one that is still to be made.
ABSENT = {'shard': shard_length, 'part of a conversion': ARRAY_DOORS['part of a conversion']}


@pytest.mark.parametrize('place', ['a pipe', 'a device', 'a folder'])
@pytest.mark.parametrize('door', FILE_DOORS)
def test_no_file(door, place, tmp_path, alarm):
    path = tmp_path / 'data.json'
    {'a pipe': os.mkfifo, 'a device': lambda path: path.symlink_to('/dev/zero'), 'a folder': os.mkdir}[place](path)
    (tmp_path / 'good').mkdir()
    if door in ABSENT:
        assert not ABSENT[door](path)
        return
    assert_refused(lambda: FILE_DOORS[door](path), path)
