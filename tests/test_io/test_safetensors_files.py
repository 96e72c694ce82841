import pytest
import torch
from safetensors.torch import save_file

from mmxas.io import UnsafeFileError, read_checkpoint_file, read_safetensors


def test_tensors_come_back_in_their_types(tmp_path):
    tensors = dict(a=torch.tensor([0.1, 65504.0], dtype=torch.float16), b=torch.tensor([7]))
    save_file(tensors, tmp_path / 'a.safetensors')
    for read in (read_safetensors, read_checkpoint_file):
        state = read(tmp_path / 'a.safetensors', 'cpu')['state_dict']
        assert {name: (tensor.dtype, tensor.tolist()) for name, tensor in state.items()} == {
            name: (tensor.dtype, tensor.tolist()) for name, tensor in tensors.items()}


def test_a_broken_file_is_named(tmp_path):
    path = tmp_path / 'a.safetensors'
    save_file(dict(a=torch.zeros(100)), path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ValueError, match=r'a\.safetensors: broken, or not a whole file'):
        read_checkpoint_file(path)
    path.write_bytes(b'<html>404</html>')
    with pytest.raises(ValueError, match=r'a\.safetensors: broken'):
        read_safetensors(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='none.safetensors'):
        read_safetensors(tmp_path / 'none.safetensors')
    with pytest.raises(UnsafeFileError, match='this is a folder'):
        read_safetensors(tmp_path)
