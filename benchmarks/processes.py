"""``python -m benchmarks.processes``: training throughput of one and of two gloo processes, one thread each.

Also what a step exchanges and computes, counted, for the projection to eight GPUs in docs/performance.md.
"""
from __future__ import annotations

import argparse
import json
import os
import socket
import time
from pathlib import Path

import torch
import torch.distributed as dist
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import multiprocessing, nn
from torch.nn.parallel import DistributedDataParallel

import mmxas  # noqa: F401
from benchmarks.comparison import ROOT
from benchmarks.training_step import ADAM, example_batch, pair_gflop
from mmxas.io.atomic_writes import write_atomically
from mmxas.registry import MODELS

OUT = ROOT / 'benchmarks/results/processes.json'
CONFIG = 'configs/xas_mocap.py'


class LossOf(nn.Module):
    """The sum of an estimator's losses, as a forward that DistributedDataParallel wraps.

    Args:
        model: The estimator.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, crops: torch.Tensor, samples: list) -> torch.Tensor:
        """A scalar."""
        return sum(self.model.loss(crops, samples).values())


def build_model(config: str) -> nn.Module:
    """The estimator of a config in the last stage, in which all networks train, with random weights."""
    cfg = Config.fromfile(ROOT / config)
    backbone = cfg.model.backbone
    backbone.update({'init_cfg': None} if 'init_cfg' in backbone else {'pretrained': False})
    torch.manual_seed(0)
    init_default_scope('mmpose')
    model = MODELS.build(cfg.model)
    model.set_stage(cfg.train_cfg.stages[-1].loss_weights)
    return model.train()


def gradient_bytes(model: nn.Module) -> int:
    """Bytes of float32 gradients that a step averages over processes."""
    return sum(4 * p.numel() for p in model.parameters() if p.requires_grad)


def _train(rank: int, world: int, port: int, config: str, batch: int, size: int, steps: int,
           queue: multiprocessing.SimpleQueue) -> None:
    """One process of a group; the first reports its samples a second."""
    torch.set_num_threads(1)
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    dist.init_process_group('gloo', rank=rank, world_size=world)
    model = DistributedDataParallel(LossOf(build_model(config)), broadcast_buffers=False)  # as tools/train.py
    optimizer = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), **ADAM)
    crops, samples = example_batch(batch, size)
    for step in range(-2, steps):
        if step == 0:
            dist.barrier()
            start = time.perf_counter()
        optimizer.zero_grad()
        model(crops, samples).backward()
        optimizer.step()
    dist.barrier()
    if rank == 0:
        queue.put(world * len(samples) * steps / (time.perf_counter() - start))
    dist.destroy_process_group()


def throughput(world: int, config: str, batch: int, size: int, steps: int) -> float:
    """Samples a second of so many processes together.

    Args:
        world: Number of processes.
        config: The recipe.
        batch: Targets, and as many synthetic samples, of each process.
        size: Side of the crops in px.
        steps: Steps that count.
    """
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    context = multiprocessing.get_context('spawn')
    queue = context.SimpleQueue()
    arguments = (world, port, config, batch, size, steps, queue)
    multiprocessing.start_processes(_train, arguments, nprocs=world, start_method='spawn')
    return queue.get()


def main(argv: list[str] | None = None) -> int:
    """Print and write."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.processes', description=__doc__)
    parser.add_argument('--config', default=CONFIG)
    parser.add_argument('--batch', type=int, default=16)
    parser.add_argument('--size', type=int, default=96)
    parser.add_argument('--steps', type=int, default=20)
    parser.add_argument('--out', type=Path, default=OUT)
    args = parser.parse_args(argv)
    rates = {world: throughput(world, args.config, args.batch, args.size, args.steps) for world in (1, 2)}
    print(f'1 process {rates[1]:.1f} samples/s, 2 processes {rates[2]:.1f}: {rates[2] / rates[1]:.2f} times')
    counted = {}
    for config, size in ((args.config, args.size), ('configs/xas_h36m.py', 256)):
        model = build_model(config)
        row = counted[config] = dict(gradient_bytes=gradient_bytes(model), pair_gflop=pair_gflop(model, size))
        print(f'{config}: {row["gradient_bytes"] / 1e6:.1f} MB of gradients a step, '
              f'{row["pair_gflop"]:.1f} GFLOP a pair')
    content = dict(config=args.config, batch=args.batch, size=args.size, steps=args.steps,
                   samples_per_second=rates, counted=counted)
    write_atomically(args.out, lambda file: file.write(json.dumps(content, indent=1).encode()))
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
