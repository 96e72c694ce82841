"""Label-free measures of poses: bone asymmetry and left/right flips.

Symbols: N poses, K keypoints, P left/right pairs.
"""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmxas.ops.checks import check_shape
from mmxas.ops.symmetry import side_bone_pairs


def bone_asymmetry(keypoints: np.ndarray, parents: Sequence[int], flip_pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    """Return how much left and right bones differ in length, from 0 to 200 %.

    Args:
        keypoints: (..., K, 3) in any isotropic unit.
        parents: Parent of each keypoint.
        flip_pairs: (P, 2) left and right keypoints.

    Returns:
        (...) mean over pairs of bones of |left - right| / (their mean), in %; 0 for a pair of zero length.

    Raises:
        ValueError: A shape is wrong, or no bone has a counterpart on the other side.
    """
    check_shape(keypoints, ('...', len(parents), 3), 'keypoints')
    bones = np.array(side_bone_pairs(parents, flip_pairs))
    if len(bones) == 0:
        raise ValueError('flip_pairs: at least one bone with a counterpart on the other side expected, got none')
    lengths = np.linalg.norm(keypoints[..., bones[..., 1], :] - keypoints[..., bones[..., 0], :], axis=-1)
    mean = lengths.mean(axis=-1)
    difference = np.abs(lengths[..., 0] - lengths[..., 1])
    return 100.0 * np.divide(difference, mean, out=np.zeros_like(mean), where=mean > 0).mean(axis=-1)


def flip_rate(poses: np.ndarray, others: np.ndarray, flip_pairs: Sequence[tuple[int, int]],
              min_separation: float = 0.1) -> np.ndarray:
    """Return the percentage of flip pairs that swap left and right between two predictions of one pose.

    A pair is swapped if the other prediction is nearer (sum of squared distances) with the pair exchanged. Pairs closer
    than ``min_separation`` in either prediction do not count.

    Args:
        poses: (N, K, 2) in crop-normalised coordinates.
        others: (N, K, 2) in the same frame; a prediction of a mirrored copy must be mirrored back, with left and right
            exchanged.
        flip_pairs: (P, 2) left and right keypoints.
        min_separation: Crop-normalised distance below which a pair does not count. Defaults to 0.1, 5 % of the crop's
            side.

    Returns:
        (N,) in %, NaN if no pair of a pose counts.

    Raises:
        ValueError: A shape is wrong, or there are no pairs.
    """
    sizes = check_shape(poses, ('N', 'K', 2), 'poses')
    check_shape(others, (sizes['N'], sizes['K'], 2), 'others')
    if len(flip_pairs) == 0:
        raise ValueError('flip_pairs: at least one left/right pair expected, got none')
    index = np.array(flip_pairs)
    first, second = poses[:, index], others[:, index]
    kept = np.square(first - second).sum(axis=(-2, -1))
    exchanged = np.square(first - second[:, :, ::-1]).sum(axis=(-2, -1))
    apart = [np.linalg.norm(p[:, :, 0] - p[:, :, 1], axis=-1) >= min_separation for p in (first, second)]
    counts = apart[0] & apart[1]
    total = counts.sum(axis=1)
    return np.where(total > 0, 100.0 * ((exchanged < kept) & counts).sum(axis=1) / np.maximum(total, 1), np.nan)
