"""Compare results side by side, provided that they were measured in the same way."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from terminaltables import AsciiTable

from mmxas.evaluation.report import flatten

# Fields that must agree for two numbers to be comparable; the folder of a data set may differ.
_MEASURE = ('metric', 'protocol', 'frame', 'unit', 'root', 'skeleton', 'alignment', 'weights', 'dataset',
            'background', 'num_samples', 'num_labelled', 'num_frame_sets')
_ELSEWHERE = {'dataset.data_root', 'dataset.mode'}

Result = Mapping[str, Any]


def differences(results: Sequence[Result]) -> dict[str, list[Any]]:
    """Return the fields in which the measurements of results differ.

    Args:
        results: Two or more results.

    Returns:
        Dotted name of a field, such as ``protocol.switches.left_right_switch``, to its value in each result
        (None where the field is missing); empty if all agree. Checkpoints and numbers of hypotheses may differ.
    """
    fields = [_fields({name: result.get(name) for name in _MEASURE}) for result in results]
    names = sorted(set().union(*fields) - _ELSEWHERE)
    values = {name: [found.get(name) for found in fields] for name in names}
    return {name: found for name, found in values.items() if any(value != found[0] for value in found[1:])}


def compare(results: Sequence[Result], names: Sequence[str], force: bool = False, by: str | None = None) -> str:
    """Return a text table: one row per number, one column per result, and the difference for two results.

    Args:
        results: Two or more results.
        names: Their names.
        force: Compare results that were measured differently; the differences are listed above the table. Defaults to
            False.
        by: Compare the tables grouped by this key, such as ``'action'``. Defaults to None: by group.

    Returns:
        The table.

    Raises:
        ValueError: There are fewer than two results, one has no such tables, or they were measured differently; the
            message lists the fields.
    """
    if len(results) < 2 or len(results) != len(names):
        raise ValueError(f'two results or more, each with a name, expected, got {len(results)} and {len(names)} names')
    apart = differences(results)
    listed = '\n'.join(f'  {name}: {" | ".join(map(str, values))}' for name, values in apart.items())
    if apart and not force:
        raise ValueError(f'the results were measured differently (--force compares them anyway):\n{listed}')
    columns = [_numbers(result, name, by) for result, name in zip(results, names)]
    head = ['', *names, *(['difference'] if len(names) == 2 else [])]
    rows = [['checkpoint', *(_checkpoint(result) for result in results), *([''] if len(names) == 2 else [])],
            ['hypotheses', *(str(result.get('num_hypotheses') or '') for result in results),
             *([''] if len(names) == 2 else [])]]
    for row in dict.fromkeys(name for column in columns for name in column):
        rows.append([row, *_cells([column.get(row) for column in columns])])
    table = f'{_title(results[0])}\n{AsciiTable([head, *rows]).table}'
    return f'measured differently:\n{listed}\n{table}' if apart else table


def _title(result: Result) -> str:
    return f'{result["metric"]}, {result["protocol"]["name"]}, {result.get("unit", "")}'


def _numbers(result: Result, name: str, by: str | None) -> dict[str, float]:
    tables = result.get('groups') if by is None else result.get('tables', {}).get(by)
    if not tables:
        raise ValueError(f'{name}: no tables by {by or "groups"}; it has {sorted(result.get("tables", {}))}')
    return flatten(tables)


def _cells(values: list[float | None]) -> list[str]:
    cells = ['' if value is None else f'{value:.4g}' if abs(value) < 10 else f'{value:.1f}' for value in values]
    if len(values) != 2:
        return cells
    return [*cells, '' if None in values else f'{values[1] - values[0]:+.3g}']


def _checkpoint(result: Result) -> str:
    checkpoint = result.get('checkpoint') or {}
    if checkpoint.get('sha256'):
        return checkpoint['sha256'][:12]
    return f'epoch {checkpoint["epoch"]}' if 'epoch' in checkpoint else str(checkpoint.get('file'))


def _fields(value: Any, prefix: str = '') -> dict[str, Any]:
    """Flatten nested mappings to dotted names; empty mappings are dropped."""
    if not isinstance(value, Mapping):
        return {prefix: value}
    flat: dict[str, Any] = {}
    for name, inner in value.items():
        flat.update(_fields(inner, f'{prefix}.{name}' if prefix else str(name)))
    return flat
