"""Whether a checkpoint is one of a detector, where mmengine only warns."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

OF_A_DETECTOR = ('backbone.', 'neck.', 'head.')
OF_A_RUN = ('meta', 'message_hub')  # what resuming reads beside the weights


def check_fits(model: torch.nn.Module, checkpoint: Mapping) -> None:
    """Refuse a checkpoint that lacks a tensor of the detector, holds it in another shape, or holds no numbers in it.

    Args:
        model: The detector; what only training needs (a discriminator, a physique network) is not looked for. A model
            without backbone, neck and head is treated as in :func:`check_begins`.
        checkpoint: Content of a checkpoint file, or its ``state_dict`` alone.

    Raises:
        ValueError: It is not one of this detector; the first tensor that differs is named.
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
    """Refuse a checkpoint that a training cannot begin from: no tensor of it is the model's, or one is not finite.

    Args:
        model: What is trained. Tensors that one of both lacks, or has in another shape, are none of this matter.
        checkpoint: Content of a checkpoint file, or its ``state_dict`` alone.

    Raises:
        ValueError: It is such a checkpoint; tensors are named.
    """
    state, own = tensors_of(checkpoint), model.state_dict()
    shared = [name for name in own if getattr(state.get(name), 'shape', None) == own[name].shape]
    if not shared:
        raise ValueError(f'weights: none of its {len(state)} tensors ({_first(state)}) is one of the {len(own)} of '
                         f'this model ({_first(own)}); it was not written by this config')
    for name in shared:
        _check_finite(name, state[name])


def check_resumes(checkpoint: Mapping) -> None:
    """Refuse weights alone where a training is to go on.

    Raises:
        ValueError: Something is missing that resuming reads; it is named.
    """
    missing = [key for key in OF_A_RUN if key not in checkpoint]
    if missing:
        raise ValueError(f'no training can go on from it, it has no {", ".join(missing)}; to begin one from its '
                         'weights, give it by --cfg-options load_from=CHECKPOINT')


def tensors_of(checkpoint: Mapping) -> dict[str, Any]:
    """Return the tensors of a checkpoint by the names that a model has for them.

    Raises:
        ValueError: Its ``state_dict`` is no dict.
    """
    state = checkpoint.get('state_dict', checkpoint)
    if not isinstance(state, Mapping):
        raise ValueError(f'weights: state_dict is a {type(state).__name__}, a dict of tensors is expected')
    return {name.removeprefix('module.'): tensor for name, tensor in state.items()}


def _check_finite(name: str, tensor: torch.Tensor) -> None:
    if not torch.isfinite(tensor).all():
        raise ValueError(f'weights: {name!r} is not finite: the training that wrote it had diverged; take an earlier '
                         'checkpoint')


def _first(names: Mapping) -> str:
    return ', '.join(map(str, list(names)[:2])) + ', …' * (len(names) > 2)
