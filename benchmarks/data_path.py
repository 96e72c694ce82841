"""``python -m benchmarks.data_path``: the share of a training step that the loop waits for data, stage by stage.

The recipe's own loader, model and optimizer, with workers in processes. Its sets are rendered first where missing.
"""
from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

import mmxas  # noqa: F401
from benchmarks.comparison import ROOT
from mmxas.io.atomic_writes import write_atomically
from mmxas.registry import MODELS

OUT = ROOT / 'benchmarks/results/data_path.json'


def measure(cfg: Config, stage: dict[str, Any], iterations: int, warm_up: int = 10) -> dict[str, float]:
    """Medians over the iterations of one stage.

    Args:
        cfg: The recipe.
        stage: One of its stages.
        iterations: Iterations that count.
        warm_up: Iterations before, in which workers start.

    Returns:
        ``data_ms``, ``step_ms`` (with data), ``share``, ``samples_per_second``, and
        ``loader_samples_per_second``: what the workers deliver when nothing else computes.
    """
    torch.manual_seed(0)
    init_default_scope('mmpose')
    model = MODELS.build(cfg.model)
    model.init_weights()
    model.train()
    model.set_stage(stage['loss_weights'])
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper)
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    loader.dataset.activate(model.domains)
    waits, steps, batches = [], [], itertools.chain.from_iterable(itertools.repeat(loader))
    for _ in range(warm_up + iterations):
        start = time.perf_counter()
        batch = next(batches)
        waits.append(time.perf_counter() - start)
        model.train_step(batch, optim_wrapper=optimizer)
        steps.append(time.perf_counter() - start)
    waits, steps = waits[warm_up:], steps[warm_up:]
    start = time.perf_counter()
    for _ in range(iterations):
        next(batches)
    alone = time.perf_counter() - start
    samples = len(batch['data_samples'])
    return dict(data_ms=1e3 * statistics.median(waits), step_ms=1e3 * statistics.median(steps),
                share=sum(waits) / sum(steps), samples_per_second=samples * len(steps) / sum(steps),
                loader_samples_per_second=samples * iterations / alone)


def main(argv: list[str] | None = None) -> int:
    """Print a line a stage; exit status 1 if data takes a tenth of a step."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.data_path', description=__doc__)
    parser.add_argument('config', nargs='?', default='configs/xas_mocap.py')
    parser.add_argument('--workers', type=int, default=2)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--iterations', type=int, default=60)
    parser.add_argument('--out', type=Path, default=OUT)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    cfg = Config.fromfile(args.config)
    cfg.train_dataloader.update(num_workers=args.workers, persistent_workers=args.workers > 0)
    results = {}
    for stage in cfg.train_cfg.stages:
        result = results[stage['name']] = measure(cfg, stage, args.iterations)
        print(f'{stage["name"]:12s} data {result["data_ms"]:7.1f} ms of {result["step_ms"]:7.1f} ms a step, '
              f'{100 * result["share"]:.1f} % of all time, {result["samples_per_second"]:.0f} samples/s, '
              f'the loader alone {result["loader_samples_per_second"]:.0f}', flush=True)
    content = dict(config=args.config, workers=args.workers, threads=args.threads, stages=results)
    write_atomically(args.out, lambda file: file.write(json.dumps(content, indent=1).encode()))
    return int(any(result['share'] >= 0.1 for result in results.values()))


if __name__ == '__main__':
    raise SystemExit(main())
