"""Dump and replay a batch whose loss was not finite; the file holds plain data and executes no code when loaded."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.runner import set_random_seed
from mmengine.structures import BaseDataElement, InstanceData, PixelData
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from mmxas.io import read_checkpoint_file
from mmxas.io.atomic_writes import write_atomically

_TYPES = {kind.__name__: kind for kind in (PoseDataSample, InstanceData, PixelData)}
FORMAT = 'mmxas batch 1'


def to_plain(item: Any) -> Any:
    """Convert to tensors, numbers, text and containers: data elements become dicts, other objects their text."""
    if isinstance(item, BaseDataElement):
        return {'element': type(item).__name__, 'metainfo': to_plain(dict(item.metainfo_items())),
                'data': to_plain(dict(item.items()))}
    if isinstance(item, Mapping):
        return {str(key): to_plain(value) for key, value in item.items()}
    if isinstance(item, list | tuple):
        return [to_plain(value) for value in item]
    if isinstance(item, np.generic):
        return item.item()
    if isinstance(item, np.ndarray):
        return item if item.dtype.kind in 'biuf' else item.tolist()
    return item if isinstance(item, Tensor | str | int | float | bool | type(None)) else str(item)


def from_plain(item: Any) -> Any:
    """Restore the data elements of :func:`to_plain`."""
    if isinstance(item, dict) and item.get('element') in _TYPES:
        element = _TYPES[item['element']](metainfo=from_plain(item['metainfo']))
        for name, value in from_plain(item['data']).items():
            setattr(element, name, value)
        return element
    if isinstance(item, dict):
        return {key: from_plain(value) for key, value in item.items()}
    if isinstance(item, list):
        return [from_plain(value) for value in item]
    return item


def dump_batch(path: Path, model: nn.Module, batch: Mapping, facts: Mapping[str, Any]) -> None:
    """Write a batch and its model, atomically.

    Args:
        path: The file.
        model: The model, whose weights are stored.
        batch: The data loader's output.
        facts: ``seed`` of the iteration, ``loss_weights`` of its stage, ``device`` type, ``autocast`` (device type and
            dtype, or None), ``iteration``, ``error``, and ``config``, the text of the config.
    """
    content = {'format': FORMAT, 'batch': to_plain(batch), 'state_dict': model.state_dict(), **to_plain(facts)}
    write_atomically(path, lambda file: torch.save(content, file))


def read_batch(path: str | Path) -> dict[str, Any]:
    """Read a file of :func:`dump_batch`.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is not a dump.
    """
    content = read_checkpoint_file(path, 'cpu')
    if not isinstance(content, dict) or content.get('format') != FORMAT:
        raise ValueError(f'{path}: a batch dumped by a training expected ({FORMAT!r})')
    return {**content, 'batch': from_plain(content['batch'])}


def replay_device(dump: Mapping[str, Any]) -> str:
    """Return the device type for a replay: the run's, or the CPU if that is not available."""
    return 'cuda' if dump.get('device') == 'cuda' and torch.cuda.is_available() else 'cpu'


def replay(model: nn.Module, dump: Mapping[str, Any]) -> dict[str, float]:
    """Recompute the losses of a dumped batch on :func:`replay_device`, in the run's precision.

    Args:
        model: A model of the dump's config; its weights and stage are set.
        dump: From :func:`read_batch`.

    Returns:
        All losses, finite or not.
    """
    device = replay_device(dump)
    model.load_state_dict(dump['state_dict'])
    model.to(device)
    model.set_stage(dump['loss_weights'])
    model.train()
    found: dict[str, float] = {}
    check = model._check_finite

    def keep(losses: Mapping[str, Tensor], _samples: Any) -> None:
        found.update({name: float(value.detach()) for name, value in losses.items()})

    dtype = (dump['autocast'] or (None, None))[1]
    model._check_finite = keep
    try:
        set_random_seed(int(dump['seed']))
        with torch.autocast(device, dtype=dtype and getattr(torch, dtype), enabled=dtype is not None):
            data = model.data_preprocessor(dump['batch'], True)
            model(**data, mode='loss')
    finally:
        model._check_finite = check
    return found
