"""Per-sample errors to tables: groups of clips, single clips, and the printed form.

A table maps a selection (``confident``, ``best_per_pose``, …) to a metric to its mean, or a name to a number.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from terminaltables import AsciiTable

Table = dict[str, Any]


def summarise(errors: Mapping[str, Any], chosen: np.ndarray) -> Table:
    """Means over some samples.

    Args:
        errors: Names to (N,) arrays, or to further such mappings; NaN marks a sample without that value.
        chosen: (N,) bool.

    Returns:
        dict: The same names; a name without any value is left out.
    """
    table: Table = {}
    for name, values in errors.items():
        if isinstance(values, Mapping):
            inner = summarise(values, chosen)
            if inner:
                table[name] = inner
        else:
            some = values[chosen]
            some = some[~np.isnan(some)]
            if len(some):
                table[name] = float(some.mean())
    return table


def grouped(errors: Mapping[str, Any], clips: Sequence[str],
            groups: Mapping[str, Sequence[str]] | None) -> dict[str, dict]:
    """Summaries of named groups of clips.

    Args:
        errors: As in :func:`summarise`.
        clips: Clip of each of the N samples.
        groups: Name of a group to its clips. None makes one group ``all`` of everything.

    Returns:
        dict: Name to ``{'num_samples', 'clips', **summary}``; groups without a sample are left out.
    """
    names = np.array([str(clip) for clip in clips])
    members = {'all': sorted(set(names))} if groups is None else groups
    tables = {}
    for group, its_clips in members.items():
        chosen = np.isin(names, list(its_clips))
        if chosen.any():
            tables[group] = {'num_samples': int(chosen.sum()), 'clips': sorted(set(names[chosen])),
                             **summarise(errors, chosen)}
    return tables


def flatten(table: Mapping[str, Any]) -> dict[str, float]:
    """Nested numbers to ``{'confident/MPJPE': …}``; counts and lists are left out."""
    flat = {}
    for name, value in table.items():
        if isinstance(value, Mapping):
            flat.update({f'{name}/{inner}': number for inner, number in flatten(value).items()})
        elif isinstance(value, float):
            flat[name] = value
    return flat


def printed(tables: Mapping[str, Mapping[str, Any]], title: str) -> str:
    """Text table: one row a group and selection, one column a metric."""
    rows = [['group', 'samples', 'pose', 'MPJPE', 'N-MPJPE', 'P-MPJPE', '2D error %', 'mask IoU']]
    for group, table in tables.items():
        poses = [name for name, value in table.items() if isinstance(value, Mapping)] or ['confident']
        for number, pose in enumerate(poses):
            numbers = table.get(pose, {})
            shared = [table.get('2d_error'), table.get('mask_iou')] if pose == 'confident' else [None, None]
            rows.append([group if number == 0 else '', str(table['num_samples']) if number == 0 else '', pose]
                        + [_text(numbers.get(m), '.1f') for m in ('MPJPE', 'N-MPJPE', 'P-MPJPE')]
                        + [_text(shared[0], '.2f'), _text(shared[1], '.3f')])
    return AsciiTable(rows, title).table


def _text(value: float | None, form: str) -> str:
    return '' if value is None else format(value, form)
