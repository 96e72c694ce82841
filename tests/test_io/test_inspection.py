import bz2
import io
import os
import pickle
import tarfile
import zipfile

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from safetensors.torch import save_file

from mmxas.io.inspection import inspect_file, list_pickles


class Calls:
    def __reduce__(self):
        return os.system, ('false',)


def test_a_good_checkpoint_has_no_reason_to_be_refused(tmp_path):
    content = {'state_dict': {'a': torch.zeros(2)}, 'hub': HistoryBuffer([1.0], [1]), 'x': np.float64(1)}
    torch.save(content, tmp_path / 'a.pth')
    report = inspect_file(tmp_path / 'a.pth')
    assert report['refused'] == []
    assert report['members']['a/data/0'] == 8
    assert 'mmengine.logging.history_buffer.HistoryBuffer' in report['pickles']['a/data.pkl']['imports']
    assert len(report['sha256']) == 64


@pytest.mark.parametrize('new', [True, False])
def test_a_bad_one_has(tmp_path, new):
    torch.save({'a': Calls()}, tmp_path / 'a.pth', _use_new_zipfile_serialization=new)
    assert inspect_file(tmp_path / 'a.pth')['refused'] == [
        'names posix.system, which no checkpoint and no body model needs']


def test_arrays_of_objects_are_listed_as_pickles(tmp_path):
    np.savez(tmp_path / 'a.npz', a=np.zeros((2, 3)), b=np.array([Calls()], object))
    report = inspect_file(tmp_path / 'a.npz')
    assert list(report['members']) == ['a.npy', 'b.npy'] and report['members']['a.npy'] == 128 + 48
    assert list(report['pickles']) == ['b.npy'] and report['refused']


def test_a_tar_and_a_packed_one_are_refused_and_not_unpacked(tmp_path, monkeypatch):
    """`tarfile.is_tarfile` unpacks, and reads what the first header announces."""
    header = tarfile.TarInfo('x')
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 1 << 30
    (tmp_path / 'a.tar').write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 20))
    (tmp_path / 'a.pth').write_bytes(bz2.compress((tmp_path / 'a.tar').read_bytes()))
    monkeypatch.setattr(tarfile, 'open', None)
    for name in ('a.tar', 'a.pth'):
        assert inspect_file(tmp_path / name)['refused'] == [f'{name}: not a whole pickle']


def test_a_broken_member_is_a_reason(tmp_path):
    with zipfile.ZipFile(tmp_path / 'a.pth', 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('a/data.pkl', bytes(range(256)) * 9)
    whole = (tmp_path / 'a.pth').read_bytes()
    (tmp_path / 'a.pth').write_bytes(whole[:40] + b'\xff' * 30 + whole[70:])
    report = inspect_file(tmp_path / 'a.pth')
    assert len(report['refused']) == 1 and 'a.pth: broken, or not a whole file (error: Error -3' in report['refused'][0]
    assert report['members'] == {'a/data.pkl': 2304}


def test_numbers_alone_have_nothing_to_refuse(tmp_path):
    np.save(tmp_path / 'a.npy', np.zeros(2))
    save_file({'a': torch.zeros(2)}, tmp_path / 'a.safetensors')
    for name in ('a.npy', 'a.safetensors'):
        report = inspect_file(tmp_path / name)
        assert (report['pickles'], report['refused']) == ({}, [])


@pytest.mark.parametrize('protocol', range(6))
def test_imports_and_calls_of_each_protocol(protocol):
    found = list_pickles(io.BytesIO(pickle.dumps([Calls(), Calls(), 'posix'], protocol)))
    assert set(found['imports']) == {'posix.system'}
    assert (found['calls'], found['whole']) == (2, True)


def test_names_from_the_memo_and_computed_ones():
    stack = b'\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x930h\x00h\x01\x93.'
    assert list_pickles(io.BytesIO(stack))['imports'] == ['posix.system', 'posix.system']
    assert list_pickles(io.BytesIO(b'\x80\x04NN\x93.'))['imports'] == ['?']
    assert list_pickles(io.BytesIO(b'\x82\x01.'))['imports'] == ['extension 1']
    assert not list_pickles(io.BytesIO(b'(lp0\n'))['whole']


def test_every_container(tmp_path):
    content = {'state_dict': {'a': torch.zeros(2)}, 'attack': Calls()}
    torch.save(content, tmp_path / 'new.pth')
    torch.save(content, tmp_path / 'old.pth', _use_new_zipfile_serialization=False)
    np.savez(tmp_path / 'a.npz', a=np.array([Calls()], dtype=object), b=np.zeros(2))
    np.save(tmp_path / 'a.npy', np.array([Calls()], dtype=object))
    (tmp_path / 'a.pkl').write_bytes(pickle.dumps(content))
    for name in ('new.pth', 'old.pth', 'a.npz', 'a.npy', 'a.pkl'):
        report = inspect_file(tmp_path / name)
        assert 'posix.system' in [name for found in report['pickles'].values() for name in found['imports']], name
        assert any('names posix.system' in reason for reason in report['refused'])


def test_a_call_that_fills_the_memory_and_open_doors_are_refused(tmp_path):
    for number, name in enumerate(['builtins.bytearray', 'builtins.eval', 'os.system']):
        module, _, function = name.rpartition('.')
        (tmp_path / f'{number}.pth').write_bytes(f'\x80\x02c{module}\n{function}\n.'.encode('latin1'))
        assert inspect_file(tmp_path / f'{number}.pth')['refused'] == [
            f'names {name}, which no checkpoint and no body model needs']
