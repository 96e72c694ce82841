"""``python -m benchmarks.report``: keep the results of ``python -m benchmarks`` in docs/results/operations.json.

``python docs/scripts/tables.py`` then writes them into docs/performance.md, as :func:`operations` formats them.
"""
from __future__ import annotations

import json
from typing import Any

from benchmarks.comparison import ROOT
from mmxas.io.atomic_writes import write_atomically

RESULTS = ROOT / 'benchmarks/results/latest.json'
KEPT = ROOT / 'docs/results/operations.json'


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines)


def number(value: float | None, digits: int = 3) -> str:
    """Format a number with significant digits; a dash for None."""
    if value is None:
        return '–'
    return f'{value:.0f}' if abs(value) >= 10**(digits - 1) else f'{value:.{digits}g}'


def operations(content: dict[str, Any]) -> str:
    """Return the table of ``make bench``."""
    rows = []
    for name, row in content['operations'].items():
        memory = number(row['memory_ratio'], 2)
        if row['plain_mb'] is not None:
            memory += f' ({number(row["ours_mb"])} of {number(row["plain_mb"])} MB)'
        aims = [f'≥ {row["aim_speedup"]:g}×' if row['aim_speedup'] else '',
                f'memory ≤ {row["aim_memory_ratio"]}' if row['aim_memory_ratio'] else '',
                f'≤ {row["aim_ms"]:.0f} ms' if row['aim_ms'] else '']
        speedup = '–' if row['speedup'] is None else f'{number(row["speedup"])}×'
        against = '–'
        if row['against_authors'] is not None:
            against = (f'{number(row["plain_as_authors_ms"])} for {number(row["authors_ms"])} '
                       f'({100 * row["against_authors"]:+.0f} %)')
        aims = ', '.join(aim for aim in aims if aim)
        reached = ('yes' if row['holds'] else 'no') if aims else '–'
        rows.append([f'`{name}`', str(row['threads']), number(row['plain_ms']), number(row['ours_ms']), speedup, memory,
                     aims or '–', reached, against])
    head = ['operation', 'threads', 'plain, ms', 'ours, ms', 'speedup', 'memory', 'aim', 'reached',
            "plain for the authors' ms"]
    repetitions = min(row['repetitions'] for row in content['operations'].values())
    return f'{content["machine"]}; medians of {repetitions} or more.\n\n' + table(head, rows)


def main() -> None:
    """Copy the results."""
    content = RESULTS.read_bytes()
    operations(json.loads(content))
    write_atomically(KEPT, lambda file: file.write(content))


if __name__ == '__main__':
    main()
