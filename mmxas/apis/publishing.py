"""Publish a checkpoint: half-precision safetensors and their entry in the metafile."""
from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import yaml
from mmengine.config import Config
from mmengine.registry import init_default_scope
from safetensors.torch import save
from torch import Tensor, nn

from mmxas.io import read_checkpoint_file, shipped_files
from mmxas.io.atomic_writes import write_atomically
from mmxas.registry import MODELS

from .checkpoint_checks import check_fits
from .model_zoo import ZooModel, is_model_name, known_models

MAX_BYTES = 8_000_000
STATISTICS = ('running_mean', 'running_var')
# Networks that only training needs, in the order in which they are dropped if the file is too large.
TRAINING_ONLY = ('discriminator', 'physique')


@dataclass(frozen=True)
class Published:
    """A written file of weights.

    Attributes:
        path: The file.
        num_bytes: Its size.
        fields: Its fields in the metafile: ``Alias``, ``Weights``, ``SHA256``.
        left_out: Networks that were left out to limit the size.
        metafile: The metafile that was changed; None if none was.
    """

    path: Path
    num_bytes: int
    fields: dict[str, str]
    left_out: tuple[str, ...]
    metafile: Path | None


def publish(checkpoint: str | os.PathLike, config: Config, name: str, out: str | os.PathLike | None = None,
            max_bytes: int = MAX_BYTES) -> Published:
    """Write a checkpoint as published weights, and enter them in the metafile.

    Args:
        checkpoint: A training checkpoint.
        config: Its config. Without ``out``, a metafile must list it.
        name: Name of the weights: the ``Alias`` in the metafile, and the file's name.
        out: Write this file and do not change the metafile. Defaults to None: ``mmxas/weights/<name>.safetensors``.
        max_bytes: Largest size of the file. Defaults to 8,000,000.

    Raises:
        FileNotFoundError: The checkpoint does not exist.
        ValueError: ``name`` has characters other than letters, digits, ``_`` and ``-``, the checkpoint does not fit the
            config, no metafile lists the config, another model has the name, a value does not fit into half
            precision, or the detector alone is too large.
    """
    if not is_model_name(name):
        raise ValueError(f'{name!r}: letters, digits, _ and - expected in a name')
    model = None if out is not None else _listed(config, name)
    init_default_scope(config.get('default_scope', 'mmpose'))
    tensors, left_out = published_tensors(
        MODELS.build(config.model), read_checkpoint_file(checkpoint, 'cpu'), max_bytes)
    relative = f'mmxas/weights/{name}.safetensors'
    path = shipped_files.PACKAGE_ROOT.parent / relative if out is None else Path(out)
    data = to_bytes(tensors, config.filename)
    write_atomically(path, lambda file: file.write(data))
    fields = dict(Alias=name, Weights=relative, SHA256=hashlib.sha256(data).hexdigest())
    if model is not None:
        text = with_fields(model.metafile.read_text(encoding='utf-8'), model.name, fields)
        write_atomically(model.metafile, lambda file: file.write(text.encode()))
    return Published(path, len(data), fields, left_out, model and model.metafile)


def published_tensors(model: nn.Module, checkpoint: Mapping, max_bytes: int = MAX_BYTES
                      ) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Return the tensors to store, and the networks left out to limit the file's size.

    Args:
        model: The estimator of the config.
        checkpoint: Content of the checkpoint.
        max_bytes: Largest size of the file. Defaults to 8,000,000.

    Returns:
        Tensors by name, and the left-out networks: first the discriminator, then the physique network.

    Raises:
        ValueError: The checkpoint does not fit the model, a value does not fit into half precision, or the detector
            alone is too large.
    """
    check_fits(model, checkpoint)
    state = checkpoint.get('state_dict', checkpoint)
    tensors = {name: stored_tensor(name, state[name]) for name in model.state_dict() if name in state}
    left_out: list[str] = []
    while (size := len(to_bytes(tensors, ''))) > max_bytes:
        parts = [part for part in TRAINING_ONLY if any(name.startswith(f'{part}.') for name in tensors)]
        if not parts:
            raise ValueError(f'the detector alone has {size} bytes in half precision, at most {max_bytes} are allowed')
        left_out.append(parts[0])
        tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith(f'{parts[0]}.')}
    return tensors, tuple(left_out)


def stored_tensor(name: str, tensor: Tensor) -> Tensor:
    """Return a tensor as stored: float16; float32 for batch statistics; integers unchanged.

    Raises:
        ValueError: A value is not finite, or too large for float16.
    """
    kept = not tensor.is_floating_point() or name.endswith(STATISTICS)
    stored = tensor.detach().cpu().to(torch.float32 if name.endswith(STATISTICS) else
                                      tensor.dtype if kept else torch.float16).contiguous().clone()
    if not stored.isfinite().all():
        largest = tensor.detach().abs().max().item()
        raise ValueError(f'{name}: values up to {largest:g}; float16 holds finite values up to 65504 only')
    return stored


def to_bytes(tensors: Mapping[str, Tensor], config: str | None) -> bytes:
    """Return the bytes of a safetensors file, a function of the tensors and the config's name only."""
    # A single key: with several, their order in the header is not fixed.
    return save(dict(tensors), metadata=dict(mmxas=json.dumps(dict(config=Path(config or '').stem))))


def with_fields(text: str, name: str, fields: Mapping[str, str]) -> str:
    """Return a metafile's text with fields of one entry set and everything else unchanged.

    Args:
        text: The metafile.
        name: The entry's ``Name``.
        fields: Values by field; written after ``Config``.

    Raises:
        ValueError: There is no such entry, or it has no ``Config``.
    """
    lines = text.splitlines()
    starts = [index for index, line in enumerate(lines) if line.startswith('- Name:')] + [len(lines)]
    begin = next((index for index in starts[:-1] if lines[index].split() == ['-', 'Name:', name]), None)
    if begin is None:
        raise ValueError(f'metafile: no entry - Name: {name}')
    end = starts[starts.index(begin) + 1]
    kept = [line for line in lines[begin:end] if not line.startswith(tuple(f'  {key}:' for key in fields))]
    config = next((index for index, line in enumerate(kept) if line.startswith('  Config:')), None)
    if config is None:
        raise ValueError(f'metafile: the entry {name} has no Config')
    entry = [*kept[:config + 1], *(f'  {key}: {_quoted(value)}' for key, value in fields.items()), *kept[config + 1:]]
    return '\n'.join([*lines[:begin], *entry, *lines[end:]]) + '\n'


def _quoted(value: str) -> str:
    """Return a text as YAML: quoted if it would be read as a number or a boolean."""
    return yaml.safe_dump(value, width=1000).splitlines()[0]


def _listed(config: Config, name: str) -> ZooModel:
    """Return the metafile's entry of a config; raise if another entry has the name."""
    models = known_models()
    path = Path(config.filename or '').resolve()
    found = next((model for model in models if model.config.resolve() == path), None)
    if found is None:
        raise ValueError(f'{config.filename}: no metafile lists this config; add an entry, or give --out to write the '
                         'weights only')
    owner = next((model for model in models if name in (model.name, *model.aliases) and model is not found), None)
    if owner is not None:
        raise ValueError(f'{name!r} is a name of {owner.name} in {owner.metafile}; remove its Alias, Weights and '
                         'SHA256 there first')
    return found
