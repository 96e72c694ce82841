"""``python -m benchmarks.roofline``: how near each operation comes to what memory and processor can do.

Each is bounded from below by the bytes that it must move, and by the work within the processor that it cannot do
without: it takes at least the longer of both, and their sum where nothing overlaps. Beside them stand the time that its
aim would be, from the plain way's, and its own. All rates are measured here, with the same threads.
"""
from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

import mmxas  # noqa: F401
from benchmarks import decode, discriminator, skeleton_mask, training_step
from benchmarks.comparison import ROOT, WAYS, alternate, settle
from mmxas.ops.huge_pages import with_huge_pages
from mmxas.ops.products import has_onednn, linear, onednn_product
from mmxas.synthesis.shards import write_atomically

OUT = ROOT / 'benchmarks/results/roofline.json'
PIXELS = 256 * 256
RUNS = {'decode': decode, 'skeleton_mask': skeleton_mask, 'discriminator': discriminator,
        'training_step': training_step}
# Of the discriminator: nodes of all poses, nodes of one, channels, the head's, convolutions of both branches, residual
# modules.
NODES, JOINTS, WIDTH, HIDDEN, CONVOLUTIONS, RESIDUALS = discriminator.N * discriminator.H * 18, 18, 128, 512, 10, 4
SQUARE = 2048  # Rows and columns of the matrices whose product is the fastest.


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
        within 256 KB; ``outer``: of a copy of 16 MB, beyond a core's own cache; ``exp``: 10^9 exponentials a second;
        ``gemm``, ``onednn``, ``conv``: GFLOP/s in float32 of torch's matrix product, of oneDNN's and of its 3 x 3
        convolution; ``square``: of the fastest product, of two matrices of 2048 x 2048 by the better of both libraries,
        in turns with the discriminator.
    """
    large, other = torch.ones(2**26), torch.empty(2**26)
    middle, beside = torch.ones(2**22), torch.empty(2**22)
    small, row = torch.ones(PIXELS), torch.ones(PIXELS)
    inner = torch.rand(PIXELS)
    outer = torch.empty_like(inner)
    one, two = torch.rand(1728, 256), torch.rand(256, 128)
    images = torch.rand(8, 256, 16, 16).to(memory_format=torch.channels_last)
    kernel = torch.rand(256, 256, 3, 3).to(memory_format=torch.channels_last)
    onednn = product_libraries()['onednn']
    many, best = 100, partial(seconds, of=min)
    return dict(
        memory=2 * large.nbytes / best(lambda: other.copy_(large)) / 1e9,
        fresh=large.nbytes / best(lambda: with_huge_pages(torch.empty(2**26)).fill_(1.0)) / 1e9,
        cache=3 * small.nbytes * many / best(lambda: [torch.add(small, row, out=small) for _ in range(many)]) / 1e9,
        outer=2 * middle.nbytes * many / best(lambda: [beside.copy_(middle) for _ in range(many)]) / 1e9,
        exp=inner.numel() * many / best(lambda: [torch.exp(inner, out=outer) for _ in range(many)]) / 1e9,
        gemm=2 * 1728 * 256 * 128 * many / best(lambda: [one @ two for _ in range(many)]) / 1e9,
        onednn=2 * 1728 * 256 * 128 * many / best(lambda: [onednn(one, two.t()) for _ in range(many)]) / 1e9,
        square=2 * SQUARE**3 / min(times('discriminator')[name] for name in product_libraries()) / 1e6,
        conv=2 * 9 * 256 * images.numel() / best(lambda: F.conv2d(images, kernel, padding=1)) / 1e9)


def product_libraries() -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    """torch's own matrix product and oneDNN's, both of rows and columns."""
    return dict(torch=F.linear, onednn=onednn_product if has_onednn() else F.linear)


def products(eigenbasis: bool = False) -> list[tuple[tuple[int, ...], tuple[int, ...], int]]:
    """Shapes of the discriminator's matrix products, forward and backward, and how many there are of each.

    A node has the first layers (6 to 128), the convolutions and the head. Sums over neighbours are products with a
    constant matrix: forward, and once backward.

    Args:
        eigenbasis: Of the least known form that is exact, in place of the present one. The averaging matrix A of a
            graph that never changes is similar to a symmetric one, so it is diagonal in its eigenbasis: there node i
            has one product, with ``lambda_i W_l + W_r``, in the place of two. Into that basis and back are two
            products with constant matrices, where averaging is one.
    """
    poses = NODES // JOINTS
    ends = [product for rows, i, o, count in ((NODES, 6, WIDTH, 2), (poses, 2 * JOINTS * WIDTH, HIDDEN, 1))
            for product in (((rows, i), (i, o), count), ((rows, o), (o, i), count), ((i, rows), (rows, o), count))]
    constant = ((JOINTS, JOINTS), (JOINTS, poses * WIDTH), (4 if eigenbasis else 2) * CONVOLUTIONS)
    if eigenbasis:
        return [*ends, constant, ((JOINTS, poses, WIDTH), (JOINTS, WIDTH, WIDTH), 2 * CONVOLUTIONS),
                ((JOINTS, WIDTH, poses), (JOINTS, poses, WIDTH), CONVOLUTIONS)]
    return [*ends, constant, ((NODES, 2 * WIDTH), (2 * WIDTH, WIDTH), CONVOLUTIONS),
            ((NODES, WIDTH), (WIDTH, 2 * WIDTH), CONVOLUTIONS), ((2 * WIDTH, NODES), (NODES, WIDTH), CONVOLUTIONS)]


def product_flops(eigenbasis: bool = False) -> int:
    """Operations of :func:`products`."""
    return sum(2 * math.prod(left) * right[-1] * count for left, right, count in products(eigenbasis))


def build_products(eigenbasis: bool) -> Callable[[], None]:
    """:func:`products` by themselves, on random numbers, by the library that the discriminator uses."""
    made = [(torch.rand(left), torch.rand(right).mT.contiguous(), count)
            for left, right, count in products(eigenbasis)]

    def run() -> None:
        for left, right, count in made:
            for _ in range(count):
                linear(left, right) if left.dim() == 2 else left @ right.mT

    return run


def build_square(library: str) -> Callable[[], Tensor]:
    """The fastest product, by one of the libraries."""
    one, product = torch.rand(SQUARE, SQUARE), product_libraries()[library]
    return partial(product, one, one)


def pass_bytes(eigenbasis: bool = False) -> int:
    """Bytes that the discriminator's passes over activations read and write, its products aside.

    Args:
        eigenbasis: Of that form, which concatenates nothing.
    """
    norm = 2 + 3 + 2  # forward, gradient of the input, gradients of the weights
    relu = 2 + 3
    concatenation = 0 if eigenbasis else 4 + 3  # of neighbours and node; backward the sum of both gradients
    residual = 3 + 3
    return 4 * NODES * WIDTH * (CONVOLUTIONS * (norm + relu + concatenation) + RESIDUALS * residual)


def discriminator_bound(rate: dict[str, float], eigenbasis: bool = False,
                        best: bool = False) -> dict[str, dict[str, float]]:
    """The discriminator's least times in ms; its products were timed in turns with it.

    A core's own cache holds what one pass leaves to the next. It does not hold what the backward needs again, at least
    one map of each convolution, nor the head's weight, which is read twice and has a gradient; where products are timed
    by themselves, they read it.

    Args:
        rate: Of :func:`rates`.
        eigenbasis: Of that form.
        best: Whether to let all products run at the rate of the fastest one, in place of their own.
    """
    kept, flops = 2 * 4 * CONVOLUTIONS * NODES * WIDTH, product_flops(eigenbasis)
    memory = {'passes between products, in the cache': (pass_bytes(eigenbasis) - kept) / rate['cache'] / 1e6,
              'maps kept for the backward': kept / rate['outer'] / 1e6}
    work = f'{flops / 1e9:.2f} GFLOP of matrix products'
    if not best:
        alone = times('discriminator')['eigenbasis' if eigenbasis else 'present']
        return dict(memory=memory, processor={work: alone})
    memory["the head's weight"] = 3 * 4 * 2 * JOINTS * WIDTH * HIDDEN / rate['outer'] / 1e6
    return dict(memory=memory, processor={f'{work}, at the rate of the fastest': flops / rate['square'] / 1e6})


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
        'discriminator_eigenbasis': discriminator_bound(rate, eigenbasis=True),
        'discriminator_best_rate': discriminator_bound(rate, eigenbasis=True, best=True),
        'training_step': dict(memory={}, processor={
            'convolutions and products': training_step.N * training_step.pair_gflop() / rate['conv'] * 1e3}),
    }


@cache
def times(name: str) -> dict[str, float]:
    """Medians in ms of ``plain`` and ``ours``, in turns; of the discriminator also of the products of both forms, and
    of the fastest product by each library."""
    runs = {way: RUNS[name].build(way) for way in WAYS}
    if name == 'discriminator':
        runs.update(present=build_products(False), eigenbasis=build_products(True),
                    **{library: build_square(library) for library in product_libraries()})
    return alternate(runs, dict(training_step=3, discriminator=50).get(name, 9))


def measured_and_aim(bound: str) -> tuple[float, float]:
    """Of the operation that a bound belongs to: its own time, and what its aim would be, both in ms."""
    name = next(name for name in RUNS if bound.startswith(name))
    return times(name)['ours'], times(name)['plain'] / RUNS[name].CONTESTS[0].speedup


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
        measured, aim = measured_and_aim(name)
        results[name] = dict(parts_ms=kinds, bound_ms=max(sums.values()), sum_ms=sum(sums.values()), aim_ms=aim,
                             measured_ms=measured)
        listed = ', '.join(f'{part} {value:.1f}' for parts in kinds.values() for part, value in parts.items())
        print(f'{name}: at least {max(sums.values()):.1f} ms, {sum(sums.values()):.1f} ms if nothing overlaps, '
              f'aim {aim:.1f} ms, measured {measured:.1f} ms; {listed}')
    content = dict(threads=args.threads, rates=rate, operations=results)
    write_atomically(args.out, lambda file: file.write(json.dumps(content, indent=1).encode()))
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
