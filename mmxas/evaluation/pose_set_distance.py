"""Distance between two sets of poses: nearest neighbours, independent of the facing direction.

Shapes: N and M poses, K keypoints. Coordinates are mm in a frame with a vertical axis, such as the body model's
(y up) or a world with z up.
"""
from typing import Literal

import numpy as np


def _split(poses: np.ndarray, root: int, up: int) -> tuple[np.ndarray, np.ndarray]:
    """Return root-centred ground-plane coordinates (N, K) complex and heights (N, K)."""
    centred = np.asarray(poses, np.float64) - np.asarray(poses, np.float64)[:, root:root + 1]
    first, second = (axis for axis in range(3) if axis != up)
    return centred[..., first] + 1j * centred[..., second], centred[..., up]


def yaw_aligned_distance(queries: np.ndarray, references: np.ndarray, root: int = 0, up: int = 1) -> np.ndarray:
    """Return the mean keypoint distance of pairs of poses, after centring on the root and turning about the vertical.

    The turn minimises the sum of squared distances (a Procrustes alignment with one angle).

    Args:
        queries: (..., K, 3) mm.
        references: (..., K, 3) mm, broadcastable to ``queries``.
        root: Index of the root keypoint. Defaults to 0.
        up: Index of the vertical axis. Defaults to 1.

    Returns:
        (...) mm.
    """
    queries, references = np.broadcast_arrays(queries, references)
    shape = queries.shape
    plane_q, height_q = _split(queries.reshape(-1, *shape[-2:]), root, up)
    plane_r, height_r = _split(references.reshape(-1, *shape[-2:]), root, up)
    turn = (plane_q * plane_r.conj()).sum(1, keepdims=True)
    turn = np.where(np.abs(turn) > 0, turn / np.maximum(np.abs(turn), 1e-300), 1)
    distance = np.sqrt(np.abs(plane_q - turn * plane_r) ** 2 + (height_q - height_r) ** 2)
    return distance.mean(1).reshape(shape[:-2])


def nearest_pose_distance(queries: np.ndarray, references: np.ndarray, root: int = 0, up: int = 1,
                          exclude: Literal['none', 'same_index'] = 'none', candidates: int = 8,
                          chunk: int = 1024) -> np.ndarray:
    """Return the distance of each pose to the nearest pose of a set (:func:`yaw_aligned_distance`).

    The nearest ``candidates`` are found by root mean square distance, which is one matrix product, and are then
    compared by mean keypoint distance.

    Args:
        queries: (N, K, 3) mm.
        references: (M, K, 3) mm.
        root: Index of the root keypoint. Defaults to 0.
        up: Index of the vertical axis. Defaults to 1.
        exclude: ``'same_index'`` leaves out reference i for query i, to compare a set with itself. Defaults to
            ``'none'``.
        candidates: Number of neighbours that are compared exactly. Defaults to 8.
        chunk: Number of queries per step. Defaults to 1024.

    Returns:
        (N,) mm.

    Raises:
        ValueError: The sets have different numbers of keypoints, or one is empty.
    """
    if queries.ndim != 3 or references.ndim != 3 or queries.shape[1:] != references.shape[1:]:
        raise ValueError(f'poses of shapes (N, K, 3) and (M, K, 3) expected, got {queries.shape} and '
                         f'{references.shape}')
    if len(references) < (2 if exclude == 'same_index' else 1):
        raise ValueError(f'{len(references)} reference poses are too few')
    plane_r, height_r = _split(references, root, up)
    norm_r = (np.abs(plane_r) ** 2 + height_r ** 2).sum(1)
    out = np.empty(len(queries))
    for start in range(0, len(queries), chunk):
        rows = slice(start, min(start + chunk, len(queries)))
        plane_q, height_q = _split(queries[rows], root, up)
        norm_q = (np.abs(plane_q) ** 2 + height_q ** 2).sum(1)
        squared = norm_q[:, None] + norm_r - 2 * (np.abs(plane_q @ plane_r.conj().T) + height_q @ height_r.T)
        if exclude == 'same_index':
            own = np.arange(rows.start, rows.stop)
            inside = own < len(references)
            squared[np.flatnonzero(inside), own[inside]] = np.inf
        count = min(candidates, len(references) - (exclude == 'same_index'))
        best = np.argpartition(squared, count - 1, axis=1)[:, :count]
        out[rows] = yaw_aligned_distance(queries[rows, None], references[best], root, up).min(1)
    return out
