"""Describe what is evaluated: model, checkpoint and data set; a hook passes it to the metrics."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from mmxas.io import file_sha256

# Attributes that identify a part of a data set.
_FACTS = ('ann_file', 'data_root', 'split', 'subjects', 'actions', 'clips', 'cameras', 'sample_interval', 'indices',
          'box', 'seed', 'num', 'camera_file')


@dataclass(frozen=True)
class EvaluationContext:
    """What is evaluated.

    Args:
        model: The estimator, without its distributed wrapper. Defaults to None: unknown.
        checkpoint: ``file`` and ``sha256`` of the weights, or ``epoch`` and ``iteration`` of a run. Defaults to an
            empty dict: unknown.
        dataset: ``type``, ``mode`` (``'val'`` or ``'test'``), ``count`` and the attributes that identify the split.
            Defaults to an empty dict: unknown.
    """

    model: nn.Module | None = None
    checkpoint: dict[str, Any] = field(default_factory=dict)
    dataset: dict[str, Any] = field(default_factory=dict)


def checkpoint_facts(path: str | None) -> dict[str, Any]:
    """Return a checkpoint's name and, for a local file, its SHA-256.

    Args:
        path: The path or URL it was loaded from, or None for untrained weights.

    Returns:
        ``file`` and ``sha256``, each None where unknown.
    """
    if path is None or not Path(path).is_file():
        return {'file': path, 'sha256': None}
    return {'file': str(path), 'sha256': file_sha256(path)}


def dataset_facts(dataset: Any, mode: str) -> dict[str, Any]:
    """Return a data set's type, size and split; ``FACTS`` of its class lists further attributes to include.

    Args:
        dataset: The data set.
        mode: ``'val'`` or ``'test'``.

    Returns:
        Plain data.
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
        if root and str(facts.get(name, '')).startswith(root):  # independent of where the data are stored
            facts[name] = facts[name][len(root):].lstrip('/')
    return facts
