"""Read checkpoints by ``torch.load(weights_only=True)`` or safetensors, whatever the environment's default is."""
from __future__ import annotations

import mmap
import os
import pickle
import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch._weights_only_unpickler import _get_allowed_globals

from .archives import ZIP, check_archive
from .regular_files import UnsafeFileError, named_when_broken, require_file


def read_checkpoint_file(path: str | os.PathLike, map_location: Any = None) -> Any:
    """Read a checkpoint.

    Args:
        path: A PyTorch or ``.safetensors`` file.
        map_location: As in ``torch.load``. Defaults to None.

    Returns:
        Its content.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeFileError: The file refers to an object that is not on torch's allow-list, or its archive is unsafe; the
            message names file and object. Nothing in the file is executed.
        ValueError: The file is not a checkpoint, is incomplete, or its content is not a dict.
    """
    path = require_file(Path(path).expanduser())
    if path.suffix == '.safetensors':
        return read_safetensors(path, map_location)
    with named_when_broken(path, 'not a checkpoint of PyTorch, or not a whole one'):
        content = _load(path, map_location)
    if not isinstance(content, dict):
        raise ValueError(f'{path}: a checkpoint is a dict: a state dict or one that holds it expected, got '
                         f'{type(content).__name__}; save it with torch.save(model.state_dict(), …)')
    return content


def _load(path: Path, map_location: Any) -> Any:
    # torch opens what has a file descriptor as a tar, and reads as many bytes as its header announces.
    with path.open('rb') as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        is_archive = content[:len(ZIP)] == ZIP
        if is_archive:
            names = [member.filename.lower() for member in check_archive(path)]
            if len(set(names)) < len(names):
                raise UnsafeFileError('its members differ by case alone, which torch mixes up')
        # torch allows `bytearray(n)`, which allocates n bytes and which no checkpoint needs.
        _get_allowed_globals().pop('builtins.bytearray', None)
        try:
            return torch.load(path if is_archive else content, map_location=map_location, weights_only=True)
        except pickle.UnpicklingError as error:
            said = [line.strip() for line in str(error).splitlines() if line.strip()][-2]  # between general advice
            name = re.search(r'GLOBAL ([\w.]+)', said) or re.search(r'(getattr\(.*?\))', said)
            reason = f'names {name[1]}, which no checkpoint needs' if name else f'no checkpoint, or refused ({said})'
            raise UnsafeFileError(f'{reason}; nothing of the file was executed') from None
        finally:
            _get_allowed_globals()['builtins.bytearray'] = bytearray


def read_safetensors(path: str | os.PathLike, map_location: Any = None) -> dict[str, Any]:
    """Return the tensors of a ``.safetensors`` file as a checkpoint.

    Args:
        path: The file.
        map_location: A device, as in ``torch.load``; any other value means the CPU. Defaults to None, the CPU.

    Returns:
        ``state_dict`` with the tensors in their stored types, and an empty ``meta``.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeFileError: The path is not a regular file.
        ValueError: The file is broken or not in safetensors format; the message names it.
    """
    device = map_location if isinstance(map_location, str | torch.device) else 'cpu'
    with named_when_broken(path):
        tensors = load_file(require_file(path))
    return dict(state_dict={name: tensor.to(device) for name, tensor in tensors.items()}, meta={})
