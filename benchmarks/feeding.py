"""Measure the samples per second of a config's loader, and the workers that a training step needs.

Runs the config's pipelines (read, decode, warp, augment, collate) on a few rendered images. The files are cached in
memory, so disk access is not measured.
"""
from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

import mmxas  # noqa: F401
from benchmarks.comparison import ROOT
from benchmarks.rendering import SETS
from mmxas.datasets.rendered_sets import prepare_sets
from mmxas.datasets.shared_parts import share_config
from mmxas.engine.config_knobs import read_config

# Sides in px of the stored images: a frame of Human3.6M, and the config's renderings.
STORED = {'xas_h36m': dict(synthetic=256, target=1000), 'xas_photos_256': dict(synthetic=384, target=384)}


def small_recipe(name: str, folder: Path, num: int) -> Config:
    """Return a config whose data sets have ``num`` renderings each, with its own pipelines.

    Args:
        name: One of :data:`STORED`.
        folder: Folder of the renderings.
        num: Number of images per domain.
    """
    cfg = read_config(ROOT / f'configs/{name}.py')
    pairs = cfg.train_dataloader.dataset
    for domain, side in STORED[name].items():
        own = {key: pairs[domain][key] for key in ('pipeline', 'box') if key in pairs[domain]}
        kind = dict(synthetic='SyntheticPairDataset', target='MocapHuman')[domain]
        pairs[domain] = dict(own, type=kind, data_root=str(folder / f'{domain}_{side}'), num=num,
                             generator=dict(SETS[domain], image_size=side))
    pairs.length = 2**20  # repeat the few images: no epoch ends during the measurement
    return cfg


def batches(cfg: Config, batch: int, workers: int, pin: bool = False) -> Iterator[dict[str, Any]]:
    """Yield training batches of ``batch`` pairs."""
    init_default_scope('mmpose')
    cfg.train_dataloader.update(batch_size=batch, num_workers=workers, persistent_workers=workers > 0, pin_memory=pin)
    share_config(cfg)
    prepare_sets(cfg, ['train'])
    return iter(Runner.build_dataloader(cfg.train_dataloader, seed=0))


def measure(name: str, folder: Path, batch: int, workers: int, seconds: float, num: int = 16,
            pin: bool = False) -> dict[str, float]:
    """Measure samples per second.

    Args:
        name: One of :data:`STORED`.
        folder: Folder of the renderings.
        batch: Pairs per batch.
        workers: Number of worker processes.
        seconds: Time of each measurement.
        num: Number of images per domain.
        pin: Load into pinned memory, as for a GPU.

    Returns:
        ``a_core``: samples per second of CPU time of one process, without workers; ``workers``: their number;
        ``loaded``: samples per second of wall time of all workers.
    """
    cfg = small_recipe(name, folder, num)
    alone = rate(batches(cfg, batch, 0), seconds, time.process_time)
    together = rate(batches(cfg, batch, workers, pin), seconds, time.perf_counter, 2 * workers)
    return dict(a_core=alone, workers=workers, loaded=together)


def rate(source: Iterator[dict[str, Any]], seconds: float, clock: Any, skip: int = 1) -> float:
    """Return samples per second of a clock, after ``skip`` batches."""
    for _ in itertools.islice(source, skip):
        pass
    samples, start = 0, clock()
    while not samples or clock() < start + seconds:
        samples += len(next(source)['data_samples'])
    return samples / (clock() - start)


def workers_for(step: float, a_core: float) -> int:
    """Return the number of workers, each on its own core, that deliver the samples per second of a training step."""
    return math.ceil(step / a_core)
