"""Rendered bodies before one colour as photos without labels, a segmenter that knows the colour, and a detector."""
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from test_runs.tiny_mocap import tiny_config, write_config

from mmxas.masks import Segmenter
from mmxas.ops.boxes import mask_box
from mmxas.registry import MODELS, SEGMENTERS
from mmxas.synthesis.pair_generator import PairGenerator

COLOUR = (255, 0, 255)
NUM = 18


@SEGMENTERS.register_module(force=True)
class ColourSegmenter(Segmenter):
    """Takes for the body what has another colour than the background."""

    def segment(self, image: np.ndarray, box: np.ndarray | None = None) -> np.ndarray:
        """The body, wherever the box is."""
        return (image != COLOUR).any(axis=2)

    def find_boxes(self, image: np.ndarray) -> np.ndarray:
        """The body's box; none where there is no body."""
        box = mask_box(self.segment(image))
        return np.zeros((0, 4), np.float32) if box is None else box[None]


def photo_config(data: Path, options: dict | None = None, module: str = 'tiny_photos',
                 segmenter: str = 'ColourSegmenter') -> Config:
    """The tiny recipe, whose test pipeline has a segmenter of a module of the tests; by default one by colour."""
    cfg = tiny_config(data)
    cfg.custom_imports.imports.append(module)
    for step in cfg.test_dataloader.dataset.pipeline:
        if step['type'] == 'SegmentInBox':
            step['segmenter'] = dict(type=segmenter)
    cfg.merge_from_dict(options or {})
    return cfg


def write_photos(cfg: Config, folder: Path, num: int = NUM) -> Path:
    """Write images of 64 px, ``00.png`` and so on, of which nothing but the pixels is kept."""
    generator = PairGenerator.from_config(
        cfg.train_dataloader.dataset.target.generator.to_dict(), seed=7, skeleton=cfg.model.skeleton)
    folder.mkdir(parents=True)
    for index in range(num):
        pair = generator.generate(index)
        pair.image[pair.mask == 0] = COLOUR
        cv2.imwrite(str(folder / f'{index:02d}.png'), pair.image)
    return folder


def write_detector(cfg: Config, folder: Path) -> tuple[Path, Path]:
    """Write the config and weights that nothing has trained."""
    config, weights = write_config(cfg, folder), folder / 'weights.pth'
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpose'):
        torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), weights)
    return config, weights
