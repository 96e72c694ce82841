"""``python -m benchmarks.report``: put what the other benchmarks measured into docs/performance.md.

A table of the page stands between ``<!-- NAME -->`` and ``<!-- end -->``; one whose results are not there stays.
"""
from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.comparison import ROOT
from mmxas.io.atomic_writes import write_atomically

PAGE = ROOT / 'docs/performance.md'
RESULTS = ROOT / 'benchmarks/results'
# Assumptions of the projection; nothing of it was measured.
GPUS, PAIRS_A_GPU = 8, 32
LINKS_GB_S = (10, 100)
GPU_TFLOP_S = 50


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines)


def number(value: float | None, digits: int = 3) -> str:
    """A number with so many significant digits, or a dash."""
    if value is None:
        return '–'
    return f'{value:.0f}' if abs(value) >= 10**(digits - 1) else f'{value:.{digits}g}'


def operations(content: dict[str, Any]) -> str:
    """Rows of ``make bench``."""
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


def curves(content: dict[str, Any]) -> str:
    """A row a curve: its points, and the slopes of time and memory; then the picture."""
    rows = []
    for name, curve in content['curves'].items():
        points = '; '.join(f'{v}: {number(t)} / {number(m)}'
                           for v, t, m in zip(curve['values'], curve['ms'], curve['mb']))
        rows.append([name, points, f'{curve["slope_ms"]:.2f}', f'{curve["slope_mb"]:.2f}'])
    head = table(['curve', 'value: ms / MB', 'slope of time', 'slope of memory'], rows)
    return f'{content["threads"]} threads.\n\n{head}\n\n![Time and memory against size](images/scaling.png)'


def roofline(content: dict[str, Any]) -> str:
    """The measured rates, and a row a bound."""
    rate = content['rates']
    rows = []
    for name, operation in content['operations'].items():
        parts = ['; '.join(f'{part}: {number(value)}' for part, value in operation['parts_ms'][kind].items()) or '–'
                 for kind in ('memory', 'processor')]
        times = [number(operation.get(key)) for key in ('bound_ms', 'sum_ms', 'aim_ms', 'measured_ms')]
        share = 100 * operation['bound_ms'] / operation['measured_ms']
        rows.append([f'`{name}`', *parts, *times, f'{share:.0f} %'])
    text = (f'Measured rates with {content["threads"]} threads: memory {rate["memory"]:.1f} GB/s (copy), new pages '
            f'{rate["fresh"]:.1f} GB/s, cache {rate["cache"]:.0f} GB/s, {rate["exp"]:.2f} · 10⁹ exponentials/s, '
            f'{rate["gemm"]:.0f} GFLOP/s in float32 by torch\'s matrix product of 1728 x 256 x 128, '
            f'{rate["onednn"]:.0f} by oneDNN\'s, {rate["conv"]:.0f} by its convolution.')
    return f'{text}\n\n' + table(['operation', 'memory, ms', 'processor, ms', 'bound (the longer), ms', 'sum, ms',
                                  'aim, ms', 'measured, ms', 'bound / measured'], rows)


def products(content: dict[str, Any]) -> str:
    """A row a form of the discriminator."""
    rows = [[f'`{form}`', number(row['gflop']), number(row['wide_ms']), number(row['products_ms']),
             number(row['whole_ms'])] for form, row in content['products'].items()]
    return table(['form', 'matrix products, GFLOP', 'at the rate of a large product, ms', 'by themselves, ms',
                  'the whole, ms'], rows)


def processes(content: dict[str, Any]) -> str:
    """Throughput of processes."""
    rates = content['samples_per_second']
    rows = [[count, number(rate), f'{rate / rates["1"]:.2f}×'] for count, rate in rates.items()]
    text = f'`{content["config"]}`, float32, {content["batch"]} targets and as many synthetic samples a process.'
    return f'{text}\n\n' + table(['gloo processes of one thread', 'samples/s', 'against one'], rows)


def projection(content: dict[str, Any]) -> str:
    """What a step exchanges and computes, and the times that follow at assumed rates."""
    rows = []
    for name, counted in content['counted'].items():
        ring = 2 * (GPUS - 1) / GPUS * counted['gradient_bytes']
        rows.append([f'`{name}`', number(counted['gradient_bytes'] / 1e6), number(ring / 1e6),
                     *(number(ring / rate / 1e6) for rate in LINKS_GB_S), number(counted['pair_gflop']),
                     number(PAIRS_A_GPU * counted['pair_gflop'] / GPU_TFLOP_S)])
    head = ['recipe', 'gradients, MB', f'each of {GPUS} sends, MB a step',
            *(f'ms at {rate} GB/s' for rate in LINKS_GB_S), 'GFLOP a pair',
            f'ms for {PAIRS_A_GPU} pairs at {GPU_TFLOP_S} TFLOP/s']
    return table(head, rows)


def data_path(content: dict[str, Any]) -> str:
    """A row a stage."""
    rows = [[name, number(stage['data_ms']), number(stage['step_ms']), f'{100 * stage["share"]:.1f} %',
             number(stage['samples_per_second']), number(stage['loader_samples_per_second'])]
            for name, stage in content['stages'].items()]
    text = f'`{content["config"]}`, {content["workers"]} workers, {content["threads"]} threads.'
    return f'{text}\n\n' + table(['stage', 'wait for data, ms (median)', 'step, ms (median)', 'share of all time',
                                  'samples/s', 'loader alone, samples/s'], rows)


TABLES: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
    'operations': ('latest.json', operations), 'curves': ('scaling.json', curves),
    'roofline': ('roofline.json', roofline), 'products': ('roofline.json', products),
    'processes': ('processes.json', processes),
    'projection': ('processes.json', projection), 'data': ('data_path.json', data_path)}


def filled(page: str, results: Path) -> str:
    """The page with the tables whose results are there.

    Args:
        page: Its text.
        results: Folder of the results.

    Raises:
        ValueError: The page has no place for a table.
    """
    for name, (file, render) in TABLES.items():
        place = re.compile(rf'(<!-- {name} -->\n).*?(<!-- end -->)', re.DOTALL)
        if not place.search(page):
            raise ValueError(f'no place for the table {name!r}: <!-- {name} --> and <!-- end --> expected')
        if (results / file).is_file():
            text = render(json.loads((results / file).read_text(encoding='utf-8')))
            page = place.sub(lambda match, text=text: f'{match[1]}{text}\n{match[2]}', page)
    return page


def main(argv: list[str] | None = None) -> int:
    """Rewrite the page."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.report', description=__doc__)
    parser.add_argument('--page', type=Path, default=PAGE)
    parser.add_argument('--results', type=Path, default=RESULTS)
    args = parser.parse_args(argv)
    page = filled(args.page.read_text(encoding='utf-8'), args.results)
    write_atomically(args.page, lambda file: file.write(page.encode()))
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
