"""What is evaluated: which model, of which checkpoint, on which data; a hook tells the metrics."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from mmxas.io import file_sha256

# What tells one part of a data set from another, in many data sets.
_FACTS = ('ann_file', 'data_root', 'split', 'subjects', 'actions', 'clips', 'cameras', 'sample_interval', 'indices',
          'box', 'seed', 'num', 'camera_file')


@dataclass(frozen=True)
class EvaluationContext:
    """What is evaluated.

    Args:
        model: The estimator, out of its distributed wrapper. Defaults to None: unknown.
        checkpoint: ``file`` and ``sha256`` of the weights' file, or ``epoch`` and ``iteration`` of a run. Defaults to
            unknown, an empty dict.
        dataset: ``type``, ``mode`` (``'val'`` or ``'test'``), ``count`` and what tells the split. Defaults to unknown.
    """

    model: nn.Module | None = None
    checkpoint: dict[str, Any] = field(default_factory=dict)
    dataset: dict[str, Any] = field(default_factory=dict)


def checkpoint_facts(path: str | None) -> dict[str, Any]:
    """A checkpoint's name and the SHA-256 of its file; of one that is no local file (a URL, none) only the name.

    Args:
        path: As it was loaded, or None for untrained weights.

    Returns:
        dict: ``file`` and ``sha256``, each None where unknown.
    """
    if path is None or not Path(path).is_file():
        return {'file': path, 'sha256': None}
    return {'file': str(path), 'sha256': file_sha256(path)}


def dataset_facts(dataset: Any, mode: str) -> dict[str, Any]:
    """A data set's type, size and split, as far as its attributes say; ``FACTS`` of its class names filters of its own.

    Args:
        dataset: The data set of a loader.
        mode: ``'val'`` or ``'test'``.

    Returns:
        dict: Plain data.
    """
    facts = {'type': type(dataset).__name__, 'mode': mode, 'count': len(dataset)}
    for name in (*_FACTS, *getattr(dataset, 'FACTS', ())):
        value = getattr(dataset, name, None)
        if isinstance(value, str | int | float | Path):
            facts[name] = str(value) if isinstance(value, Path) else value
        elif isinstance(value, Sequence) and all(isinstance(v, str | int | float) for v in value):
            facts[name] = list(value)
    root = facts.get('data_root')
    for name in ('ann_file', 'camera_file'):
        if root and str(facts.get(name, '')).startswith(root):  # the same file, wherever the data lie
            facts[name] = facts[name][len(root):].lstrip('/')
    return facts
