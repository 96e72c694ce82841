"""Convert the content of a released checkpoint to the state dict of an :class:`XASPoseEstimator`, and back."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .released_names import DISCRIMINATOR, MODEL, released_names

BODY_MODEL = 'smpl_layer.'
_SHOWN = 3


class ReleasedConversion(NamedTuple):
    """Result of converting a released checkpoint.

    Attributes:
        state_dict: Unchanged tensors under the names of the estimator.
        body_model: Buffers of the body model, as ``<dictionary>/<key>``, which the estimator does not have.
        left_out: Further entries of the file, such as the states of the optimizers.
        epochs: Epoch at which the file was saved, or None.
    """

    state_dict: dict[str, Tensor]
    body_model: list[str]
    left_out: list[str]
    epochs: int | None


def from_released(content: Any, reference: Mapping[str, Tensor], source: object = 'checkpoint') -> ReleasedConversion:
    """Rename the tensors of a released checkpoint, after checking that they match the networks.

    Args:
        content: Content of the file: ``unsup_model``, ``unsup_disc``, and further entries that are not needed.
        reference: State dict of the target estimator; only names, shapes and dtypes are used.
        source: Name of the checkpoint in messages.

    Returns:
        The state dict and what was left out.

    Raises:
        ValueError: The content is not a released checkpoint, a tensor is missing, unknown or rejected by
            :func:`check_tensors`, or ``epochs`` is not a whole number. The message names the tensors.
    """
    networks = {name: _network(content, name, source) for name in (MODEL, DISCRIMINATOR)}
    places = released_names(reference)
    found = {f'{name}/{key}': value for name, network in networks.items() for key, value in network.items()}
    body_model = [name for name in found if name.partition('/')[2].startswith(BODY_MODEL)]
    wanted = {f'{name}/{key}': ours for ours, (name, key) in places.items()}
    tensors = {name: value for name, value in found.items() if name not in body_model}
    check_tensors(tensors, {name: reference[ours] for name, ours in wanted.items()}, source)
    return ReleasedConversion(
        state_dict={ours: tensors[name] for name, ours in wanted.items()}, body_model=body_model,
        left_out=sorted(str(key) for key in content if key not in (*networks, 'epochs')),
        epochs=_epochs(content, source))


def to_released(state_dict: Mapping[str, Tensor], reference: Mapping[str, Tensor], epochs: int | None = None,
                body_model: Mapping[str, Mapping[str, Tensor]] | None = None, source: object = 'checkpoint'
                ) -> dict[str, Any]:
    """Convert a state dict to the content of a released checkpoint; inverse of :func:`from_released`.

    Args:
        state_dict: Tensors of an estimator.
        reference: State dict of the estimator of the released config.
        epochs: Epoch number. Defaults to None: 0.
        body_model: ``smpl_layer.*`` buffers to add per dictionary; the released code needs them for loading. Defaults
            to None: no buffers.
        source: Name of the checkpoint in messages.

    Returns:
        ``unsup_model``, ``unsup_disc`` and ``epochs``; the optimizers' states have no inverse.

    Raises:
        ValueError: A tensor is missing, unknown or rejected by :func:`check_tensors`; the message names it.
    """
    check_tensors(state_dict, reference, source)
    content: dict[str, Any] = {MODEL: {}, DISCRIMINATOR: {}, 'epochs': epochs or 0}
    for ours, (name, key) in released_names(reference).items():
        content[name][key] = state_dict[ours]
    for name, buffers in (body_model or {}).items():
        content[name].update(buffers)
    return content


def body_model_buffers(content: Any, source: object = 'checkpoint') -> dict[str, dict[str, Tensor]]:
    """Return the ``smpl_layer.*`` buffers of both dictionaries of a released checkpoint.

    Args:
        content: Content of the file.
        source: Name of the checkpoint in messages.

    Returns:
        Buffers per dictionary.

    Raises:
        ValueError: The content is not a released checkpoint, or has no such buffers.
    """
    found = {name: {key: value for key, value in _network(content, name, source).items() if key.startswith(BODY_MODEL)}
             for name in (MODEL, DISCRIMINATOR)}
    if not any(found.values()):
        raise ValueError(f'{source}: no {BODY_MODEL}* buffers in {MODEL} and {DISCRIMINATOR}, which the released code '
                         'writes; give one of its files, or go without them')
    return found


def check_tensors(found: Mapping[str, Any], wanted: Mapping[str, Tensor], source: object) -> None:
    """Raise if names, shapes or dtypes of tensors differ from the model's, or values are not finite.

    Args:
        found: Tensors of a checkpoint.
        wanted: Tensors of the model.
        source: Name of the checkpoint in messages.

    Raises:
        ValueError: Tensors differ (the message gives their number and the first names), or a tensor is sparse, not on
            the CPU, or not finite.
    """
    missing = [name for name in wanted if name not in found]
    unknown = [name for name in found if name not in wanted]
    if missing or unknown:
        raise ValueError(f'{source}: ' + '; '.join(
            f'{len(names)} {what} ({_listed(names)})' for what, names in
            (('tensors are missing', missing), ('tensors are of another network', unknown)) if names))
    for name, tensor in wanted.items():
        if not isinstance(found[name], Tensor):
            raise ValueError(f'{source}: {name} is a {type(found[name]).__name__}, a tensor expected')
        if found[name].shape != tensor.shape:
            raise ValueError(f'{source}: {name} has the shape {tuple(found[name].shape)}, but '
                             f'{tuple(tensor.shape)} is expected: a network of another size')
        fault = _fault(found[name], tensor.dtype)
        if fault:
            raise ValueError(f'{source}: {name} {fault}')


def _fault(tensor: Tensor, dtype: torch.dtype) -> str | None:
    """Return what is wrong with layout, dtype or values of a tensor, or None."""
    if tensor.layout != torch.strided or tensor.device.type != 'cpu':
        return f'is of {tensor.layout} on {tensor.device}, torch.strided on the cpu expected: save it as a dense tensor'
    if tensor.dtype != dtype:
        return f'holds {tensor.dtype}, {dtype} expected: save it as that'
    bad = int((~torch.isfinite(tensor)).sum())
    return f'holds {bad} numbers that are not finite: take a checkpoint from before training diverged' if bad else None


def _epochs(content: Mapping[str, Any], source: object) -> int | None:
    epochs = content.get('epochs')
    if epochs is not None and (not isinstance(epochs, int) or isinstance(epochs, bool)):
        raise ValueError(f'{source}: epochs is {epochs!r}, a whole number expected; set it to that of the epoch, or '
                         'remove it')
    return epochs


def _network(content: Any, name: str, source: object) -> Mapping[str, Any]:
    if not isinstance(content, Mapping):
        raise ValueError(f'{source}: a dictionary expected, {type(content).__name__} found; not a released checkpoint')
    network = content.get(name)
    if not isinstance(network, Mapping):
        has = 'a checkpoint of mmengine, it has state_dict' if 'state_dict' in content else \
            f'it has {_listed(sorted(map(str, content))) or "nothing"}'
        raise ValueError(f'{source}: no dictionary {name!r}, which a released checkpoint has ({has})')
    return network


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    return ', '.join(names[:_SHOWN]) + (', …' if len(names) > _SHOWN else '')
