"""``python -m benchmarks.everything``: all that docs/performance.md shows, one after another, and the page from it.

It wants a quiet machine. A part that fails, or misses its aim, does not keep the others from running.
"""
from __future__ import annotations

import argparse
import subprocess
import sys
import time

from benchmarks.comparison import ROOT

PARTS = ('benchmarks', 'benchmarks.roofline', 'benchmarks.scaling', 'benchmarks.processes', 'benchmarks.data_path',
         'benchmarks.report')


def main(argv: list[str] | None = None) -> int:
    """Run; exit status 1 if a part had another than 0."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.everything', description=__doc__)
    parser.add_argument('--only', nargs='+', choices=PARTS, default=PARTS, metavar='PART', help=', '.join(PARTS))
    failed = []
    for part in parser.parse_args(argv).only:
        print(f'==> python -m {part}', flush=True)
        start = time.perf_counter()
        if subprocess.run([sys.executable, '-m', part], cwd=ROOT).returncode:
            failed.append(part)
        print(f'==> {time.perf_counter() - start:.0f} s', flush=True)
    if failed:
        print(f'failed, or an aim was missed: {", ".join(failed)}', file=sys.stderr)
    return int(bool(failed))


if __name__ == '__main__':
    raise SystemExit(main())
