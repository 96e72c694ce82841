"""``python -m benchmarks.roofline``: how near decoding and drawing come to what memory and processor can do.

Each is bounded from below by the bytes that it must move through memory, and by the work within the processor that it
cannot do without: it takes at least the longer of both, and their sum where nothing overlaps. All rates are measured
here, with the same threads.
"""
from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F

import mmxas  # noqa: F401
from benchmarks import decode, discriminator, skeleton_mask, training_step
from benchmarks.comparison import ROOT, settle
from mmxas.ops.huge_pages import with_huge_pages
from mmxas.ops.products import linear
from mmxas.synthesis.shards import write_atomically

OUT = ROOT / 'benchmarks/results/roofline.json'
PIXELS = 256 * 256
RUNS = {'decode': decode, 'skeleton_mask': skeleton_mask, 'discriminator': discriminator,
        'training_step': training_step}


def seconds(run: Callable[[], object], repetitions: int = 9,
            of: Callable[[list[float]], float] = statistics.median) -> float:
    """Median time of a run, or another ``of`` its times."""
    run()
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return of(times)


def rates() -> dict[str, float]:
    """What this machine does with the present threads at its best.

    Returns:
        ``memory`` and ``fresh`` (first touch of huge pages): GB/s of a copy and of a fill; ``cache``: GB/s of sums
        within 256 KB; ``exp``: 10^9 exponentials a second; ``gemm``, ``onednn``, ``conv``: GFLOP/s in float32 of
        torch's matrix product, of oneDNN's and of its 3 x 3 convolution.
    """
    large, other = torch.ones(2**26), torch.empty(2**26)
    small, row = torch.ones(PIXELS), torch.ones(PIXELS)
    inner = torch.rand(PIXELS)
    outer = torch.empty_like(inner)
    one, two = torch.rand(1728, 256), torch.rand(256, 128)
    images = torch.rand(8, 256, 16, 16).to(memory_format=torch.channels_last)
    kernel = torch.rand(256, 256, 3, 3).to(memory_format=torch.channels_last)
    many, best = 100, partial(seconds, of=min)
    return dict(
        memory=2 * large.nbytes / best(lambda: other.copy_(large)) / 1e9,
        fresh=large.nbytes / best(lambda: with_huge_pages(torch.empty(2**26)).fill_(1.0)) / 1e9,
        cache=3 * small.nbytes * many / best(lambda: [torch.add(small, row, out=small) for _ in range(many)]) / 1e9,
        exp=inner.numel() * many / best(lambda: [torch.exp(inner, out=outer) for _ in range(many)]) / 1e9,
        gemm=2 * 1728 * 256 * 128 * many / best(lambda: [one @ two for _ in range(many)]) / 1e9,
        onednn=2 * 1728 * 256 * 128 * many / best(lambda: [linear(one, two.t()) for _ in range(many)]) / 1e9,
        conv=2 * 9 * 256 * images.numel() / best(lambda: F.conv2d(images, kernel, padding=1)) / 1e9)


def bounds(rate: dict[str, float]) -> dict[str, dict[str, dict[str, float]]]:
    """Least times in ms of each operation's own algorithm, part by part, in ``memory`` and in the ``processor``."""
    volume = decode.N * decode.K * decode.D * decode.SIZE**2
    pixels, links = skeleton_mask.N * skeleton_mask.SIZE**2, len(skeleton_mask.LINKS)
    nodes = discriminator.N * discriminator.H * 18
    # Two branches of a first layer (6 to 128) and five convolutions (256 to 128 each), and the head; forward, and twice
    # that backward. Sums over neighbours are products with a constant matrix: forward, and once backward.
    flops = 3 * 2 * nodes * (2 * (6 * 128 + 5 * 256 * 128) + 256 * 512) + 2 * 2 * 10 * nodes * 18 * 128
    return {
        'decode': dict(
            memory={'read the logits twice': 2 * 4 * volume / rate['memory'] / 1e6,
                    'write the gradient to new pages': 4 * volume / rate['fresh'] / 1e6},
            processor={'exponentials twice': 2 * volume / rate['exp'] / 1e6}),
        'skeleton_mask': dict(
            memory={'drawing and winners': 6 * 4 * pixels / rate['memory'] / 1e6},
            # Ten passes: two write, six read and write, two read another one as well.
            processor={'80 bytes a link and pixel in the cache': links * 80 * pixels / rate['cache'] / 1e6}),
        'discriminator': dict(memory={}, processor={
            'matrix products': flops / max(rate['gemm'], rate['onednn']) / 1e6}),
        'training_step': dict(memory={}, processor={
            'convolutions and products': training_step.N * training_step.pair_gflop() / rate['conv'] * 1e3}),
    }


def main(argv: list[str] | None = None) -> int:
    """Print and write."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.roofline', description=__doc__)
    parser.add_argument('--threads', type=int, default=os.cpu_count())
    parser.add_argument('--out', type=Path, default=OUT)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    settle()
    rate, results = rates(), {}
    print(', '.join(f'{name} {value:.1f}' for name, value in rate.items()))
    for name, kinds in bounds(rate).items():
        sums = {kind: sum(parts.values()) for kind, parts in kinds.items()}
        run = RUNS[name].build('ours')
        measured = 1e3 * seconds(run, 3 if name == 'training_step' else 9)
        results[name] = dict(parts_ms=kinds, bound_ms=max(sums.values()), sum_ms=sum(sums.values()),
                             measured_ms=measured)
        listed = ', '.join(f'{part} {value:.1f}' for parts in kinds.values() for part, value in parts.items())
        print(f'{name}: at least {max(sums.values()):.1f} ms, {sum(sums.values()):.1f} ms if nothing overlaps, '
              f'measured {measured:.1f} ms; {listed}')
    content = dict(threads=args.threads, rates=rate, operations=results)
    write_atomically(args.out, lambda file: file.write(json.dumps(content, indent=1).encode()))
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
