"""Check annotations for impossible values before the first iteration."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from mmxas.datasets.transforms.loading import SkipCounter


class BadAnnotationError(ValueError):
    """A sample has a box, camera or keypoints that cannot be trained on."""


def camera_fault(K: np.ndarray) -> str | None:
    """Return what is wrong with intrinsics (3, 3) in px, or None."""
    K = np.asarray(K, dtype=np.float64)
    if K.shape != (3, 3) or not np.isfinite(K).all():
        return f'its camera has the intrinsics {K.tolist()}, expected nine finite numbers'
    if K[0, 0] <= 0 or K[1, 1] <= 0:
        return f'its camera has the focal lengths {K[0, 0]:g} and {K[1, 1]:g} px, expected more than 0'
    return None


def pose_fault(points: np.ndarray, root: int) -> str | None:
    """Return what is wrong with keypoints (K, 3) in the camera frame, mm, or None."""
    bad = np.flatnonzero(~np.isfinite(points).all(axis=-1))
    if len(bad):
        return f'its keypoint {bad[0]} is {np.asarray(points[bad[0]]).tolist()}, expected finite mm'
    if not points[root, 2] > 0:
        return f'its root has the depth {points[root, 2]:g} mm, expected more than 0 (in front of the camera)'
    return None


def box_fault(box: np.ndarray) -> str | None:
    """Return what is wrong with a box (4,) or (1, 4) in px, or None."""
    box = np.ravel(np.asarray(box, dtype=np.float64))
    if box.shape != (4,) or not np.isfinite(box).all() or not (box[2:] > box[:2]).all():
        return f'its box is {box.tolist()}, expected [x0, y0, x1, y1] with an area'
    return None


def check_annotations(records: Iterable[Mapping[str, Any]], on_error: str = 'raise') -> list[dict]:
    """Drop the samples that cannot be trained on, or raise at the first one.

    Args:
        records: Samples with ``sample_name`` and ``bbox``; ``fault`` is a problem found earlier.
        on_error: ``'raise'``, or ``'skip'``: log, count and leave out. Defaults to ``'raise'``.

    Returns:
        The remaining samples.

    Raises:
        BadAnnotationError: A sample has a fault; the message names it.
    """
    skipped, kept = SkipCounter('bad annotation'), []
    for record in records:
        fault = record.get('fault') or box_fault(record['bbox'])
        if fault is None:
            kept.append(record)
        elif on_error == 'raise':
            raise BadAnnotationError(f"{record['sample_name']}: {fault}; set on_error='skip' to continue without it")
        else:
            skipped.add(f'{record["sample_name"]}: {fault}')
    return kept
