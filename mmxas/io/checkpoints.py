"""Read checkpoints by ``torch.load(weights_only=True)`` or safetensors, whatever the environment's default is."""
from __future__ import annotations

import os
import pickle
import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from .inspection import is_tar, list_pickles
from .regular_files import UnsafeFileError, named_when_broken, require_file

SUFFIX = '.safetensors'
# torch allows this name, but `bytearray(n)` allocates n bytes, and no checkpoint needs it.
REFUSED = ('builtins.bytearray', '__builtin__.bytearray')


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
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'{path} can not be found.')
    if path.suffix == SUFFIX:
        return read_safetensors(path, map_location)
    with named_when_broken(path, 'not a checkpoint of PyTorch, or not a whole one'):
        content = _load(path, map_location)
    if not isinstance(content, dict):
        raise ValueError(f'{path}: a checkpoint is a dict: a state dict or one that holds it expected, got '
                         f'{type(content).__name__}; save it with torch.save(model.state_dict(), …)')
    return content


def _load(path: Path, map_location: Any) -> Any:
    if is_tar(path):
        raise UnsafeFileError(f'{path}: a tar file, which torch reads only by executing it')
    imports = {name for listing in list_pickles(path).values() for name in listing.imports}
    for name in imports.intersection(REFUSED):
        raise UnsafeFileError(f'{path}: names {name}, which no checkpoint needs; nothing of the file was executed')
    try:
        return torch.load(path, map_location=map_location, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and 'weights_only' not in str(error):
            raise
        found = re.search(r'GLOBAL ([\w.]+)', str(error)) or re.search(r'(getattr\(.*?\))', str(error))
        said = re.search(r'WeightsUnpickler error:\s*(\S.*)', str(error)) or re.search(r'(\S.*)', str(error))
        reason = f'names {found[1]}, which no checkpoint needs' if found else (
            f'{"refused" if imports else "not a checkpoint of PyTorch"} ({said[1].strip() if said else "no pickle"})')
        raise UnsafeFileError(f'{path}: {reason}; nothing of the file was executed') from None


def read_safetensors(path: str | os.PathLike, map_location: Any = None) -> dict[str, Any]:
    """Return the tensors of a ``.safetensors`` file as a checkpoint.

    Args:
        path: The file.
        map_location: A device, as in ``torch.load``; any other value means the CPU. Defaults to None, the CPU.

    Returns:
        dict: ``state_dict`` with the tensors in their stored types, and an empty ``meta``.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeFileError: The path is not a regular file.
        ValueError: The file is broken or not in safetensors format; the message names it.
    """
    require_file(path)
    device = map_location if isinstance(map_location, str | torch.device) else 'cpu'
    with named_when_broken(path):
        tensors = load_file(path)
    return dict(state_dict={name: tensor.to(device) for name, tensor in tensors.items()}, meta={})
