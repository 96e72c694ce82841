"""Convert released checkpoint files to files that mmxas loads, and back, without executing their content."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch import Tensor

from mmxas.io import read_checkpoint_file
from mmxas.io.atomic_writes import write_atomically
from mmxas.registry import MODELS

from .released_checkpoint import ReleasedConversion, body_model_buffers, from_released, to_released


def read_checkpoint(path: str | Path) -> Any:
    """Read tensors and plain containers of a PyTorch file to the CPU, under ``weights_only``.

    Args:
        path: The file.

    Returns:
        Its content.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not a checkpoint, is truncated, or refers to an object that a checkpoint does not need.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'{path}: no such checkpoint file')
    return read_checkpoint_file(path, 'cpu')


def convert_from_released(source: str | Path, out: str | Path, config: Config) -> ReleasedConversion:
    """Convert a released ``*.pth.tar`` to a checkpoint for ``load_from``, ``mmxas test`` and ``init_model``.

    Args:
        source: The released file.
        out: The new file, written whole or not at all.
        config: Config that will load the file; ``model`` and ``default_scope`` are used.

    Returns:
        The converted content.

    Raises:
        FileNotFoundError: There is no source.
        ValueError: The source is invalid (:func:`read_checkpoint`, :func:`~.released_checkpoint.from_released`), or
            ``source`` and ``out`` are the same file.
    """
    _check_different(source, out)
    converted = from_released(read_checkpoint(source), _reference(config), source)
    meta = {'released_epochs': converted.epochs, 'released_file': Path(source).name}
    _save({'state_dict': converted.state_dict, 'meta': meta}, out)
    return converted


def convert_to_released(source: str | Path, out: str | Path, config: Config, body_model_from: str | Path | None = None
                        ) -> dict[str, Any]:
    """Convert a checkpoint of mmxas to the layout of the released code.

    Args:
        source: A checkpoint with ``state_dict``.
        out: The new file, written whole or not at all.
        config: Config of the checkpoint.
        body_model_from: Released file from which to copy the ``smpl_layer.*`` buffers. Defaults to None, no buffers.

    Returns:
        The written content.

    Raises:
        FileNotFoundError: There is no source.
        ValueError: A file is invalid, or ``source`` and ``out`` are the same file.
    """
    _check_different(source, out)
    content = read_checkpoint(source)
    if not isinstance(content, dict) or not isinstance(content.get('state_dict'), dict):
        raise ValueError(f'{source}: no state_dict, which a checkpoint of mmxas has')
    buffers = None if body_model_from is None else body_model_buffers(read_checkpoint(body_model_from), body_model_from)
    meta = content.get('meta') or {}
    epochs = meta.get('released_epochs', meta.get('epoch'))
    released = to_released(content['state_dict'], _reference(config), epochs, buffers, source)
    _save(released, out)
    return released


def _reference(config: Config) -> dict[str, Tensor]:
    """Return the state dict of the config's model, without loading pre-trained weights."""
    with DefaultScope.overwrite_default_scope(config.get('default_scope', 'mmpose')):
        return MODELS.build(config.model).state_dict()


def _check_different(source: str | Path, out: str | Path) -> None:
    if Path(source).resolve() == Path(out).resolve():
        raise ValueError(f'{out}: is the source itself; give the new file another name')


def _save(content: dict[str, Any], out: str | Path) -> None:
    write_atomically(Path(out), lambda file: torch.save(content, file))
