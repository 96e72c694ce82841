import bz2
import io
import os
import pickle
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from mmxas.io import list_pickle, list_pickles
from mmxas.io.inspection import allowed_names, inspect_file, is_tar


class Calls:
    def __reduce__(self):
        return os.system, ('false',)


def test_a_good_checkpoint_has_no_reason_to_be_refused(tmp_path):
    content = {'state_dict': {'a': torch.zeros(2)}, 'hub': HistoryBuffer([1.0], [1]), 'x': np.float64(1)}
    torch.save(content, tmp_path / 'a.pth')
    report = inspect_file(tmp_path / 'a.pth')
    assert (report['refused'], report['container']) == ([], 'zip')
    assert report['members']['a/data/0'] == 8
    assert 'mmengine.logging.history_buffer.HistoryBuffer' in report['pickles']['a/data.pkl']['imports']
    assert len(report['sha256']) == 64


@pytest.mark.parametrize('new', [True, False])
def test_a_bad_one_has(tmp_path, new):
    torch.save({'a': Calls()}, tmp_path / 'a.pth', _use_new_zipfile_serialization=new)
    assert inspect_file(tmp_path / 'a.pth')['refused'] == [
        'names posix.system, which no checkpoint and no body model needs']


def test_arrays_are_listed(tmp_path):
    np.savez(tmp_path / 'a.npz', a=np.zeros((2, 3)), b=np.array([Calls()], object))
    report = inspect_file(tmp_path / 'a.npz')
    assert report['arrays'] == {'a.npy': 'float64 (2, 3)', 'b.npy': 'object (1,)'}
    assert list(report['pickles']) == ['b.npy'] and report['refused']


def test_the_list_has_torch_and_mmengine_and_no_open_door():
    names = allowed_names()
    assert {'torch._utils._rebuild_tensor_v2', 'collections.OrderedDict'} <= names
    assert not {'os.system', 'builtins.eval', 'builtins.bytearray'} & names


def test_a_packed_tar_is_not_unpacked(tmp_path, monkeypatch):
    """`tarfile.is_tarfile` unpacks, and reads what the first header announces."""
    header = tarfile.TarInfo('x')
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 1 << 30
    (tmp_path / 'a.pth').write_bytes(bz2.compress(header.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 20)))
    monkeypatch.setattr(tarfile, 'open', None)
    assert inspect_file(tmp_path / 'a.pth')['container'] == 'stream of pickles'
    (tmp_path / 'a.tar').write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 20))
    report = inspect_file(tmp_path / 'a.tar')
    assert report['container'] == 'tar' and report['refused'] and report['pickles'] == {}


def test_the_first_bytes_tell_an_array(tmp_path, monkeypatch):
    np.save(tmp_path / 'a.npy', np.zeros(2))
    monkeypatch.setattr(Path, 'read_bytes', None)
    assert inspect_file(tmp_path / 'a.npy')['container'] == 'npy'


def test_a_broken_member_is_a_reason(tmp_path):
    with zipfile.ZipFile(tmp_path / 'a.pth', 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('a/data.pkl', bytes(range(256)) * 9)
    whole = (tmp_path / 'a.pth').read_bytes()
    (tmp_path / 'a.pth').write_bytes(whole[:40] + b'\xff' * 30 + whole[70:])
    report = inspect_file(tmp_path / 'a.pth')
    assert len(report['refused']) == 1 and 'a.pth: broken' in report['refused'][0]
    assert report['members'] == {'a/data.pkl': 2304}


@pytest.mark.parametrize('protocol', range(6))
def test_imports_and_calls_of_each_protocol(protocol):
    found = list_pickle(io.BytesIO(pickle.dumps([Calls(), Calls(), 'posix'], protocol)))
    assert set(found.imports) == {'posix.system'}
    assert (found.calls, found.complete) == (2, True)


def test_names_from_the_memo_and_computed_ones():
    stack = b'\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x930h\x00h\x01\x93.'
    assert list_pickle(io.BytesIO(stack)).imports == ['posix.system', 'posix.system']
    assert list_pickle(io.BytesIO(b'\x80\x04NN\x93.')).imports == ['?']
    assert list_pickle(io.BytesIO(b'\x82\x01.')).imports == ['extension 1']
    assert not list_pickle(io.BytesIO(b'(lp0\n')).complete


def test_every_container(tmp_path):
    content = {'state_dict': {'a': torch.zeros(2)}, 'attack': Calls()}
    torch.save(content, tmp_path / 'new.pth')
    torch.save(content, tmp_path / 'old.pth', _use_new_zipfile_serialization=False)
    np.savez(tmp_path / 'a.npz', a=np.array([Calls()], dtype=object), b=np.zeros(2))
    np.save(tmp_path / 'a.npy', np.array([Calls()], dtype=object))
    (tmp_path / 'a.pkl').write_bytes(pickle.dumps(content))
    for name in ('new.pth', 'old.pth', 'a.npz', 'a.npy', 'a.pkl'):
        imports = [name for listing in list_pickles(tmp_path / name).values() for name in listing.imports]
        assert 'posix.system' in imports, name
    assert len(list_pickles(tmp_path / 'old.pth')) == 5


def test_a_short_file_is_no_tar(tmp_path):
    (tmp_path / 'c.tar').write_bytes(b'too short')
    assert not is_tar(tmp_path / 'c.tar')


def test_what_a_broken_archive_raises_names_it(tmp_path):
    (tmp_path / 'a.pth').write_bytes(b'PK\3\4 and no more')
    with pytest.raises(ValueError, match=r'a\.pth: broken, or not a whole file \(BadZipFile'):
        list_pickles(tmp_path / 'a.pth')
