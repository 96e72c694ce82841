"""Tables of errors: by group of clips, by key, and in printed form.

A table maps a selection (``top1``, ``best_of_h_per_pose``, …) to ``{metric: mean}``, or a name to a number.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from terminaltables import AsciiTable

Table = dict[str, Any]
Sample = Mapping[str, Any]
# `camera` of a sample holds matrices; its name is `camera_name`. A data set without actions groups frames by clip.
KEYS = {'camera': ('camera_name', ), 'action': ('action', 'clip')}

_COLUMNS = {'MPJPE': ('MPJPE', '.1f'), 'N-MPJPE': ('N-MPJPE', '.1f'), 'P-MPJPE': ('P-MPJPE', '.1f'),
            'PCK@150mm': ('PCK@150mm', '.1f'), 'AUC': ('AUC', '.1f'), '2d_error': ('2D error %', '.2f'),
            'pckh': ('PCKh@0.5', '.1f'), 'mask_iou': ('mask IoU', '.3f')}
_SHARED = ('2d_error', 'pckh', 'mask_iou')


def sample_key(sample: Sample, name: str) -> str:
    """Return the value of a sample's metainfo by which samples are grouped, as text.

    Args:
        sample: The sample.
        name: ``'action'`` (the clip if there is no action), ``'camera'``, or any key of the metainfo.

    Returns:
        The value, or an empty string.
    """
    for key in KEYS.get(name, (name, )):
        if sample.get(key) is not None:
            return str(sample[key])
    return ''


def background_of(sample: Sample) -> str:
    """Return ``'kept'``, or by which masks the background of a sample's crop was removed."""
    return str(sample.get('background') or 'kept')


def backgrounds(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the distinct values of ``background`` in the records."""
    return sorted({result['background'] for result in results})


@dataclass(frozen=True)
class Pooled:
    """A percentage pooled over samples: each sample is weighted by its count.

    Attributes:
        hits: (N,) hits per sample.
        count: (N,) count per sample.
    """

    hits: np.ndarray
    count: np.ndarray

    def of(self, chosen: np.ndarray) -> float | None:
        """Return the percentage in the chosen samples (N,) bool; None if their count is 0."""
        count = self.count[chosen].sum()
        return float(100 * self.hits[chosen].sum() / count) if count else None


def summarise(errors: Mapping[str, Any], chosen: np.ndarray, classes: Sequence[str] | None = None) -> Table:
    """Return means over the chosen samples.

    Args:
        errors: Maps names to (N,) arrays, (N, H) arrays (their mean is a list of H), :class:`Pooled` numbers, or nested
            mappings of these; NaN marks a sample without the value.
        chosen: (N,) bool.
        classes: Class of each of the N samples, to average over the means of the classes. Defaults to None: average
            over the samples.

    Returns:
        The same names; names without any value are left out.
    """
    table: Table = {}
    for name, values in errors.items():
        if isinstance(values, Mapping):
            inner = summarise(values, chosen, classes)
            if inner:
                table[name] = inner
        elif isinstance(values, Pooled):
            if (value := values.of(chosen)) is not None:
                table[name] = value
        else:
            kept = chosen & ~np.isnan(values).reshape(len(values), -1).any(axis=1)
            if kept.any():
                table[name] = _mean(values[kept], None if classes is None else np.asarray(classes)[kept]).tolist()
    return table


def _mean(values: np.ndarray, classes: np.ndarray | None) -> np.ndarray:
    """Return the mean over the first axis, or the mean over the means of the classes."""
    if classes is None:
        return values.mean(axis=0)
    return np.mean([values[classes == name].mean(axis=0) for name in np.unique(classes)], axis=0)


def grouped(errors: Mapping[str, Any], clips: Sequence[str], groups: Mapping[str, Sequence[str]] | None,
            classes: Sequence[str] | None = None) -> dict[str, dict]:
    """Return a summary per named group of clips.

    Args:
        errors: As in :func:`summarise`.
        clips: The clips of the N samples.
        groups: ``{group: its clips}``; None makes one group ``all`` of all samples.
        classes: As in :func:`summarise`. Defaults to None.

    Returns:
        Maps each group to ``{'num_samples', 'clips', **summary}``; groups without samples are left out.

    Raises:
        ValueError: No sample belongs to any group.
    """
    names = np.array([str(clip) for clip in clips])
    members = {'all': sorted(set(names))} if groups is None else groups
    tables = {}
    for group, its_clips in members.items():
        chosen = np.isin(names, list(its_clips))
        if chosen.any():
            tables[group] = {'num_samples': int(chosen.sum()), 'clips': sorted(set(names[chosen].tolist())),
                             **summarise(errors, chosen, classes)}
    if not tables:
        raise ValueError(f"no sample belongs to a group: the groups are {dict(members)}, the samples' clips "
                         f'{sorted(set(names.tolist()))}')
    return tables


def tables_by(errors: Mapping[str, Any], values: Sequence[str],
              classes: Sequence[str] | None = None) -> dict[str, dict]:
    """Return a summary per value of a key, for example per action.

    Args:
        errors: As in :func:`summarise`.
        values: The key's value for each of the N samples.
        classes: As in :func:`summarise`. Defaults to None.

    Returns:
        Maps each value to ``{'num_samples', **summary}``, in the order of the values.
    """
    names = np.array(values)
    return {str(name): {'num_samples': int((names == name).sum()), **summarise(errors, names == name, classes)}
            for name in np.unique(names)}


def spread(values: np.ndarray, places: Sequence[int], size: int) -> np.ndarray:
    """Return an array (size, ...) with the values (n, ...) at ``places`` and NaN elsewhere."""
    out = np.full((size, *values.shape[1:]), np.nan)
    out[list(places)] = values
    return out


def flatten(table: Mapping[str, Any]) -> dict[str, float]:
    """Flatten nested numbers to ``{'top1/MPJPE': …}``; counts and lists are left out."""
    flat = {}
    for name, value in table.items():
        if isinstance(value, Mapping):
            flat.update({f'{name}/{inner}': number for inner, number in flatten(value).items()})
        elif isinstance(value, float):
            flat[name] = value
    return flat


def flatten_groups(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Flatten the numbers of all groups; names of the second and later groups are prefixed with the group."""
    first, *others = tables
    flat = flatten(tables[first])
    for group in others:
        flat.update({f'{group}/{name}': value for name, value in flatten(tables[group]).items()})
    return flat


def printed(tables: Mapping[str, Mapping[str, Any]], title: str) -> str:
    """Return a text table: one row per group and selection, one column per metric."""
    rows, columns = [], _columns(tables)
    for group, table in tables.items():
        poses = [name for name, value in table.items()
                 if isinstance(value, Mapping) and all(isinstance(v, float) for v in value.values())] or ['top1']
        for number, pose in enumerate(poses):
            shared = table if pose == 'top1' else {}
            numbers = {**table.get(pose, {}), **{n: v for n, v in shared.items() if n.partition('/')[0] in _SHARED}}
            rows.append([group if number == 0 else '', str(table['num_samples']) if number == 0 else '', pose]
                        + [_text(numbers.get(name), form) for name, (_, form) in columns.items()])
    head = ['group', 'samples', 'pose', *(words for words, _ in columns.values())]
    kept = [i for i in range(len(head)) if i < 3 or any(row[i] for row in rows)]
    # AsciiTable drops a title that is wider than the table.
    return f'{title}\n{AsciiTable([[row[i] for i in kept] for row in [head, *rows]]).table}'


def _columns(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    """Return title and format of each number; those of chosen keypoints (``AUC/14``) come after those of all."""
    names = {name: None for table in tables.values() for name in [*table, *(
        inner for value in table.values() if isinstance(value, Mapping) for inner in value)]}
    columns = {}
    for name, (words, form) in _COLUMNS.items():
        columns[name] = words, form
        for chosen in names:
            base, _, number = chosen.partition('/')
            if base == name and number:
                columns[chosen] = f'{words} of {number}', form
    return columns


def _text(value: float | None, form: str) -> str:
    return '' if value is None else format(value, form)
