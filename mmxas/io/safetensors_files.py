"""Weights as safetensors: a header of names and shapes, then numbers. Nothing in such a file can be executed."""
from __future__ import annotations

import os
from typing import Any

import torch
from safetensors.torch import load_file

from .regular_files import named_when_broken, require_file

SUFFIX = '.safetensors'


def read_safetensors(path: str | os.PathLike, map_location: Any = None) -> dict[str, Any]:
    """Return the tensors of a ``.safetensors`` file as a checkpoint.

    Args:
        path: The file.
        map_location: A device, as in ``torch.load``. Defaults to None: the CPU, as for anything but a device.

    Returns:
        dict: ``state_dict``, names to tensors in their stored types, and an empty ``meta``.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeFileError: It is no regular file.
        ValueError: It is broken or no safetensors file; the message names it.
    """
    require_file(path)
    device = map_location if isinstance(map_location, str | torch.device) else 'cpu'
    with named_when_broken(path):
        tensors = load_file(path)
    return dict(state_dict={name: tensor.to(device) for name, tensor in tensors.items()}, meta={})
