"""Detect suspicious masks: empty, full, several bodies, or a body cut off by its box.

h, w: size of the mask.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mmxas.io import AmbiguousMaskError, read_mask
from mmxas.ops.boxes import box_overlaps, mask_box

from .segmenter import main_components


@dataclass(frozen=True)
class MaskLimits:
    """Thresholds from which a mask is suspicious.

    Attributes:
        full: Share of the image or box above which a mask is too large.
        tiny: Share of the box (of the image without a box) below which a mask is too small.
        part: Components with at least this share of the largest one's area count as further bodies.
        box_iou: IoU of the mask's box with the given box below which they do not match.
    """

    full: float = 0.9
    tiny: float = 0.005
    part: float = 0.15
    box_iou: float = 0.5


def read_with_doubts(path: str | Path) -> tuple[np.ndarray, list[str]]:
    """Return a file's mask (h, w) bool, and the kinds of :class:`~mmxas.io.AmbiguousMaskError` it would raise.

    Raises:
        UnreadableImageError: The file is absent, truncated or no image.
    """
    try:
        return read_mask(path), []
    except AmbiguousMaskError as error:
        return error.mask, [error.kind]


def mask_problems(mask: np.ndarray, box: Sequence[float] | None = None, limits: MaskLimits | None = None) -> list[str]:
    """Return the problems of a mask.

    Args:
        mask: (h, w), foreground not 0, as returned by :func:`~mmxas.io.read_mask`.
        box: Box of the body, (4,) x0, y0, x1, y1 in px on pixel edges, or None.
        limits: The thresholds. Defaults to those of :class:`MaskLimits`.

    Returns:
        Some of ``'empty'``, ``'full frame'``, ``'fills its box'``, ``'tiny'``, ``'several parts'``, ``'does
            not fit its box'``; empty if there is no problem.
    """
    limits = limits or MaskLimits()
    body = np.asarray(mask) > 0
    area = int(body.sum())
    if area == 0:
        return ['empty']
    problems = []
    if area >= limits.full * body.size:
        problems.append('full frame')
    window = body.size if box is None else max(float((box[2] - box[0]) * (box[3] - box[1])), 1.0)
    if box is not None and 'full frame' not in problems and area >= limits.full * window:
        problems.append('fills its box')
    if area < limits.tiny * window:
        problems.append('tiny')
    if cv2.connectedComponents(main_components(body, limits.part).astype(np.uint8))[0] > 2:  # background and one part
        problems.append('several parts')
    if box is not None and box_overlaps(mask_box(body)[None], np.array([box], np.float64))[0, 0] < limits.box_iou:
        problems.append('does not fit its box')
    return problems


def mask_iou(first: np.ndarray, second: np.ndarray) -> float:
    """Return the intersection over union of two masks (h, w), foreground not 0; 1 if both are empty.

    Raises:
        ValueError: Their sizes differ.
    """
    if first.shape != second.shape:
        raise ValueError(f'masks of {first.shape} and {second.shape}, expected one size')
    one, other = np.asarray(first) > 0, np.asarray(second) > 0
    union = int((one | other).sum())
    return int((one & other).sum()) / union if union else 1.0
