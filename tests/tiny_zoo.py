"""A checkout in little, with two models and no weights; and a segmenter that finds what it is told."""
from pathlib import Path

import numpy as np
from mmengine.config import Config
from test_runs.tiny_mocap import tiny_config, write_config

from mmxas.masks import Segmenter
from mmxas.registry import SEGMENTERS

METAFILE = """Models:
- Name: tiny
  Config: configs/config.py
  Results: []
- Name: other
  Alias: [second, third]
  Config: configs/config2.py
"""


@SEGMENTERS.register_module(force=True)
class SegmenterOfTheTest(Segmenter):
    """Finds the boxes that it is told, and takes all of a box for the body."""

    def __init__(self, boxes: list) -> None:
        self.boxes = np.array(boxes, dtype=np.float32).reshape(-1, 4)

    def segment(self, image: np.ndarray, box: np.ndarray | None = None) -> np.ndarray:
        """All of the box, or of the image."""
        x0, y0, x1, y1 = [0, 0, *image.shape[1::-1]] if box is None else np.asarray(box).astype(int)
        mask = np.zeros(image.shape[:2], dtype=bool)
        mask[y0:y1, x0:x1] = True
        return mask

    def find_boxes(self, image: np.ndarray) -> np.ndarray:
        """What it was told."""
        return self.boxes


def with_segmenter(config: Config, boxes: list | None) -> Config:
    """A config whose test pipeline finds the given boxes; None: without a segmenter."""
    config = config.copy()
    pipeline = config.test_dataloader.dataset.pipeline
    step = next(step for step in pipeline if step['type'] == 'SegmentInBox')
    if boxes is None:
        pipeline.remove(step)
    else:
        step['segmenter'] = dict(type='SegmenterOfTheTest', boxes=boxes)
    return config


def write_zoo(root: Path) -> Path:
    """Write a folder like the checkout: the models ``tiny``, whose segmenter finds one box, and ``other``."""
    (root / 'mmxas').mkdir(parents=True)
    (root / 'setup.py').touch()
    write_config(with_segmenter(tiny_config(Path('unused')), [[10, 10, 60, 80]]), root / 'configs')
    (root / 'model-index.yml').write_text('Import:\n- metafile.yml\n')
    (root / 'metafile.yml').write_text(METAFILE)
    return root
