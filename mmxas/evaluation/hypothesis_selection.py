"""Errors of several hypotheses a sample: of the confident one, and of the best ones.

Shapes: N samples, H hypotheses, K keypoints. Poses are in mm in the camera frame and are compared root-centred.
Hypothesis 0 is the most confident one and always counts. Another hypothesis counts as a pose if at least one of its
keypoints is valid, and as a keypoint where that keypoint is valid: an invalid entry never wins by itself.
"""
from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mmxas.ops.alignment import root_centred
from mmxas.ops.checks import check_shape
from mmxas.ops.pose_metrics import mpjpe, n_mpjpe, p_mpjpe

Errors = dict[str, dict[str, np.ndarray]]


def pose_metrics(root: int) -> dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]:
    """The three metrics by name: (..., K, 3) twice to (...), mm."""
    return {
        'MPJPE': lambda prediction, target: mpjpe(prediction, target, root),
        'N-MPJPE': lambda prediction, target: n_mpjpe(prediction, target, root),
        'P-MPJPE': p_mpjpe}


def pose_errors(prediction: np.ndarray, target: np.ndarray, root: int = 0) -> dict[str, np.ndarray]:
    """The three metrics of one pose a sample.

    Args:
        prediction: (N, K, 3) mm.
        target: (N, K, 3) mm.
        root: Index of the root. Defaults to 0.

    Returns:
        dict: Name of the metric to (N,) mm.
    """
    return {name: metric(prediction, target) for name, metric in pose_metrics(root).items()}


def counted_poses(valid: np.ndarray) -> np.ndarray:
    """Which hypotheses count as poses: (N, H, K) bool to (N, H) bool."""
    counted = np.asarray(valid, dtype=bool).any(axis=-1)
    counted[:, 0] = True
    return counted


def best_pose_errors(hypotheses: np.ndarray, valid: np.ndarray, target: np.ndarray,
                     root: int = 0) -> dict[str, np.ndarray]:
    """The errors of the best pose of each sample; each metric takes its own best one.

    Args:
        hypotheses: (N, H, K, 3) mm.
        valid: (N, H, K) bool.
        target: (N, K, 3) mm.
        root: Index of the root. Defaults to 0.

    Returns:
        dict: Name of the metric to (N,) mm.
    """
    _check(hypotheses, valid, target)
    counted = counted_poses(valid)
    return {name: np.where(counted, metric(hypotheses, np.broadcast_to(target[:, None], hypotheses.shape)),
                           np.inf).min(axis=1)
            for name, metric in pose_metrics(root).items()}


def best_keypoints(hypotheses: np.ndarray, valid: np.ndarray, target: np.ndarray, root: int = 0) -> np.ndarray:
    """Join each sample's keypoints that lie nearest to their targets, whichever hypothesis they come from.

    Args:
        hypotheses: (N, H, K, 3) mm.
        valid: (N, H, K) bool.
        target: (N, K, 3) mm.
        root: Index of the root. Defaults to 0.

    Returns:
        np.ndarray: Root-centred poses (N, K, 3) mm.
    """
    _check(hypotheses, valid, target)
    centred = root_centred(hypotheses, root)
    distance = np.linalg.norm(centred - root_centred(target, root)[:, None], axis=-1)
    counted = np.asarray(valid, dtype=bool).copy()
    counted[:, 0] = True
    best = np.where(counted, distance, np.inf).argmin(axis=1)
    return np.take_along_axis(centred, best[:, None, :, None], axis=1)[:, 0]


def depth_noise_copies(hypotheses: np.ndarray, valid: np.ndarray, seed: int = 0) -> np.ndarray:
    """Replace all hypotheses but the confident one by copies of it with random depths, as a control.

    The noise is normal and independent a keypoint, and has the root mean square of the depth differences between the
    counted hypotheses and the confident one. Keypoints move along their rays, so that they stay where they are in the
    image. A method whose hypotheses mean something beats the best of these copies.

    Args:
        hypotheses: (N, H, K, 3) camera mm, not root-centred.
        valid: (N, H, K) bool.
        seed: Seed of the noise. Defaults to 0.

    Returns:
        np.ndarray: (N, H, K, 3) camera mm.
    """
    confident, counted = hypotheses[:, :1], counted_poses(valid)[:, 1:]
    difference = (hypotheses[:, 1:] - confident)[..., 2]
    spread = np.sqrt(np.square(difference[counted]).mean()) if counted.any() else 0.0
    noise = np.random.default_rng(seed).normal(0.0, spread, size=difference.shape)
    copies = confident * (1 + noise / confident[..., 2])[..., None]
    return np.concatenate([confident, copies], axis=1)


def hypothesis_errors(hypotheses: np.ndarray, valid: np.ndarray, target: np.ndarray, root: int = 0,
                      mean_pose: np.ndarray | None = None) -> Errors:
    """All errors that a table shows, in one pass.

    Args:
        hypotheses: (N, H, K, 3) camera mm, the most confident one first.
        valid: (N, H, K) bool.
        target: (N, K, 3) camera mm.
        root: Index of the root. Defaults to 0.
        mean_pose: A constant pose (K, 3) in mm to compare with, root-centred in the camera frame. Defaults to None.

    Returns:
        dict: ``mean_pose`` (where given), ``confident``, ``best_per_pose``, ``best_per_keypoint`` and ``best_of_noise``
        (:func:`depth_noise_copies`, best per pose; for H > 1), each name of a metric to (N,) mm.
    """
    _check(hypotheses, valid, target)
    errors: Errors = {}
    if mean_pose is not None:
        errors['mean_pose'] = pose_errors(np.broadcast_to(mean_pose, target.shape), target, root)
    errors['confident'] = pose_errors(hypotheses[:, 0], target, root)
    errors['best_per_pose'] = best_pose_errors(hypotheses, valid, target, root)
    errors['best_per_keypoint'] = pose_errors(best_keypoints(hypotheses, valid, target, root), target, root)
    if hypotheses.shape[1] > 1:
        errors['best_of_noise'] = best_pose_errors(depth_noise_copies(hypotheses, valid), valid, target, root)
    return errors


def _check(hypotheses: np.ndarray, valid: np.ndarray, target: np.ndarray) -> None:
    sizes = check_shape(hypotheses, ('N', 'H', 'K', 3), 'hypotheses')
    check_shape(valid, (sizes['N'], sizes['H'], sizes['K']), 'valid')
    check_shape(target, (sizes['N'], sizes['K'], 3), 'target')
