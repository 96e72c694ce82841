"""Check that a checkpoint fits a detector; mmengine only warns."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

OF_A_DETECTOR = ('backbone.', 'neck.', 'head.')
OF_A_RUN = ('meta', 'message_hub')  # what resuming needs besides the weights


def check_fits(model: torch.nn.Module, checkpoint: Mapping) -> None:
    """Raise if a checkpoint lacks a tensor of the detector, or has it in another shape or with non-finite values.

    Args:
        model: The detector. Networks that only training needs (discriminator, physique network) are not checked. A
            model without backbone, neck and head is checked as in :func:`check_begins`.
        checkpoint: Content of a checkpoint file, or its ``state_dict`` alone.

    Raises:
        ValueError: The checkpoint does not fit; the message has the first tensor that differs.
    """
    state, needed = tensors_of(checkpoint), {
        name: own for name, own in model.state_dict().items() if name.startswith(OF_A_DETECTOR)}
    if not needed:
        check_begins(model, checkpoint)
    for name, own in needed.items():
        if name not in state:
            raise ValueError(f'weights: no tensor {name!r} in the checkpoint; it was not written by this config')
        shape = getattr(state[name], 'shape', ())
        if not torch.is_tensor(state[name]) or shape != own.shape:
            raise ValueError(f'weights: {name!r} has shape {tuple(shape)}, this config expects {tuple(own.shape)}')
        _check_finite(name, state[name])


def check_begins(model: torch.nn.Module, checkpoint: Mapping) -> None:
    """Raise if training cannot start from a checkpoint: no tensor matches the model, or one is not finite.

    Args:
        model: The model to train. Missing, additional and differently shaped tensors are allowed.
        checkpoint: Content of a checkpoint file, or its ``state_dict`` alone.

    Raises:
        ValueError: The checkpoint is unusable; the message names the tensors.
    """
    state, own = tensors_of(checkpoint), model.state_dict()
    shared = [name for name in own if getattr(state.get(name), 'shape', None) == own[name].shape]
    if not shared:
        raise ValueError(f'weights: none of its {len(state)} tensors ({_first(state)}) is one of the {len(own)} of '
                         f'this model ({_first(own)}); it was written by another config')
    for name in shared:
        _check_finite(name, state[name])


def check_resumes(checkpoint: Mapping) -> None:
    """Raise if a checkpoint has weights only, so that training cannot resume from it.

    Raises:
        ValueError: Something that resuming needs is missing.
    """
    missing = [key for key in OF_A_RUN if key not in checkpoint]
    if missing:
        raise ValueError(f'training cannot resume from it, it has no {", ".join(missing)}; to start a training from '
                         'its weights, use --cfg-options load_from=CHECKPOINT')


def tensors_of(checkpoint: Mapping) -> dict[str, Any]:
    """Return the tensors of a checkpoint by their names in the model.

    Raises:
        ValueError: The ``state_dict`` is not a dict.
    """
    state = checkpoint.get('state_dict', checkpoint)
    if not isinstance(state, Mapping):
        raise ValueError(f'weights: state_dict is a {type(state).__name__}, a dict of tensors is expected')
    return {name.removeprefix('module.'): tensor for name, tensor in state.items()}


def _check_finite(name: str, tensor: torch.Tensor) -> None:
    if not torch.isfinite(tensor).all():
        raise ValueError(f'weights: {name!r} is not finite: the training diverged; use an earlier '
                         'checkpoint')


def _first(names: Mapping) -> str:
    return ', '.join(map(str, list(names)[:2])) + ', …' * (len(names) > 2)
