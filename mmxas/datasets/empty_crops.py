"""Crops without foreground: what a wrong step of a pipeline leaves of a picture.

S: side of the crop in px.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from torch import Tensor

GRID = 32
LEAST = 1e-3
LEVELS = 8


def is_empty(crop: Tensor, mask: Any = None) -> bool:
    """Return whether a crop has no foreground: its mask has none, or the crop is of one colour.

    A removed background has one colour, so a crop that shows background alone has one colour, too. Neither that colour
    nor the pipeline needs to be known. A crop without a mask that shows a scene counts as having foreground: nothing
    says what in it is foreground.

    Both are looked at on a grid of about ``GRID`` x ``GRID`` px. Fewer than ``LEAST`` of these px are a speck and no
    foreground. Colours are the same up to ``LEVELS`` grey levels in each channel.

    Args:
        crop: (3, S, S) in grey levels from 0 to 255, on the CPU.
        mask: (1, S, S) array or tensor in [0, 1], foreground above 0.5. Defaults to None: unknown.

    Returns:
        bool: Whether there is no foreground.
    """
    step = max(1, min(crop.shape[-2:]) // GRID)
    if mask is not None and (np.asarray(mask)[0, ::step, ::step] > 0.5).mean() < LEAST:
        return True
    pixels = np.asarray(crop[:, ::step, ::step], dtype=np.float32)
    return bool((abs(pixels - pixels[:, :1, :1]) > LEVELS).any(axis=0).mean() < LEAST)


def empty_crops(crops: Iterable[Tensor], data_samples: Sequence[Any]) -> list[str]:
    """Return the names of the crops that have no foreground.

    Args:
        crops: (3, S, S) each, in grey levels from 0 to 255: ``inputs`` of a batch before its preprocessing, a tensor
            (N, 3, S, S) or a list.
        data_samples: Their N samples, as ``PackXASInputs`` packs them.

    Returns:
        list[str]: :func:`crop_name` of each.
    """
    return [crop_name(sample) for crop, sample in zip(crops, data_samples, strict=True)
            if is_empty(crop, sample.get('gt_fields', {}).get('mask'))]


def crop_name(data_sample: Any) -> str:
    """Return the image file that a packed sample comes from, or its name where there is no file."""
    return str(data_sample.metainfo.get('img_path') or data_sample.metainfo.get('sample_name'))
