"""``python -m benchmarks.roofline``: how near each operation comes to what memory and processor can do.

Each is bounded from below by the bytes that it must move, and by the work within the processor that it cannot do
without: it takes at least the longer of both, and their sum where nothing overlaps. Beside them stand the time that its
aim would be, from the plain way's, and its own. All rates are measured here, with the same threads.
"""
from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

import mmxas  # noqa: F401
from benchmarks import decode, discriminator, skeleton_mask, training_step
from benchmarks.comparison import ROOT, WAYS, alternate, settle
from mmxas.io.atomic_writes import write_atomically
from mmxas.ops.kernels.huge_pages import with_huge_pages
from mmxas.ops.kernels.products import has_onednn, onednn_product

OUT = ROOT / 'benchmarks/results/roofline.json'
PIXELS = 256 * 256
RUNS = {'decode': decode, 'skeleton_mask': skeleton_mask, 'discriminator': discriminator,
        'training_step': training_step}
# Maps that the discriminator's convolutions read and write between products, at least, if LayerNorm and ReLU are one
# pass: forward one each; backward the gradient and the map itself are read, a gradient is written. Residuals are left
# out.
MAPS, MAP_BYTES = 10 * (2 + 3), 4 * discriminator.N * discriminator.H * 18 * 128
# Side of the matrices whose product measures what the processor can do.
WIDE = 2048
MATRIX_PRODUCTS = {torch.ops.aten.mm.default, torch.ops.aten.addmm.default, torch.ops.aten.bmm.default}


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
    onednn = onednn_product if has_onednn() else F.linear
    many, best = 100, partial(seconds, of=min)
    return dict(
        memory=2 * large.nbytes / best(lambda: other.copy_(large)) / 1e9,
        fresh=large.nbytes / best(lambda: with_huge_pages(torch.empty(2**26)).fill_(1.0)) / 1e9,
        cache=3 * small.nbytes * many / best(lambda: [torch.add(small, row, out=small) for _ in range(many)]) / 1e9,
        exp=inner.numel() * many / best(lambda: [torch.exp(inner, out=outer) for _ in range(many)]) / 1e9,
        gemm=2 * 1728 * 256 * 128 * many / best(lambda: [one @ two for _ in range(many)]) / 1e9,
        onednn=2 * 1728 * 256 * 128 * many / best(lambda: [onednn(one, two.t()) for _ in range(many)]) / 1e9,
        conv=2 * 9 * 256 * images.numel() / best(lambda: F.conv2d(images, kernel, padding=1)) / 1e9)


class _Recorder(TorchDispatchMode):
    """Keeps each matrix product that is computed, with its operands as they lie in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.products: list[Callable[[], Tensor]] = []
        self.kinds = MATRIX_PRODUCTS | ({torch.ops.mkldnn._linear_pointwise.default} if has_onednn() else set())

    def __torch_dispatch__(self, operator: Callable[..., Any], types: Any, args: tuple[Any, ...] = (),
                           options: dict[str, Any] | None = None) -> Any:
        call = partial(operator, *args, **(options or {}))
        if operator in self.kinds:
            self.products.append(call)
        return call()


def products_of(run: Callable[[], object]) -> Callable[[], None]:
    """The matrix products of a run and nothing else, by the same library, on the same operands, to new memory."""
    with _Recorder() as recorder:
        run()

    @torch.no_grad()
    def repeat() -> None:
        for product in recorder.products:
            product()

    return repeat


@cache
def product_gflop(way: str) -> float:
    """10^9 operations of the matrix products of a form of the discriminator."""
    return training_step.counted_flops(discriminator.build(way)) / 1e9


def discriminator_bound(rate: dict[str, float]) -> dict[str, dict[str, float]]:
    """Times in ms of what the discriminator cannot do without in float32: its operations as fast as in a product of
    large matrices, and one pass between products over maps in the cache.

    Args:
        rate: Of :func:`rates`.
    """
    form = products()['ours']
    speed = 1e3 * form['gflop'] / form['wide_ms']
    part = f'{form["gflop"]:.2f} GFLOP at {speed:.0f} GFLOP/s, the rate of a product {WIDE} wide'
    return dict(memory={'LayerNorm and ReLU in one pass, in the cache': MAPS * MAP_BYTES / rate['cache'] / 1e6},
                processor={part: form['wide_ms']})


def bounds(rate: dict[str, float]) -> dict[str, dict[str, dict[str, float]]]:
    """Least times in ms of each operation's own algorithm, part by part, in ``memory`` and in the ``processor``."""
    volume = decode.N * decode.K * decode.D * decode.SIZE**2
    pixels, links = skeleton_mask.N * skeleton_mask.SIZE**2, len(skeleton_mask.LINKS)
    return {
        'decode': dict(
            memory={'read the logits': 4 * volume / rate['memory'] / 1e6,
                    'write the probabilities to new pages': 4 * volume / rate['fresh'] / 1e6,
                    'make them the gradient in place': 2 * 4 * volume / rate['memory'] / 1e6},
            processor={'exponentials': volume / rate['exp'] / 1e6}),
        'skeleton_mask': dict(
            memory={'drawing and winners': 6 * 4 * pixels / rate['memory'] / 1e6},
            # Ten passes: two write, six read and write, two read another one as well.
            processor={'80 bytes a link and pixel in the cache': links * 80 * pixels / rate['cache'] / 1e6}),
        'discriminator': discriminator_bound(rate),
        'training_step': dict(memory={}, processor={
            'convolutions and products': training_step.N * training_step.pair_gflop() / rate['conv'] * 1e3}),
    }


@cache
def times(name: str) -> dict[str, float]:
    """Medians in ms of ``plain`` and ``ours``, in turns; of the discriminator also of the products of each form by
    themselves (``products_plain``), and of one product of large matrices by each library (``wide_torch``)."""
    runs = {way: RUNS[name].build(way) for way in WAYS}
    if name == 'discriminator':
        runs.update({f'products_{way}': products_of(runs[way]) for way in discriminator.FORMS})
        wide, out = torch.rand(WIDE, WIDE), torch.empty(WIDE, WIDE)
        runs['wide_torch'] = lambda: torch.mm(wide, wide, out=out)
        if has_onednn():
            runs['wide_onednn'] = lambda: onednn_product(wide, wide)
    return alternate(runs, dict(training_step=3, discriminator=50).get(name, 9))


def measured_and_aim(name: str) -> tuple[float, float]:
    """Time of an operation, and what its aim would be, both in ms."""
    return times(name)['ours'], times(name)['plain'] / RUNS[name].CONTESTS[0].speedup


def compared(name: str, parts: dict[str, dict[str, float]]) -> dict[str, Any]:
    """A bound's ``parts_ms``, the longer kind as ``bound_ms``, their ``sum_ms``, ``aim_ms`` and ``measured_ms``."""
    sums = [sum(kind.values()) for kind in parts.values()]
    measured, aim = measured_and_aim(name)
    return dict(parts_ms=parts, bound_ms=max(sums), sum_ms=sum(sums), aim_ms=aim, measured_ms=measured)


def products() -> dict[str, dict[str, float]]:
    """Of each form of the discriminator: the operations of its matrix products, the time that these would take at the
    rate of a product of large matrices by the better library (``wide_ms``), what they take by themselves, and the
    whole."""
    taken = times('discriminator')
    wide = min(ms for name, ms in taken.items() if name.startswith('wide_'))
    return {way: dict(gflop=product_gflop(way), wide_ms=product_gflop(way) * 1e9 / (2 * WIDE**3) * wide,
                      products_ms=taken[f'products_{way}'], whole_ms=taken[way]) for way in discriminator.FORMS}


def main(argv: list[str] | None = None) -> int:
    """Print and write."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.roofline', description=__doc__)
    parser.add_argument('--threads', type=int, default=os.cpu_count())
    parser.add_argument('--out', type=Path, default=OUT)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    settle()
    rate = rates()
    print(', '.join(f'{name} {value:.1f}' for name, value in rate.items()))
    results = {name: compared(name, parts) for name, parts in bounds(rate).items()}
    for name, row in results.items():
        listed = ', '.join(f'{part} {value:.1f}' for kind in row['parts_ms'].values() for part, value in kind.items())
        print(f'{name}: at least {row["bound_ms"]:.1f} ms, {row["sum_ms"]:.1f} ms if nothing overlaps, '
              f'aim {row["aim_ms"]:.1f} ms, measured {row["measured_ms"]:.1f} ms; {listed}')
    content = dict(threads=args.threads, rates=rate, operations=results, products=products())
    for way, row in content['products'].items():
        print(f'discriminator, {way}: ' + ', '.join(f'{name} {value:.1f}' for name, value in row.items()))
    write_atomically(args.out, lambda file: file.write(json.dumps(content, indent=1).encode()))
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
