"""Held-out renderings from a config's own synthetic distribution."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmcv.transforms import Compose
from mmengine.config import Config

from mmxas.datasets.datasets import SyntheticPairDataset
from mmxas.registry import TRANSFORMS
from mmxas.structures import load_skeleton
from mmxas.synthesis.synthesize import plain

from .photos import H36M, IN_H36M, Photo

NUM = 512
SEED_STEP = 1000  # added to the seed of the training's pairs
REMOVED, LEFT_IN = 'renderings, background removed', 'renderings, background left in'


def synthetic_set(cfg: Config) -> Config:
    """Return the data set of a config's synthetic pairs.

    Raises:
        ValueError: The config has none with a generator.
    """
    dataset = cfg.get('train_dataloader', {}).get('dataset', {}).get('synthetic') or {}
    if 'generator' not in dataset:
        raise ValueError(f'{cfg.filename or "config"}: no train_dataloader.dataset.synthetic.generator, to render '
                         'held-out pairs from; leave `renderings` out with --only')
    return dataset


def removal(steps: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the step of a pipeline that removes the background, or None."""
    return next((dict(step) for step in steps if step['type'] == 'RemoveBackground'), None)


def groups(cfg: Config) -> list[str]:
    """Return the rows of a config; "background left in" only if training does not always remove it."""
    step = removal(synthetic_set(cfg).get('pipeline', ()))
    return [REMOVED] if step and step.get('prob', 1) == 1 else [REMOVED, LEFT_IN]


def pipeline_of(cfg: Config, group: str) -> Compose:
    """Return the test pipeline of a config for images whose true mask is known, with or without their background."""
    steps = [dict(step) for step in cfg.test_dataloader.dataset.pipeline]
    remove = dict(removal(steps) or dict(type='RemoveBackground'), prob=1)
    steps = [step for step in steps if step['type'] not in ('SegmentInBox', 'RemoveBackground')]
    steps = [*steps[:-1], *([remove] if group == REMOVED else []), steps[-1]]
    return Compose([TRANSFORMS.build(step) for step in steps])


def renderings(cfg: Config, folder: Path, num: int = NUM) -> list[Photo]:
    """Return held-out pairs in the boxes of their masks; rendered on first use.

    Args:
        cfg: Config whose ``train_dataloader.dataset.synthetic.generator`` draws them, by another seed.
        folder: Folder of the sets of all configs, with one folder per generator and seed.
        num: Number of pairs. Defaults to 512.

    Returns:
        Photos of the first group, with joints and masks: the 12 limb joints of people, all keypoints of other species.
    """
    source = synthetic_set(cfg)
    generator, seed = plain(source['generator']), source.get('seed', 0) + SEED_STEP
    name = hashlib.sha256(json.dumps([generator, seed], sort_keys=True).encode()).hexdigest()[:12]
    dataset = SyntheticPairDataset(data_root=str(folder / name), generator=generator, num=num, seed=seed,
                                   image_files=True, skeleton=cfg.model.skeleton, lazy_init=True)
    dataset.render_missing()
    dataset.full_init()
    infos = map(dataset.get_data_info, range(len(dataset)))
    keypoints = load_skeleton(cfg.model.skeleton).keypoints
    kept, visible = (IN_H36M, None) if keypoints == H36M else (slice(None), np.ones(len(keypoints), dtype=bool))
    return [Photo(REMOVED, Path(info['img_path']), np.asarray(info['bbox'][0]), info['keypoints'][0][kept],
                  visible, mask=info['mask'] > 0) for info in infos]
