"""Detect crops without foreground, which a misconfigured pipeline produces.

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
    """Return whether a crop has no foreground: its mask is empty, or the crop has a single colour.

    A removed background has one colour, so a crop of background alone has one colour, too. Neither the colour nor the
    pipeline needs to be known. A crop of a scene without a mask counts as having foreground.

    Both are checked on a grid of about ``GRID`` x ``GRID`` px. Fewer than ``LEAST`` of these px do not count as
    foreground. Colours are considered equal up to ``LEVELS`` grey levels per channel.

    Args:
        crop: (3, S, S) in grey levels from 0 to 255, on the CPU.
        mask: (1, S, S) array or tensor in [0, 1], foreground above 0.5. Defaults to None: unknown.

    Returns:
        Whether there is no foreground.
    """
    step = max(1, min(crop.shape[-2:]) // GRID)
    if mask is not None and (np.asarray(mask)[0, ::step, ::step] > 0.5).mean() < LEAST:
        return True
    pixels = np.asarray(crop[:, ::step, ::step], dtype=np.float32)
    return bool((abs(pixels - pixels[:, :1, :1]) > LEVELS).any(axis=0).mean() < LEAST)


def empty_crops(crops: Iterable[Tensor], data_samples: Sequence[Any]) -> list[str]:
    """Return the names of the crops that have no foreground.

    Args:
        crops: ``inputs`` of a batch before preprocessing, a tensor (N, 3, S, S) or a list of (3, S, S), in grey levels
            from 0 to 255.
        data_samples: Their N samples, as packed by ``PackXASInputs``.

    Returns:
        :func:`crop_name` of each of these crops.
    """
    return [crop_name(sample) for crop, sample in zip(crops, data_samples, strict=True)
            if is_empty(crop, sample.get('gt_fields', {}).get('mask'))]


def crop_name(data_sample: Any) -> str:
    """Return the image file of a packed sample, or its name if there is no file."""
    return str(data_sample.metainfo.get('img_path') or data_sample.metainfo.get('sample_name'))
