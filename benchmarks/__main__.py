"""``python -m benchmarks``: compare plain and our implementations of all operations; exit status 1 if an aim is missed.

Written to ``benchmarks/results/latest.json``.
"""
from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from pathlib import Path

import torch

import mmxas  # noqa: F401
from benchmarks.comparison import FAIR, ROOT, WAYS, CannotKeepMemory, Contest, Result, hold, peak_bytes, settle
from mmxas.io.atomic_writes import write_atomically

FILES = ('decode', 'skeleton_mask', 'discriminator', 'training_step', 'rendering', 'inference')
LATEST = ROOT / 'benchmarks/results/latest.json'


def contests() -> dict[str, Contest]:
    """Return all contests by name."""
    found = (contest for file in FILES for contest in importlib.import_module(f'benchmarks.{file}').CONTESTS)
    return {contest.name: contest for contest in found}


def machine() -> str:
    """Return the name of the processor, its cores, and the version of torch."""
    info = Path('/proc/cpuinfo')
    lines = info.read_text().splitlines() if info.is_file() else []
    name = next((line.split(':')[1].strip() for line in lines if line.startswith('model name')), platform.processor())
    return f'{name or platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}'


def row(title: str, result: Result) -> str:
    """Return one line of the table."""
    def text(value: float | None, form: str) -> str:
        return '-' if value is None else format(value, form)

    aims = [f'>= {text(result.aim_speedup, "g")}x' * (result.aim_speedup is not None),
            f'mem <= {result.aim_memory_ratio}' * (result.aim_memory_ratio is not None),
            f'<= {text(result.aim_ms, ".1f")} ms' * (result.aim_ms is not None)]
    return (f'{title:67s} {result.threads:7d} {text(result.plain_ms, ".1f"):>9s} {result.ours_ms:9.1f} '
            f'{text(result.speedup, ".2f"):>7s} {text(result.memory_ratio, ".3f"):>6s} '
            f'{"yes" if result.holds else "NO":>4s}  {", ".join(aim for aim in aims if aim)}')


def remark(result: Result) -> str | None:
    """Return a remark if the plain implementation's time is far from the authors' code."""
    against = result.against_authors
    if against is None or abs(against) <= FAIR:
        return None
    return (f"  plain here {result.plain_as_authors_ms:.1f} ms, the authors' code on 2 cores {result.authors_ms:g} ms: "
            f'{100 * against:+.0f} %, more than {100 * FAIR:.0f} % apart')


def main(argv: list[str] | None = None) -> int:
    """Run."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks', description=__doc__)
    known = contests()
    parser.add_argument('--only', nargs='+', choices=list(known), help='run only these')
    parser.add_argument('--repetitions', type=int, default=7, help='minimum number of timed runs per side (default: 7)')
    parser.add_argument('--seconds', type=float, default=15.0,
                        help='minimum time per operation (default: 15)')
    parser.add_argument('--threads', type=int, default=os.cpu_count(), help='threads of torch (default: all cores)')
    parser.add_argument('--no-memory', action='store_true', help='times only')
    parser.add_argument('--out', type=Path, default=LATEST, help='JSON of the results')
    parser.add_argument('--peak', nargs=2, metavar=('NAME', 'WAY'), help='print the peak bytes of one side only')
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    if args.peak:
        if args.peak[0] not in known or args.peak[1] not in WAYS:
            parser.error(f'--peak {" ".join(args.peak)}: one of {", ".join(known)}, and plain or ours, expected')
        print(peak_bytes(known[args.peak[0]].build(args.peak[1])))
        return 0
    settle()
    print(f'{machine()}; {args.threads} threads, medians of {args.repetitions} or more')
    print(f'{"":67s} threads {"plain ms":>9s} {"ours ms":>9s} speedup memory {"aim":>4s}')
    results, missing = {}, []
    for name in args.only or known:
        try:
            results[name] = hold(known[name], args.repetitions, args.threads, not args.no_memory, args.seconds)
        except (ImportError, CannotKeepMemory) as error:
            missing.append(name)
            print(f'{known[name].title:67s} left out: {error}', flush=True)
            continue
        print(row(known[name].title, results[name]), flush=True)
        if note := remark(results[name]):
            print(note, flush=True)
    content = dict(machine=machine(), threads=args.threads,
                   operations={name: result.as_dict() for name, result in results.items()})
    write_atomically(args.out, lambda file: file.write(json.dumps(content, indent=1).encode()))
    return int(bool(missing) or not all(result.holds for result in results.values()))


if __name__ == '__main__':
    sys.exit(main())
