"""``python -m benchmarks.scaling``: time and memory against batch size, image size, depth bins, links and hypotheses.

Writes ``benchmarks/results/scaling.json`` and the picture in the docs. A slope is that of a straight line through the
logarithms: 1 where twice as much takes twice as long.
"""
from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch

import mmxas  # noqa: F401
from benchmarks import decode, discriminator, skeleton_mask, training_step
from benchmarks.comparison import ROOT, alternate, peak_bytes, settle
from mmxas.io.atomic_writes import write_atomically
from mmxas.ops import Decoding, decode_hypotheses

matplotlib.use('Agg')
import matplotlib.pyplot as plt

OUT = ROOT / 'benchmarks/results/scaling.json'
PICTURE = ROOT / 'docs/images/scaling.png'


def decode_with(hypotheses: int, batch: int = 2) -> Callable[[], Any]:
    """Decoding of so many hypotheses, forward and backward."""
    logits = decode.example_logits(batch)

    def run() -> torch.Tensor:
        leaf = logits.detach().requires_grad_()
        return torch.autograd.grad(decode_hypotheses(leaf, decode.K, Decoding(hypotheses)).keypoints.sum(), leaf)[0]

    return run


# Curve to (what varies, its values, function of a value that prepares a run).
CURVES: dict[str, tuple[str, Sequence[int], Callable[[int], Callable[[], Any]]]] = {
    'decode, batch': ('batch', (1, 2, 4, 8, 16), lambda n: decode.build('ours', batch=n)),
    'decode, heatmap side': ('side', (16, 32, 64, 96), lambda s: decode.build('ours', batch=2, size=s)),
    'decode, depth bins': ('D', (16, 32, 64, 128), lambda d: decode.build('ours', batch=2, depth=d)),
    'decode, hypotheses': ('H', (1, 2, 4, 8, 16), decode_with),
    'skeleton, batch': ('batch', (1, 2, 4, 8, 16, 32), lambda n: skeleton_mask.build('ours', batch=n)),
    'skeleton, image side': ('side', (64, 128, 256, 512), lambda s: skeleton_mask.build('ours', size=s)),
    'skeleton, links': ('links', (1, 3, 6, 12, 25), lambda n: skeleton_mask.build('ours', num_links=n)),
    'discriminator, poses': ('poses', (24, 48, 96, 192, 384), lambda n: discriminator.build('ours', num_poses=n)),
    'training step, batch': ('batch', (2, 4, 8), lambda n: training_step.build('ours', batch=n)),
    'training step, image side': ('side', (128, 192, 256), lambda s: training_step.build('ours', batch=4, size=s)),
}


def slope(values: Sequence[float], results: Sequence[float]) -> float:
    """Exponent of a power law through the points, by least squares of logarithms."""
    return float(np.polyfit(np.log(values), np.log(np.maximum(results, 1e-9)), 1)[0])


def measure(name: str, repetitions: int) -> dict[str, Any]:
    """One curve: times in ms, peaks of allocated bytes in MB, and the slopes of both.

    Each time is the median of ``repetitions`` runs, and of as many as a second takes where that is more.
    """
    variable, values, prepare = CURVES[name]
    times, peaks = [], []
    for value in values:
        run = prepare(value)
        first = alternate({'ours': run}, 1)['ours']
        times.append(alternate({'ours': run}, max(repetitions, round(1e3 / first)))['ours'])
        peak_bytes(run)  # Of blocks that this one frees the profiler knows the sizes only if it saw them allocated.
        peaks.append(peak_bytes(run) / 1e6)
    return dict(variable=variable, values=list(values), ms=times, mb=peaks, slope_ms=slope(values, times),
                slope_mb=slope(values, peaks))


def draw(curves: dict[str, dict[str, Any]], path: Path) -> None:
    """Two pictures a curve in one figure, both axes logarithmic, the vertical one over whole decades."""
    figure, axes = plt.subplots(2, len(curves), figsize=(2.1 * len(curves), 4.4), squeeze=False)
    for column, (name, curve) in enumerate(curves.items()):
        for axis, key, unit in zip(axes[:, column], ('ms', 'mb'), ('ms', 'MB')):
            axis.loglog(curve['values'], curve[key], 'o-', markersize=3)
            axis.set_title(f'{name}\nslope {curve["slope_" + key]:.2f}', fontsize=7)
            axis.set_xticks(curve['values'], [str(value) for value in curve['values']], fontsize=6)
            low, high = (math.log10(max(end(curve[key]), 1e-3)) for end in (min, max))
            axis.set_ylim(10.0**math.floor(low), 10.0**math.ceil(high + 0.01))
            axis.minorticks_off()
            axis.tick_params(labelsize=6)
            axis.set_ylabel(unit, fontsize=7)
    figure.tight_layout()
    write_atomically(path, partial(figure.savefig, dpi=110, format='png'))
    plt.close(figure)


def main(argv: list[str] | None = None) -> int:
    """Print, write, draw."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.scaling', description=__doc__)
    parser.add_argument('--only', nargs='+', choices=list(CURVES), default=list(CURVES))
    parser.add_argument('--threads', type=int, default=os.cpu_count())
    parser.add_argument('--repetitions', type=int, default=5)
    parser.add_argument('--out', type=Path, default=OUT)
    parser.add_argument('--picture', type=Path, default=PICTURE)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    settle()
    curves = {}
    for name in args.only:
        curve = curves[name] = measure(name, args.repetitions)
        points = ', '.join(f'{v}: {t:.1f} ms {m:.0f} MB' for v, t, m in zip(curve['values'], curve['ms'], curve['mb']))
        print(f'{name} ({points}); slopes {curve["slope_ms"]:.2f} and {curve["slope_mb"]:.2f}', flush=True)
    content = dict(threads=args.threads, curves=curves)
    write_atomically(args.out, lambda file: file.write(json.dumps(content, indent=1).encode()))
    draw(curves, args.picture)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
