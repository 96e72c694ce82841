"""``python -m benchmarks.cuda``: compare plain and our operations on a GPU, with the card's theoretical bounds, and the
throughput of configs' loaders with that of their training steps.

Written to ``benchmarks/results/cuda.json``. ``--device cpu`` runs everything on small input as a check; its
numbers are meaningless.
"""
from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

import mmxas  # noqa: F401
from benchmarks import decode, discriminator, feeding, skeleton_mask, training_step
from benchmarks.__main__ import machine, row
from benchmarks.comparison import ROOT, WAYS, Result
from benchmarks.rendering import SETS
from mmxas.io.atomic_writes import write_atomically
from mmxas.processes import usable_cpus
from mmxas.synthesis import PairGenerator

OUT = ROOT / 'benchmarks/results/cuda.json'
Run = Callable[[], Any]


class Card:
    """A device, and the size of its inputs.

    Args:
        device: ``'cuda'`` or ``'cpu'``.
    """

    def __init__(self, device: str) -> None:
        self.device, self.is_gpu = torch.device(device), device.startswith('cuda')
        self.batch, self.size, self.side = (32, 256, 64) if self.is_gpu else (2, 64, 8)

    def measure(self, run: Run, seconds: float) -> tuple[float, float | None]:
        """Return the median time in ms, and the peak of additional bytes of a run (None on a CPU)."""
        peak = None
        for _ in range(3 if self.is_gpu else 1):
            run()
        if self.is_gpu:
            torch.cuda.synchronize()
            before = torch.cuda.memory_allocated()
            torch.cuda.reset_peak_memory_stats()
            run()
            peak = torch.cuda.max_memory_allocated() - before
        times, end = [], time.perf_counter() + seconds
        while not times or time.perf_counter() < end:
            self.wait()
            start = time.perf_counter()
            run()
            self.wait()
            times.append(1e3 * (time.perf_counter() - start))
        return statistics.median(times), peak

    def wait(self) -> None:
        """Wait until the GPU has finished."""
        if self.is_gpu:
            torch.cuda.synchronize()

    def rates(self, seconds: float) -> dict[str, float]:
        """Return GB/s of a copy, and TFLOP/s of a matrix product in float32, TF32 and bfloat16."""
        width = 8192 if self.is_gpu else 256
        one = torch.rand(width * width, device=self.device)
        other, found = torch.empty_like(one), {}
        found['copy_gb_s'] = 2 * one.nbytes / self.measure(lambda: other.copy_(one), seconds)[0] / 1e6
        square = one.view(width, width)
        for name, dtype in (('float32', torch.float32), ('tf32', torch.float32), ('bf16', torch.bfloat16)):
            torch.backends.cuda.matmul.allow_tf32 = name == 'tf32'
            factor = square.to(dtype)
            ms, _ = self.measure(lambda factor=factor: factor @ factor, seconds)
            found[f'{name}_tflop_s'] = 2 * width**3 / ms / 1e9
        return found


def run_decode(card: Card, way: str) -> Run:
    """Build forward and backward of the decoding of volumes to poses."""
    logits = decode.example_logits(card.batch, card.side, card.side).to(card.device).requires_grad_()
    ways = dict(plain=decode.plain_decode, ours=decode.ours_decode)
    return lambda: torch.autograd.grad(ways[way](logits).sum(), logits)


def run_skeleton_mask(card: Card, way: str) -> Run:
    """Build forward and backward of drawing skeleton masks of poses."""
    points = skeleton_mask.example_poses(card.batch).to(card.device).requires_grad_()
    draw = dict(plain=skeleton_mask.plain_draw, ours=skeleton_mask.ours_draw)[way]
    links = torch.tensor(skeleton_mask.LINKS, device=card.device)
    factors = torch.tensor(skeleton_mask.FACTORS, device=card.device)
    return lambda: torch.autograd.grad(draw(points, links, factors, card.size).square().mean(), points)


def run_discriminator(card: Card, way: str) -> Run:
    """Build forward and backward of the discriminator's scores of poses."""
    network = discriminator.GCNDiscriminator(discriminator.SKELETON, dropout=0.0).to(card.device)
    network = discriminator.FORMS[way](network)
    poses = torch.randn(3 * card.batch, 18, 3, device=card.device)
    parameters = list(network.parameters())
    return lambda: torch.autograd.grad(network(poses).square().mean(), parameters)


def run_step(card: Card, way: str, precision: str = 'float32', times: int = 1) -> Run:
    """Build a training step; the plain one never autocasts."""
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision == 'tf32'
    crops, samples = training_step.example_batch(times * card.batch, card.size)
    changes = training_step.PLAIN if way == 'plain' else {}
    model, crops = training_step.detector(**changes).to(card.device), crops.to(card.device)
    if way == 'ours':
        return training_step.OurStep(model, crops, samples, precision == 'bf16', keep=False)
    step = training_step.PlainStep(model, crops, samples)
    step.masks, step.labels = step.masks.to(card.device), step.labels.to(card.device)
    return step


def run_inference(card: Card, way: str) -> Run:
    """Build the inference of a batch of crops."""
    model = training_step.detector(**(training_step.PLAIN if way == 'plain' else {})).to(card.device).eval()
    crops = torch.randn(card.batch, 3, card.size, card.size, device=card.device)
    read = dict(plain=decode.plain_decode, ours=lambda volume: model.head.decode_volume(volume)[0])[way]
    return torch.no_grad()(lambda: read(model.head(model.extract_feat(crops))))


def run_render(card: Card, way: str) -> Run:
    """Build the rendering of a synthetic pair: pytorch3d on the card, Embree on one core."""
    renderer = dict(plain=dict(type='EmbreeRenderer', supersample=2),
                    ours=dict(type='PyTorch3DRenderer', device=card.device.type))[way]
    generator, numbers = PairGenerator.from_config(
        SETS['synthetic'], image_size=card.size, renderer=renderer, skeleton='h36m18'), iter(
        range(10**9))
    return lambda: generator.generate(next(numbers))


# Title, builder of a run, options, aims of speedup and memory.
OPERATIONS: dict[str, tuple[str, Callable[..., Run], dict[str, Any], float | None, float | None]] = {
    'decode': ('decode, forward + backward', run_decode, {}, 3.0, None),
    'skeleton_mask': ('skeleton mask, forward + backward', run_skeleton_mask, {}, 10.0, None),
    'discriminator': ('GCN discriminator, 3 hypotheses, forward + backward', run_discriminator, {}, None, None),
    **{f'step_{precision}_{times}': (f'training step, ResNet-50, {precision}', run_step,
                                     dict(precision=precision, times=times), None, 0.6 if times == 1 else None)
       for times in (1, 4) for precision in ('float32', 'tf32', 'bf16')},
    'inference': ('inference, ResNet-50', run_inference, {}, None, None),
    'render': ('synthetic pair, against one core', run_render, {}, None, None)}

# Config by name of a loader's row.
FEEDS = {f'feed_{name}': name for name in feeding.STORED}


def bound(card: Card, name: str, rate: dict[str, float]) -> float | None:
    """Return a lower bound of an operation's time in ms, from its bytes or products and the card's rates."""
    if name == 'decode':  # reads the volume twice and writes its gradient
        return 3 * 4 * card.batch * 18 * card.side**3 / rate['copy_gb_s'] / 1e6
    if name == 'skeleton_mask':  # drawing, winners, and their gradients
        return 6 * 4 * card.batch * card.size**2 / rate['copy_gb_s'] / 1e6
    if name.startswith('step_'):
        _, precision, times = name.split('_')
        return int(times) * step_flops(card) / rate[f'{precision}_tflop_s'] / 1e9
    return None


@cache
def step_flops(card: Card) -> int:
    """Return the cached number of operations of one training step."""
    return training_step.counted_flops(run_step(card, 'ours'))


def compared(card: Card, name: str, seconds: float) -> Result:
    """Measure both implementations; the plain one is left out if it does not fit into memory."""
    _, build, options, speedup, memory = OPERATIONS[name]
    found: dict[str, tuple[float | None, float | None]] = {}
    for way in WAYS:
        try:
            found[way] = card.measure(build(card, way, **options), seconds)
        except torch.OutOfMemoryError:
            if way == 'ours':
                raise
            found[way] = None, None
    (plain_ms, plain), (ours_ms, ours) = found['plain'], found['ours']
    result = Result(plain_ms and plain_ms / ours_ms, None, plain_ms, ours_ms, aim_speedup=speedup,
                    aim_memory_ratio=memory)
    if plain and ours:
        result.plain_mb, result.ours_mb, result.memory_ratio = plain / 1e6, ours / 1e6, ours / plain
    return result


def fed(card: Card, name: str, seconds: float, workers: int) -> dict[str, float]:
    """Return the result of :func:`feeding.measure`, and the samples per second that a training step uses."""
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    crops, samples = training_step.example_batch(card.batch, card.size)
    model = training_step.build_model(f'configs/{name}.py').to(card.device)
    step = training_step.OurStep(model, crops.to(card.device), samples, card.is_gpu, keep=False)
    taken = 1e3 * len(samples) / card.measure(step, seconds)[0]
    with tempfile.TemporaryDirectory() as folder:
        found = feeding.measure(name, Path(folder), card.batch, workers, seconds, num=16 if card.is_gpu else 4,
                                pin=card.is_gpu)
    return dict(found, step=taken, workers_needed=feeding.workers_for(taken, found['a_core']))


def write_profile(card: Card, path: Path, steps: int = 3) -> float:
    """Write the trace of some steps in bfloat16; return the fraction of time in which the device computed."""
    step = run_step(card, 'ours', 'bf16')
    card.measure(step, 0.0)
    with profile(activities=[ProfilerActivity.CPU, *[ProfilerActivity.CUDA] * card.is_gpu]) as found:
        start = time.perf_counter()
        for _ in range(steps):
            step()
        card.wait()
        wall = time.perf_counter() - start
    found.export_chrome_trace(str(path))
    kind = 'self_device_time_total' if card.is_gpu else 'self_cpu_time_total'
    return sum(getattr(event, kind) for event in found.key_averages()) / 1e6 / wall


def main(argv: list[str] | None = None) -> int:
    """Print and write the results."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.cuda', description=__doc__)
    parser.add_argument('--device', default='cuda', choices=['cuda', 'cpu'])
    parser.add_argument('--only', nargs='*', choices=[*OPERATIONS, *FEEDS], help='run only these')
    parser.add_argument('--workers', type=int, default=max(usable_cpus() - 1, 1),
                        help='workers of the loaders (default: %(default)s, one less than CPUs)')
    parser.add_argument('--seconds', type=float, default=2.0, help='time of the runs per side (default: 2)')
    parser.add_argument('--profile', type=Path, help='also write the trace of three steps (.json.gz)')
    parser.add_argument('--out', type=Path, default=OUT, help='JSON of the results')
    args = parser.parse_args(argv)
    if args.device == 'cuda' and not torch.cuda.is_available():
        parser.error('no GPU here (torch.cuda.is_available() is False); --device cpu tries the runs on small input')
    card = Card(args.device)
    name = torch.cuda.get_device_name() if card.is_gpu else 'no GPU, small input: the numbers say nothing'
    torch.backends.cudnn.benchmark = True
    rate = card.rates(min(args.seconds, 0.5))
    print(f'{name}; {machine()}; ' + ', '.join(f'{key} {value:.3g}' for key, value in rate.items()))
    print(f'{"":67s} threads {"plain ms":>9s} {"ours ms":>9s} speedup memory {"aim":>4s}')
    results, feeds, chosen = {}, {}, [*OPERATIONS, *FEEDS] if args.only is None else args.only
    for key in filter(OPERATIONS.get, chosen):
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
        batch = card.batch * OPERATIONS[key][2].get('times', 1)
        try:
            with card.device:  # the plain implementations create constants there
                result, least = compared(card, key, args.seconds), bound(card, key, rate)
        except (ImportError, torch.OutOfMemoryError) as error:
            print(f'{OPERATIONS[key][0]:67s} left out: {str(error).splitlines()[0]}', flush=True)
            continue
        results[key] = dict(result.as_dict(), batch=batch, bound_ms=least)
        print(row(f'{OPERATIONS[key][0]}, batch {batch}', result)
              + (f'  {result.ours_ms / least:.1f} x bound' if least else ''), flush=True)
    for key in filter(FEEDS.get, chosen):
        found = feeds[key] = fed(card, FEEDS[key], args.seconds, args.workers)
        print(f'{FEEDS[key]}: the step takes {found["step"]:.0f} samples/s; the loader makes {found["a_core"]:.0f} a '
              f'core, {found["loaded"]:.0f} with {args.workers} workers: {found["workers_needed"]} keep the step fed',
              flush=True)
    content = dict(card=name, machine=machine(), date=time.strftime('%Y-%m-%d'), rates=rate, operations=results,
                   feeds=feeds)
    if args.profile:
        content['busy'] = write_profile(card, args.profile)
        print(f'a step in bfloat16: the device computes for {100 * content["busy"]:.0f} % of the time')
    write_atomically(args.out, lambda file: file.write(json.dumps(content, indent=1).encode()))
    return int(card.is_gpu and not all(result['holds'] for result in results.values()))


if __name__ == '__main__':
    sys.exit(main())
