import os
import tarfile
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mmxas.io import UnsafeFileError, read_checkpoint_file, read_safetensors


class Calls:
    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


@pytest.mark.parametrize('new', [True, False])
def test_tensors_come_back(tmp_path, new):
    torch.save({'a': torch.arange(3)}, tmp_path / 'a.pth', _use_new_zipfile_serialization=new)
    assert read_checkpoint_file(tmp_path / 'a.pth')['a'].tolist() == [0, 1, 2]


@pytest.mark.parametrize('new', [True, False])
def test_what_it_names_is_said(tmp_path, new, monkeypatch):
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    canary = tmp_path / 'canary'
    torch.save({'a': Calls(os.system, f'touch {canary}')}, tmp_path / 'a.pth', _use_new_zipfile_serialization=new)
    with pytest.raises(UnsafeFileError, match='a.pth: names posix.system, which no checkpoint needs'):
        read_checkpoint_file(tmp_path / 'a.pth')
    assert not canary.exists()


def test_a_call_that_fills_the_memory_is_refused(tmp_path):
    torch.save({'a': Calls(bytearray, 1 << 40)}, tmp_path / 'a.pth')
    with pytest.raises(UnsafeFileError, match='names bytearray, which no checkpoint needs'):
        read_checkpoint_file(tmp_path / 'a.pth')


def test_other_files_are_named(tmp_path):
    (tmp_path / 'a.pth').write_text('<html>404</html>')
    with pytest.raises(ValueError, match='a.pth: no checkpoint, or refused'):
        read_checkpoint_file(tmp_path / 'a.pth')
    with pytest.raises(FileNotFoundError, match='b.pth'):
        read_checkpoint_file(tmp_path / 'b.pth')


@pytest.mark.parametrize('content', [[1], torch.zeros(2), 'text'])
def test_a_checkpoint_is_a_dict(tmp_path, content):
    torch.save(content, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=rf'a\.pth: a checkpoint is a dict: .* got {type(content).__name__}'):
        read_checkpoint_file(tmp_path / 'a.pth')


@pytest.mark.parametrize('new', [True, False])
def test_a_checkpoint_of_many_types_comes_back(tmp_path, new):
    shared = torch.arange(12.0)
    content = {'a': shared.view(3, 4).t(), 'b': shared[2:5], 'half': torch.ones(2, dtype=torch.bfloat16),
               'parameter': torch.nn.Parameter(torch.ones(3)), 'empty': torch.zeros(0), 'n': [1, 'x', None, {2.5}]}
    torch.save(content, tmp_path / 'a.pth', _use_new_zipfile_serialization=new)
    found = read_checkpoint_file(tmp_path / 'a.pth', 'cpu')
    assert found['a'].tolist() == content['a'].tolist() and found['b'].tolist() == [2, 3, 4]
    assert found['a'].untyped_storage().data_ptr() == found['b'].untyped_storage().data_ptr()
    assert found['half'].dtype == torch.bfloat16 and found['empty'].shape == (0,) and found['n'] == content['n']
    found['a'] += 1  # not a view of the file


def test_what_torch_objects_to_is_said(tmp_path):
    torch.save({'a': np.array([{}], dtype=object)}, tmp_path / 'a.pth')
    with pytest.raises(UnsafeFileError, match=r'a\.pth: (?!.*Check the documentation)(?!.*Weights only load failed)'):
        read_checkpoint_file(tmp_path / 'a.pth')


def test_a_packed_member_that_is_broken_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / 'a.pth', 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('a/data.pkl', bytes(range(256)) * 9)
        archive.writestr('a/version', '3')
    whole = (tmp_path / 'a.pth').read_bytes()
    (tmp_path / 'a.pth').write_bytes(whole[:40] + b'\xff' * 30 + whole[70:])
    with pytest.raises(ValueError, match=r'a\.pth: no'):
        read_checkpoint_file(tmp_path / 'a.pth')


@pytest.mark.parametrize('kind', [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.GNUTYPE_SPARSE, tarfile.REGTYPE])
def test_a_tar_is_refused_and_never_opened_as_one(tmp_path, kind, monkeypatch):
    header = tarfile.TarInfo('pickle')
    header.type, header.size = kind, 6 << 30
    (tmp_path / 'a.pth').write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    monkeypatch.setattr(tarfile, 'open', None)
    with pytest.raises(UnsafeFileError, match=r'a\.pth: no checkpoint, or refused \('):
        read_checkpoint_file(tmp_path / 'a.pth')


def test_safetensors_come_back_in_their_types(tmp_path):
    tensors = dict(a=torch.tensor([0.1, 65504.0], dtype=torch.float16), b=torch.tensor([7]))
    save_file(tensors, tmp_path / 'a.safetensors')
    for read in (read_safetensors, read_checkpoint_file):
        state = read(tmp_path / 'a.safetensors', 'cpu')['state_dict']
        assert {name: (tensor.dtype, tensor.tolist()) for name, tensor in state.items()} == {
            name: (tensor.dtype, tensor.tolist()) for name, tensor in tensors.items()}


def test_broken_safetensors_are_named(tmp_path):
    path = tmp_path / 'a.safetensors'
    save_file(dict(a=torch.zeros(100)), path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ValueError, match=r'a\.safetensors: broken, or not a whole file'):
        read_checkpoint_file(path)
    path.write_bytes(b'<html>404</html>')
    with pytest.raises(ValueError, match=r'a\.safetensors: broken'):
        read_safetensors(path)


def test_missing_safetensors_and_a_folder_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='none.safetensors'):
        read_safetensors(tmp_path / 'none.safetensors')
    with pytest.raises(UnsafeFileError, match='got a folder'):
        read_safetensors(tmp_path)
