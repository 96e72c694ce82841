import os

import pytest
import torch

from mmxas.safe_files import UnsafeFileError, read_checkpoint_file


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
    with pytest.raises(UnsafeFileError, match='names (__builtin__|builtins).bytearray'):
        read_checkpoint_file(tmp_path / 'a.pth')


def test_other_files_are_named(tmp_path):
    (tmp_path / 'a.pth').write_text('<html>404</html>')
    with pytest.raises(ValueError, match='a.pth: not a checkpoint of PyTorch'):
        read_checkpoint_file(tmp_path / 'a.pth')
    with pytest.raises(FileNotFoundError, match='b.pth can not be found'):
        read_checkpoint_file(tmp_path / 'b.pth')
