"""Batched error metrics of 3D poses, in numpy.

Shapes: (..., K, 3) for any number of leading axes, which prediction and target share after broadcasting; K keypoints.
Errors have the unit of the input, mm by convention. Each metric returns one value per pose, (...); published results
are means over poses.
"""
from collections.abc import Sequence

import numpy as np

from .alignment import align_procrustes, align_scale, root_centred
from .checks import check_choice, check_shape

ALIGNMENTS = ('none', 'scale', 'procrustes')


def keypoint_distances(prediction: np.ndarray, target: np.ndarray, alignment: str = 'none',
                       root: int | None = 0) -> np.ndarray:
    """Return the distance of each keypoint to its target after alignment.

    Args:
        prediction: (..., K, 3).
        target: (..., K, 3); broadcasts with the prediction, e.g. (N, 1, K, 3) with hypotheses (N, H, K, 3).
        alignment: ``'none'``, ``'scale'`` (about the origin, after root centring) or ``'procrustes'``.
        root: Keypoint that both are centred on first; None leaves them where they are.

    Returns:
        (..., K).

    Raises:
        ValueError: If a shape or the alignment is wrong.
    """
    check_choice(alignment, ALIGNMENTS, 'alignment')
    sizes = check_shape(prediction, ('...', 'K', 3), 'prediction')
    check_shape(target, ('...', sizes['K'], 3), 'target')
    prediction, target = np.broadcast_arrays(prediction, target)
    if root is not None:
        prediction, target = root_centred(prediction, root), root_centred(target, root)
    if alignment == 'scale':
        prediction = align_scale(prediction, target)
    elif alignment == 'procrustes':
        prediction = align_procrustes(prediction, target)
    return np.linalg.norm(prediction - target, axis=-1)


def mpjpe(prediction: np.ndarray, target: np.ndarray, root: int | None = 0) -> np.ndarray:
    """Return the mean distance over keypoints, root-centred.

    Args:
        prediction: (..., K, 3).
        target: (..., K, 3).
        root: Keypoint that both are centred on first; None leaves them where they are. Defaults to 0.

    Returns:
        (...) in the unit of the input.
    """
    return keypoint_distances(prediction, target, 'none', root).mean(axis=-1)


def n_mpjpe(prediction: np.ndarray, target: np.ndarray, root: int | None = 0, released: bool = False) -> np.ndarray:
    """Return the mean distance over keypoints after scale alignment.

    Args:
        prediction: (..., K, 3).
        target: (..., K, 3).
        root: Keypoint that both are centred on first. Defaults to 0.
        released: Scale about the frame's origin without centring, as the released code does. Defaults to False.

    Returns:
        (...) in the unit of the input.
    """
    return keypoint_distances(prediction, target, 'scale', None if released else root).mean(axis=-1)


def p_mpjpe(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the mean distance over keypoints after alignment by a similarity transform.

    Args:
        prediction: (..., K, 3).
        target: (..., K, 3).

    Returns:
        (...) in the unit of the input.
    """
    return keypoint_distances(prediction, target, 'procrustes', None).mean(axis=-1)


def pck(prediction: np.ndarray, target: np.ndarray, threshold: float = 150.0, root: int | None = 0,
        alignment: str = 'none', keypoints: Sequence[int] | None = None) -> np.ndarray:
    """Return the percentage of keypoints closer to their target than a threshold.

    Args:
        prediction: (..., K, 3).
        target: (..., K, 3).
        threshold: In the unit of the input.
        root: Keypoint that both are centred on first; None leaves them where they are.
        alignment: As in :func:`keypoint_distances`.
        keypoints: Which keypoints count. Defaults to None: all, including the root, which is always right if centred.

    Returns:
        (...) in [0, 100].
    """
    distances = _of(keypoint_distances(prediction, target, alignment, root), keypoints)
    return 100.0 * (distances < threshold).mean(axis=-1)


def auc(prediction: np.ndarray, target: np.ndarray, threshold: float = 150.0, steps: int = 31,
        root: int | None = 0, alignment: str = 'none', keypoints: Sequence[int] | None = None) -> np.ndarray:
    """Return the mean PCK over evenly spaced thresholds from 0 to the largest one.

    Args:
        prediction: (..., K, 3).
        target: (..., K, 3).
        threshold: The largest threshold, in the unit of the input.
        steps: Number of thresholds, 0 included.
        root: Keypoint that both are centred on first; None leaves them where they are.
        alignment: As in :func:`keypoint_distances`.
        keypoints: Which keypoints count. Defaults to None: all.

    Returns:
        (...) in [0, 100].
    """
    distances = _of(keypoint_distances(prediction, target, alignment, root), keypoints)
    passed = steps - np.searchsorted(np.linspace(0.0, threshold, steps), distances, side='right')
    return 100.0 * passed.mean(axis=-1) / steps


def pckh(prediction: np.ndarray, target: np.ndarray, head_size: np.ndarray | float, threshold: float = 0.5,
         visible: np.ndarray | None = None) -> np.ndarray:
    """Return the percentage of keypoints closer to their target in the image than a fraction of the head's size.

    Args:
        prediction: (..., K, 2) px.
        target: (..., K, 2) px.
        head_size: (...) px.
        threshold: Fraction of the head's size. Defaults to 0.5.
        visible: Which keypoints count, (..., K) bool. Defaults to None: all.

    Returns:
        (...) in [0, 100]; NaN for a pose without any keypoint that counts.

    Raises:
        ValueError: If a shape is wrong, or a head's size is not above 0.
    """
    if not (np.asarray(head_size) > 0).all():
        raise ValueError(f'head_size: px above 0 expected, got {np.min(head_size)}')
    return pck_of_size(prediction, target, head_size, threshold, visible)


def pck_of_size(prediction: np.ndarray, target: np.ndarray, size: np.ndarray | float, threshold: float,
                visible: np.ndarray | None = None) -> np.ndarray:
    """Return the percentage of keypoints closer to their target in the image than a fraction of the body's size.

    If heads are not annotated, the square root of the mask's area can serve as size.

    Args:
        prediction: (..., K, 2) px.
        target: (..., K, 2) px.
        size: (...) px.
        threshold: Fraction of the size.
        visible: Which keypoints count, (..., K) bool. Defaults to None: all.

    Returns:
        (...) in [0, 100]; NaN for a pose without any keypoint that counts.

    Raises:
        ValueError: If a shape is wrong, or a size is not above 0.
    """
    sizes = check_shape(prediction, ('...', 'K', 2), 'prediction')
    check_shape(target, ('...', sizes['K'], 2), 'target')
    size = np.asarray(size, dtype=np.float64)
    if not (size > 0).all():
        raise ValueError(f'size: px above 0 expected, got {size.min()}')
    inside = np.linalg.norm(np.asarray(prediction) - target, axis=-1) < threshold * size[..., None]
    return 100.0 * _mean_where(inside, visible)


def error_2d(prediction: np.ndarray, target: np.ndarray, side: np.ndarray | float,
             visible: np.ndarray | None = None) -> np.ndarray:
    """Return the paper's 2D error: mean distance of keypoints in the image, in % of the crop's side.

    Args:
        prediction: (..., K, 2) px.
        target: (..., K, 2) px.
        side: (...) side of the crop in the same px.
        visible: Which keypoints count, (..., K) bool. Defaults to None: all.

    Returns:
        (...) in %; NaN for a pose without any keypoint that counts.
    """
    sizes = check_shape(prediction, ('...', 'K', 2), 'prediction')
    check_shape(target, ('...', sizes['K'], 2), 'target')
    distances = np.linalg.norm(np.asarray(prediction) - target, axis=-1)
    return 100.0 * _mean_where(distances, visible) / side


def left_right_switch(prediction: np.ndarray, target: np.ndarray,
                      flip_pairs: list[tuple[int, int]] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Replace each paired keypoint by its counterpart if that one is closer to the target.

    This uses the ground truth of each keypoint; only the released protocol does so. Distances are ``|dx| + |dy|``. One
    predicted keypoint may be used for both keypoints of a pair.

    Args:
        prediction: (..., K, C) with C >= 2.
        target: (..., K, C).
        flip_pairs: (P, 2) left and right keypoints.

    Returns:
        The switched prediction (..., K, C), and which keypoints were replaced (..., K, 1) bool.
    """
    sizes = check_shape(prediction, ('...', 'K', 'C'), 'prediction')
    check_shape(target, ('...', sizes['K'], sizes['C']), 'target')
    order = np.arange(sizes['K'])
    for left, right in flip_pairs:
        order[left], order[right] = right, left
    exchanged = prediction[..., order, :]
    own, other = (np.abs(points - target)[..., :2].sum(axis=-1, keepdims=True) for points in (prediction, exchanged))
    switched = other < own
    return np.where(switched, exchanged, prediction), switched


def ambiguity_ratio(switched: np.ndarray) -> np.ndarray:
    """Return how much the views of a frame set disagree on left and right (in the released code, not in the paper).

    A keypoint that was switched (:func:`left_right_switch`) in c of V views counts min(c, V - c) / V: 0 where all views
    agree, one half where they are split. The mean is over all keypoints, unpaired ones included.

    Args:
        switched: (..., V, K) or (..., V, K, 1) bool.

    Returns:
        (...) in [0, 0.5].
    """
    switched = np.asarray(switched, dtype=bool)
    if switched.ndim > 2 and switched.shape[-1] == 1:
        switched = switched[..., 0]
    check_shape(switched, ('...', 'V', 'K'), 'switched')
    count, views = switched.sum(axis=-2), switched.shape[-2]
    return (np.minimum(count, views - count) / views).mean(axis=-1)


def _of(values: np.ndarray, keypoints: Sequence[int] | None) -> np.ndarray:
    """Return the entries (..., K) of the chosen keypoints."""
    return values if keypoints is None else values[..., list(keypoints)]


def _mean_where(values: np.ndarray, chosen: np.ndarray | None) -> np.ndarray:
    """Return the mean of the chosen entries over the last axis, NaN if there are none."""
    if chosen is None:
        return values.mean(axis=-1)
    chosen = np.broadcast_to(np.asarray(chosen, dtype=bool), values.shape)
    count = chosen.sum(axis=-1)
    return np.where(count > 0, np.where(chosen, values, 0.0).sum(axis=-1) / np.maximum(count, 1), np.nan)
