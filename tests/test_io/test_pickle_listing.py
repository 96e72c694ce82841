import io
import os
import pickle
import tarfile

import numpy as np
import pytest
import torch

from mmxas.io import list_pickle, list_pickles
from mmxas.io.pickle_listing import is_tar


class Calls:
    def __reduce__(self):
        return os.system, ('true',)


@pytest.mark.parametrize('protocol', range(6))
def test_imports_and_calls_of_each_protocol(protocol):
    found = list_pickle(io.BytesIO(pickle.dumps([Calls(), Calls(), 'posix'], protocol)))
    assert set(found.imports) == {'posix.system'}
    assert (found.calls, found.extensions, found.complete) == (2, 0, True)


def test_names_from_the_memo_and_computed_ones():
    stack = b'\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x930h\x00h\x01\x93.'
    assert list_pickle(io.BytesIO(stack)).imports == ['posix.system', 'posix.system']
    assert list_pickle(io.BytesIO(b'\x80\x04NN\x93.')).imports == ['?']
    assert list_pickle(io.BytesIO(b'\x82\x01.')).extensions == 1
    assert not list_pickle(io.BytesIO(b'(lp0\n')).complete


def test_every_container(tmp_path):
    content = {'state_dict': {'a': torch.zeros(2)}, 'attack': Calls()}
    torch.save(content, tmp_path / 'new.pth')
    torch.save(content, tmp_path / 'old.pth', _use_new_zipfile_serialization=False)
    np.savez(tmp_path / 'a.npz', a=np.array([Calls()], dtype=object), b=np.zeros(2))
    np.save(tmp_path / 'a.npy', np.array([Calls()], dtype=object))
    (tmp_path / 'a.pkl').write_bytes(pickle.dumps(content))
    with tarfile.open(tmp_path / 'a.tar', 'w') as archive:
        archive.add(tmp_path / 'a.pkl', 'pickle')
    for name in ('new.pth', 'old.pth', 'a.npz', 'a.npy', 'a.pkl', 'a.tar'):
        imports = [name for listing in list_pickles(tmp_path / name).values() for name in listing.imports]
        assert 'posix.system' in imports, name
    assert len(list_pickles(tmp_path / 'old.pth')) == 5


def sparse_tar(size: int) -> bytes:
    """A tar of one member that announces a hole of so many bytes."""
    header = tarfile.TarInfo('pickle')
    header.type, header.size = tarfile.GNUTYPE_SPARSE, 512
    block = bytearray(header.tobuf(tarfile.GNU_FORMAT))
    block[386:410] = b'%011o\0%011o\0' % (0, 512)
    block[482:495] = b'\0%011o\0' % size
    block[148:156] = b' ' * 8
    block[148:156] = b'%06o\0 ' % sum(block)
    return bytes(block) + b'\x80\x04\x8e'.ljust(512, b'\0') + bytes(1024)


def test_a_tar_is_read_as_far_as_it_is_there(tmp_path):
    (tmp_path / 'a.tar').write_bytes(sparse_tar(1 << 30))
    assert list_pickles(tmp_path / 'a.tar') == {} and is_tar(tmp_path / 'a.tar')
    header = tarfile.TarInfo('pickle')
    for size in (1 << 40, -512):
        header.size = size
        (tmp_path / 'b.tar').write_bytes(header.tobuf(tarfile.GNU_FORMAT) + pickle.dumps(Calls()))
        assert list_pickles(tmp_path / 'b.tar') == {}, size
    (tmp_path / 'c.tar').write_bytes(b'too short')
    assert not is_tar(tmp_path / 'c.tar')


def test_what_a_broken_archive_raises_names_it(tmp_path):
    (tmp_path / 'a.pth').write_bytes(b'PK\3\4 and no more')
    with pytest.raises(ValueError, match=r'a\.pth: broken, or not a whole file \(BadZipFile'):
        list_pickles(tmp_path / 'a.pth')
