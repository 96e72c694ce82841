"""Films of moving squares on black, a segmenter that finds what is bright, and a tiny detector for them."""
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config
from tiny_photos import photo_config
from tiny_videos import write_video

from mmxas.apis import XASInferencer
from mmxas.masks import Segmenter
from mmxas.registry import SEGMENTERS

SIZE = 96, 64  # w, h in px


@SEGMENTERS.register_module(force=True)
class BrightSegmenter(Segmenter):
    """Finds each bright region; counts its calls."""

    finds = segments = 0

    def segment(self, image: np.ndarray, box: np.ndarray | None = None) -> np.ndarray:
        """What is bright in the box."""
        type(self).segments += 1
        mask = image.max(axis=2) > 100
        if box is not None:
            x0, y0, x1, y1 = np.asarray(box).round().astype(int)
            inside = np.zeros_like(mask)
            inside[max(y0, 0):y1, max(x0, 0):x1] = True
            mask &= inside
        return mask

    def find_boxes(self, image: np.ndarray) -> np.ndarray:
        """The boxes of the regions, from left to right."""
        type(self).finds += 1
        count, _, stats, _ = cv2.connectedComponentsWithStats((image.max(axis=2) > 100).astype(np.uint8))
        boxes = [[x, y, x + w, y + h] for x, y, w, h, area in stats[1:count].tolist() if area > 20]
        return np.array(sorted(boxes), dtype=np.float32).reshape(-1, 4)


def film(num: int, bodies: Sequence[Mapping[str, object]] = ({}, ), size: tuple[int, int] = SIZE) -> list[np.ndarray]:
    """Return frames (h, w, 3) uint8 of squares that move to the right.

    Args:
        num: Frames.
        bodies: Each with ``top`` in px, ``start`` x in px, ``speed`` in px per frame and ``there``, the frames in which
            it is there; each optional.
        size: (w, h) of the frames.
    """
    images = []
    for index in range(num):
        image = np.zeros((size[1], size[0], 3), np.uint8)
        for body in bodies:
            if index in body.get('there', range(num)):
                x = round(body.get('start', 4) + body.get('speed', 0.5) * index)
                top = body.get('top', 8)
                image[top:top + 20, x:x + 14] = 240, 200, 160
        images.append(image)
    return images


def clip_config(data: Path, options: dict | None = None) -> Config:
    """The tiny recipe with :class:`BrightSegmenter` in its test pipeline."""
    return photo_config(data, options, 'tiny_clips', 'BrightSegmenter')


def tiny_inferencer(options: dict | None = None, weights: str | None = None) -> XASInferencer:
    """A detector with the same weights each time."""
    torch.manual_seed(0)
    return XASInferencer(clip_config(Path('unused'), options), weights, device='cpu', depth_heatmaps=False)


def write_clip(path: Path, images: Sequence[np.ndarray], **options) -> Path:
    """Write frames as H.264."""
    return write_video(path, images=images, crf='10', **options)
