"""Errors of several hypotheses per sample: of the top-1 pose, and best-of-H.

Shapes: N samples, H hypotheses, K keypoints. Poses are in mm in the camera frame and are compared root-centred.
Hypothesis 0 is the top-1 pose and always competes. Per pose, another hypothesis competes if at least one of its
keypoints is valid; per joint, wherever that keypoint is valid.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from mmxas.evaluation.protocol import Protocol
from mmxas.ops.alignment import root_centred
from mmxas.ops.checks import check_shape
from mmxas.ops.geometry import camera_to_world
from mmxas.ops.pose_metrics import auc, mpjpe, n_mpjpe, p_mpjpe, pck

Errors = dict[str, dict[str, np.ndarray]]
Extrinsics = tuple[np.ndarray, np.ndarray]
Metrics = dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]

HIGHER_IS_BETTER = ('PCK@150mm', 'AUC')
STANDARD = Protocol()


def pose_metrics(root: int = 0, root_centred: bool = True, extrinsics: Extrinsics | None = None,
                 keypoints: Sequence[int] | None = None) -> Metrics:
    """Return the metrics by name; each maps two arrays (..., K, 3) to (...).

    Args:
        root: Index of the root. Defaults to 0.
        root_centred: Centre both poses on the root before MPJPE, PCK and AUC. Defaults to True.
        extrinsics: Rotations (N, 3, 3) and translations (N, 3) mm, world to camera. With them N-MPJPE scales about the
            world's origin without centring. Defaults to None: N-MPJPE scales about the root after centring.
        keypoints: Indices of n keypoints for which PCK and AUC are reported as well. Defaults to None.

    Returns:
        MPJPE, N-MPJPE and P-MPJPE in mm, ``PCK@150mm`` and ``AUC`` (thresholds 0, 5, …, 150 mm) in %, and for the
        n ``keypoints`` ``PCK@150mm/<n>`` and ``AUC/<n>``.
    """
    centre = root if root_centred else None

    def scaled(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        if extrinsics is None:
            return n_mpjpe(prediction, target, root)
        return n_mpjpe(_to_world(prediction, *extrinsics), _to_world(target, *extrinsics), released=True)

    chosen = {'': None} if keypoints is None else {'': None, f'/{len(keypoints)}': keypoints}
    metrics = {
        'MPJPE': lambda prediction, target: mpjpe(prediction, target, centre),
        'N-MPJPE': scaled,
        'P-MPJPE': p_mpjpe}
    for name, indices in chosen.items():
        metrics[f'PCK@150mm{name}'] = partial(pck, threshold=150.0, root=centre, keypoints=indices)
        metrics[f'AUC{name}'] = partial(auc, threshold=150.0, steps=31, root=centre, keypoints=indices)
    return metrics


def pose_errors(prediction: np.ndarray, target: np.ndarray, root: int = 0,
                metrics: Metrics | None = None) -> dict[str, np.ndarray]:
    """Return the metrics of one pose per sample.

    Args:
        prediction: (N, K, 3) mm.
        target: (N, K, 3) mm.
        root: Index of the root. Defaults to 0.
        metrics: As of :func:`pose_metrics`. Defaults to those of the root.

    Returns:
        Name of the metric to (N,).
    """
    return {name: metric(prediction, target) for name, metric in (metrics or pose_metrics(root)).items()}


def counted_poses(valid: np.ndarray) -> np.ndarray:
    """Return which hypotheses compete as poses: (N, H, K) bool to (N, H) bool."""
    counted = np.asarray(valid, dtype=bool).any(axis=-1)
    counted[:, 0] = True
    return counted


def best_pose_curve(hypotheses: np.ndarray, valid: np.ndarray, target: np.ndarray, root: int = 0,
                    metrics: Metrics | None = None) -> dict[str, np.ndarray]:
    """Return the errors of the best pose among the first h hypotheses, for each h; each metric chooses its own best.

    Args:
        hypotheses: (N, H, K, 3) mm.
        valid: (N, H, K) bool.
        target: (N, K, 3) mm.
        root: Index of the root. Defaults to 0.
        metrics: As of :func:`pose_metrics`. Defaults to those of the root.

    Returns:
        Name of the metric to (N, H).
    """
    _check(hypotheses, valid, target)
    counted, targets = counted_poses(valid), np.broadcast_to(target[:, None], hypotheses.shape)
    curve = {}
    for name, metric in (metrics or pose_metrics(root)).items():
        values = metric(hypotheses, targets)
        if name.partition('/')[0] in HIGHER_IS_BETTER:
            curve[name] = np.maximum.accumulate(np.where(counted, values, -np.inf), axis=1)
        else:
            curve[name] = np.minimum.accumulate(np.where(counted, values, np.inf), axis=1)
    return curve


def best_pose_errors(hypotheses: np.ndarray, valid: np.ndarray, target: np.ndarray, root: int = 0,
                     metrics: Metrics | None = None) -> dict[str, np.ndarray]:
    """Return the errors of the best pose per sample, (N,) each: the last column of :func:`best_pose_curve`."""
    return {name: values[:, -1]
            for name, values in best_pose_curve(hypotheses, valid, target, root, metrics).items()}


def best_keypoints(hypotheses: np.ndarray, valid: np.ndarray, target: np.ndarray, root: int = 0) -> np.ndarray:
    """Combine the keypoints of all hypotheses that lie nearest to their targets into one pose per sample.

    Args:
        hypotheses: (N, H, K, 3) mm.
        valid: (N, H, K) bool.
        target: (N, K, 3) mm.
        root: Index of the root. Defaults to 0.

    Returns:
        Root-centred poses (N, K, 3) mm.
    """
    _check(hypotheses, valid, target)
    centred = root_centred(hypotheses, root)
    distance = np.linalg.norm(centred - root_centred(target, root)[:, None], axis=-1)
    counted = np.asarray(valid, dtype=bool).copy()
    counted[:, 0] = True
    best = np.where(counted, distance, np.inf).argmin(axis=1)
    return np.take_along_axis(centred, best[:, None, :, None], axis=1)[:, 0]


def depth_noise_copies(hypotheses: np.ndarray, valid: np.ndarray, seed: int = 0) -> np.ndarray:
    """Replace all hypotheses except the top-1 pose by copies of it with random depths, as a control.

    The noise is normal and independent per keypoint. Its root mean square is that of the depth differences between the
    competing hypotheses and the top-1 pose. Keypoints move along their rays, so their image positions do not change.
    Informative hypotheses beat the best of these copies.

    Args:
        hypotheses: (N, H, K, 3) camera mm, not root-centred.
        valid: (N, H, K) bool.
        seed: Seed of the noise. Defaults to 0.

    Returns:
        (N, H, K, 3) camera mm.
    """
    top1, counted = hypotheses[:, :1], counted_poses(valid)[:, 1:]
    difference = (hypotheses[:, 1:] - top1)[..., 2]
    spread = np.sqrt(np.square(difference[counted]).mean()) if counted.any() else 0.0
    noise = np.random.default_rng(seed).normal(0.0, spread, size=difference.shape)
    copies = top1 * (1 + noise / top1[..., 2])[..., None]
    return np.concatenate([top1, copies], axis=1)


def hypothesis_errors(hypotheses: np.ndarray, valid: np.ndarray, target: np.ndarray, root: int = 0,
                      mean_pose: np.ndarray | None = None, protocol: Protocol = STANDARD,
                      extrinsics: Extrinsics | None = None, nearest: np.ndarray | None = None,
                      keypoints: Sequence[int] | None = None) -> Errors:
    """Return all errors that a table shows, in one pass.

    Args:
        hypotheses: (N, H, K, 3) camera mm, the top-1 pose first.
        valid: (N, H, K) bool.
        target: (N, K, 3) camera mm.
        root: Index of the root. Defaults to 0.
        mean_pose: A constant pose (K, 3) in mm as a baseline, root-centred in the camera frame. Defaults to None.
        protocol: Which errors are reported, and how they are measured. Defaults to the standard one.
        extrinsics: As in :func:`pose_metrics`. Defaults to None.
        nearest: (N, H, K, 3) camera mm: each keypoint's best among the first h hypotheses, if chosen in advance
            (``nearest_in='norm'``). Defaults to None: :func:`best_keypoints`.
        keypoints: As in :func:`pose_metrics`. Defaults to None.

    Returns:
        ``mean_pose`` (if given), ``top1`` and, if the protocol reports them, ``best_of_h_per_pose``,
        ``best_of_h_per_joint`` and ``best_of_noise`` (:func:`depth_noise_copies`, best per pose; for H > 1 and the true
        camera), each mapping a metric's name to (N,); ``best_of_first``, for H > 1: the best-of-h MPJPE, per pose and
        per joint, of the first h hypotheses, (N, H).
    """
    _check(hypotheses, valid, target)
    count = hypotheses.shape[1]
    metrics = pose_metrics(root, protocol.root_centred, extrinsics, keypoints)
    errors: Errors = {}
    curves = {}
    if mean_pose is not None:
        place = 0.0 if protocol.root_centred else target[:, root:root + 1]
        errors['mean_pose'] = pose_errors(np.broadcast_to(mean_pose + place, target.shape), target, root, metrics)
    errors['top1'] = pose_errors(hypotheses[:, 0], target, root, metrics)
    if protocol.best_of_h_per_pose:
        curve = best_pose_curve(hypotheses, valid, target, root, metrics)
        errors['best_of_h_per_pose'] = {name: values[:, -1] for name, values in curve.items()}
        curves['best_of_h_per_pose'] = curve['MPJPE']
    if protocol.best_of_h_per_joint:
        if nearest is None:
            nearest = np.stack([best_keypoints(hypotheses[:, :h + 1], valid[:, :h + 1], target, root)
                                for h in range(count)], axis=1) + (0.0 if protocol.root_centred else
                                                                   target[:, None, root:root + 1])
        errors['best_of_h_per_joint'] = pose_errors(nearest[:, -1], target, root, metrics)
        curves['best_of_h_per_joint'] = metrics['MPJPE'](nearest, np.broadcast_to(target[:, None], nearest.shape))
    if count > 1 and protocol.best_of_h_per_pose and protocol.true_intrinsics:
        noise = depth_noise_copies(hypotheses, valid)
        errors['best_of_noise'] = best_pose_errors(noise, valid, target, root, metrics)
    if count > 1 and curves:
        errors['best_of_first'] = curves
    return errors


def _to_world(poses: np.ndarray, rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Convert camera mm (N, K, 3) or (N, H, K, 3) to world mm with the samples' extrinsics."""
    if poses.ndim == 4:
        rotation, translation = rotation[:, None], translation[:, None]
    return camera_to_world(poses, rotation, translation)


def _check(hypotheses: np.ndarray, valid: np.ndarray, target: np.ndarray) -> None:
    sizes = check_shape(hypotheses, ('N', 'H', 'K', 3), 'hypotheses')
    check_shape(valid, (sizes['N'], sizes['H'], sizes['K']), 'valid')
    check_shape(target, (sizes['N'], sizes['K'], 3), 'target')
