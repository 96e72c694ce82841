"""Per-sample errors to tables: groups of clips, single clips, and the printed form.

A table maps a selection (``top1``, ``best_of_h_per_pose``, …) to a metric to its mean, or a name to a number.
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
    """What groups samples: a value of the metainfo, as text.

    Args:
        sample: The sample.
        name: ``'action'`` (else the clip), ``'camera'``, or any name in the metainfo.

    Returns:
        str: The value, empty where the sample has none.
    """
    for key in KEYS.get(name, (name, )):
        if sample.get(key) is not None:
            return str(sample[key])
    return ''


def background_of(sample: Sample) -> str:
    """What became of the background of a sample's crop: ``'kept'``, or by which masks it was removed."""
    return str(sample.get('background') or 'kept')


def backgrounds(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Each ``background`` that the kept records have, once."""
    return sorted({result['background'] for result in results})


@dataclass(frozen=True)
class Pooled:
    """A percentage of all that is counted in some samples, each of which counts as much as it holds.

    Attributes:
        hits: (N,) of each sample.
        count: (N,) of each sample.
    """

    hits: np.ndarray
    count: np.ndarray

    def of(self, chosen: np.ndarray) -> float | None:
        """The percentage in the chosen samples (N,) bool; None where they hold nothing."""
        count = self.count[chosen].sum()
        return float(100 * self.hits[chosen].sum() / count) if count else None


def summarise(errors: Mapping[str, Any], chosen: np.ndarray, classes: Sequence[str] | None = None) -> Table:
    """Means over some samples.

    Args:
        errors: Names to (N,) arrays, to (N, H) arrays (their mean is a list of H), to :class:`Pooled` numbers, or to
            further such mappings; NaN marks a sample without that value.
        chosen: (N,) bool.
        classes: Class of each of the N samples: the mean is over the means of the classes. Defaults to None: over the
            samples.

    Returns:
        dict: The same names; a name without any value is left out.
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
    """Mean over the first axis, of all or of each class and then over the classes."""
    if classes is None:
        return values.mean(axis=0)
    return np.mean([values[classes == name].mean(axis=0) for name in np.unique(classes)], axis=0)


def grouped(errors: Mapping[str, Any], clips: Sequence[str], groups: Mapping[str, Sequence[str]] | None,
            classes: Sequence[str] | None = None) -> dict[str, dict]:
    """Summaries of named groups of clips.

    Args:
        errors: As in :func:`summarise`.
        clips: Clip of each of the N samples.
        groups: Name of a group to its clips. None makes one group ``all`` of everything.
        classes: As in :func:`summarise`. Defaults to None.

    Returns:
        dict: Name to ``{'num_samples', 'clips', **summary}``; groups without a sample are left out.

    Raises:
        ValueError: No sample belongs to any of them.
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
    """A summary of each value of a key, such as each action.

    Args:
        errors: As in :func:`summarise`.
        values: Value of each of the N samples.
        classes: As in :func:`summarise`. Defaults to None.

    Returns:
        dict: Value to ``{'num_samples', **summary}``, in the values' order.
    """
    names = np.array(values)
    return {str(name): {'num_samples': int((names == name).sum()), **summarise(errors, names == name, classes)}
            for name in np.unique(names)}


def spread(values: np.ndarray, places: Sequence[int], size: int) -> np.ndarray:
    """Put values (n, ...) at their places in an array (size, ...) of NaN."""
    out = np.full((size, *values.shape[1:]), np.nan)
    out[list(places)] = values
    return out


def flatten(table: Mapping[str, Any]) -> dict[str, float]:
    """Nested numbers to ``{'top1/MPJPE': …}``; counts and lists are left out."""
    flat = {}
    for name, value in table.items():
        if isinstance(value, Mapping):
            flat.update({f'{name}/{inner}': number for inner, number in flatten(value).items()})
        elif isinstance(value, float):
            flat[name] = value
    return flat


def flatten_groups(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """The first group's numbers by their names, those of further groups with the group in front."""
    first, *others = tables
    flat = flatten(tables[first])
    for group in others:
        flat.update({f'{group}/{name}': value for name, value in flatten(tables[group]).items()})
    return flat


def printed(tables: Mapping[str, Mapping[str, Any]], title: str) -> str:
    """Text table: one row a group and selection, one column a metric that any row has."""
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
    # The table's own title vanishes where it is wider than the table.
    return f'{title}\n{AsciiTable([[row[i] for i in kept] for row in [head, *rows]]).table}'


def _columns(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    """Number to its words and form, with those of chosen keypoints (``AUC/14``) behind those of all."""
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
