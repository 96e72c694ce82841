"""Batched alignment of predicted poses with ground truth, in numpy.

Shapes: (..., K, 3) for any number of leading axes; K keypoints. Units are kept.
"""
import numpy as np

from .checks import check_shape


def root_centred(points: np.ndarray, root: int = 0) -> np.ndarray:
    """Subtract the root keypoint.

    Args:
        points: (..., K, 3).
        root: Index of the root.

    Returns:
        (..., K, 3), with the root at the origin.
    """
    check_shape(points, ('...', 'K', 3), 'points')
    return points - points[..., root:root + 1, :]


def align_scale(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Scale poses about the origin to fit their targets by least squares.

    Args:
        prediction: (..., K, 3).
        target: (..., K, 3).

    Returns:
        (..., K, 3) scaled predictions; an all-zero one is unchanged.
    """
    _check_pair(prediction, target)
    dot = (prediction * target).sum(axis=(-2, -1), keepdims=True)
    square = (prediction * prediction).sum(axis=(-2, -1), keepdims=True)
    return prediction * np.divide(dot, square, out=np.ones_like(dot), where=square > 0)


def align_procrustes(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Rotate, scale and translate poses to fit their targets (similarity Procrustes, without reflection).

    Args:
        prediction: (..., K, 3).
        target: (..., K, 3).

    Returns:
        (..., K, 3) aligned predictions in float64; coinciding keypoints are moved to the target's mean.
    """
    _check_pair(prediction, target)
    prediction, target = np.asarray(prediction, np.float64), np.asarray(target, np.float64)
    mean_p, mean_t = prediction.mean(axis=-2, keepdims=True), target.mean(axis=-2, keepdims=True)
    centred_p, centred_t = prediction - mean_p, target - mean_t
    u, singular, vt = np.linalg.svd(centred_t.swapaxes(-1, -2) @ centred_p)
    sign = np.where(np.linalg.det(u) * np.linalg.det(vt) < 0, -1.0, 1.0)
    u = u * np.stack([np.ones_like(sign), np.ones_like(sign), sign], axis=-1)[..., None, :]
    singular = singular * np.stack([np.ones_like(sign), np.ones_like(sign), sign], axis=-1)
    square = (centred_p ** 2).sum(axis=(-2, -1))
    scale = np.divide(singular.sum(axis=-1), square, out=np.zeros_like(square), where=square > 0)
    return scale[..., None, None] * centred_p @ (u @ vt).swapaxes(-1, -2) + mean_t


def _check_pair(prediction: np.ndarray, target: np.ndarray) -> None:
    check_shape(prediction, ('...', 'K', 3), 'prediction')
    check_shape(target, tuple(prediction.shape), 'target')
