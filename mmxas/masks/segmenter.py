"""Base class of the segmenters: from an image and a box to the mask of the body in the box."""
from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np


class Segmenter:
    """Base of the segmenters.

    Attributes:
        needs_box: Whether a box is required.
        needs_sequence: Whether :meth:`start_sequence` must be called first, with the images of a fixed camera.
    """

    needs_box = False
    needs_sequence = False

    def start_sequence(self, images: Sequence[np.ndarray]) -> None:
        """Prepare for the images of a sequence; most segmenters do nothing here.

        Args:
            images: All images of one camera, (h, w, 3) uint8 BGR, read on access.
        """

    def segment(self, image: np.ndarray, box: np.ndarray | None = None) -> np.ndarray:
        """Segment the body.

        Args:
            image: (h, w, 3) uint8 BGR.
            box: (4,) x0, y0, x1, y1 in image px on pixel edges, or None.

        Returns:
            (h, w) bool.
        """
        raise NotImplementedError

    def find_boxes(self, image: np.ndarray) -> np.ndarray | None:
        """Return one box per body in the image, largest first; None if the segmenter does not support it.

        Args:
            image: (h, w, 3) uint8 BGR.

        Returns:
            (N, 4) float32 x0, y0, x1, y1 in image px on pixel edges; (0, 4) if none is found.
        """
        return None


def clip_box(box: Sequence[float] | np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the part of a box that lies in the image.

    Args:
        box: (4,) x0, y0, x1, y1 in image px on pixel edges.
        shape: (h, w, ...) of the image.

    Returns:
        (4,) float64.

    Raises:
        ValueError: The box is invalid, or less than a pixel of it lies in the image.
    """
    found = np.asarray(box, dtype=np.float64)
    if found.shape != (4, ) or not np.isfinite(found).all():
        raise ValueError(f'box {np.asarray(box).tolist()}: four finite numbers x0, y0, x1, y1 expected')
    height, width = shape[:2]
    inside = np.clip(found, 0, [width, height, width, height])
    if (inside[2:] - inside[:2] < 1).any():
        raise ValueError(f'box {found.tolist()}: less than a pixel of it lies in the image of {width} x {height} px; '
                         'x0, y0, x1, y1 in px with x0 < x1, y0 < y1 expected')
    return inside


def crop_window(box: Sequence[float] | np.ndarray, margin: float, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return a box with a margin, in whole px inside the image.

    Args:
        box: (4,) x0, y0, x1, y1 in px on pixel edges.
        margin: On each side, as a fraction of the box's larger side.
        shape: (h, w, ...) of the image.

    Returns:
        x0, y0, x1, y1.

    Raises:
        ValueError: The box is invalid, or less than a pixel of it lies in the image.
    """
    inside = clip_box(box, shape)
    grown = margin * (inside[2:] - inside[:2]).max()
    x0, y0 = np.floor(np.maximum(inside[:2] - grown, 0)).astype(int).tolist()
    x1, y1 = np.ceil(np.minimum(inside[2:] + grown, shape[1::-1])).astype(int).tolist()
    return x0, y0, x1, y1


def inside_box(box: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the mask (h, w) bool of the pixels whose centre lies in a box (4,) on pixel edges."""
    y, x = np.arange(shape[0])[:, None] + 0.5, np.arange(shape[1])[None] + 0.5
    return (x > box[0]) & (x < box[2]) & (y > box[1]) & (y < box[3])


def main_components(mask: np.ndarray, share: float = 1.0) -> np.ndarray:
    """Keep the large connected components (8 neighbours) of a mask.

    Args:
        mask: (h, w) bool.
        share: A component is kept if its area is at least this share of the largest one's. Defaults to 1: only the
            largest.

    Returns:
        (h, w) bool; an empty mask stays empty.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(np.ascontiguousarray(mask, dtype=np.uint8))
    if count < 2:
        return np.zeros(mask.shape, dtype=bool)
    sizes = stats[1:, cv2.CC_STAT_AREA]
    kept = np.concatenate([[False], sizes >= share * sizes.max()])
    return kept[labels]
