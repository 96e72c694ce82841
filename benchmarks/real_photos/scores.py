"""Metrics of the table, one value per hypothesis. H: hypotheses; 12 limbs in the order of ``photos.LIMBS``."""
from __future__ import annotations

import numpy as np

from mmxas.ops.geometry import image_to_camera
from mmxas.ops.pose_metrics import keypoint_distances, mpjpe, p_mpjpe, pck_of_size

from .photos import IN_H36M, LIMBS, Photo

HIPS = [LIMBS.index('right_hip'), LIMBS.index('left_hip')]
SHOULDERS = [LIMBS.index('right_shoulder'), LIMBS.index('left_shoulder')]
TORSO = [LIMBS.index('right_hip'), LIMBS.index('left_shoulder')]


def torso_size(joints: np.ndarray) -> float:
    """Return the distance between right hip and left shoulder of joints (12, 2), px."""
    return float(np.linalg.norm(joints[TORSO[0]] - joints[TORSO[1]]))


def is_upright(joints: np.ndarray) -> bool:
    """Return whether the shoulders of (12, 2) px are above the hips by more than 0.3 torso sizes on average."""
    return bool(joints[HIPS, 1].mean() - joints[SHOULDERS, 1].mean() > 0.3 * torso_size(joints))


def limb_pck(points: np.ndarray, joints: np.ndarray, threshold: float = 0.2) -> np.ndarray:
    """Return the share (H,) of limbs (H, 12, 2) closer to (12, 2) than a fraction of the torso's size."""
    size = np.full(len(points), torso_size(joints))
    return pck_of_size(points, np.broadcast_to(joints, points.shape), size, threshold) / 100


def mask_pck(points: np.ndarray, photo: Photo, threshold: float = 0.15) -> np.ndarray:
    """Return the share (H,) of visible keypoints (H, K, 2) closer than a fraction of sqrt(mask area)."""
    size = np.full(len(points), np.sqrt(photo.mask.sum()))
    return pck_of_size(points, np.broadcast_to(photo.joints, points.shape), size, threshold, photo.visible) / 100


def hip_centred(poses: np.ndarray) -> np.ndarray:
    """Centre poses (..., 12, 3) on the middle of the hips."""
    return poses - poses[..., HIPS, :].mean(axis=-2, keepdims=True)


def scaled_error(poses: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the hip-centred N-MPJPE (H,) in mm of (H, 12, 3) in any unit to (12, 3) mm."""
    return keypoint_distances(hip_centred(poses), hip_centred(target)[None], 'scale', None).mean(axis=-1)


def in_camera(poses: np.ndarray, photo: Photo) -> np.ndarray:
    """Lift poses (..., K, 3), x and y in px and z in px of the crop, by the true camera and root depth to mm."""
    focal = (photo.K[0, 0] + photo.K[1, 1]) / 2
    return image_to_camera(poses * [1, 1, photo.root_depth / focal], photo.K, photo.root_depth)


def errors_3d(poses: np.ndarray, photo: Photo) -> dict[str, np.ndarray]:
    """Return errors (H,) of hypotheses in mm, by name.

    Args:
        poses: (H, 18, 3), x and y in px, z times the side of the crop in px.
        photo: A photo with pose and camera.
    """
    limbs, lifted = poses[:, IN_H36M], in_camera(poses, photo)
    errors = {'MPJPE': mpjpe(hip_centred(lifted[:, IN_H36M]), hip_centred(photo.pose)[None], None),
              'N-MPJPE': scaled_error(limbs, photo.pose), 'PA-MPJPE': p_mpjpe(limbs, photo.pose[None])}
    if photo.skeleton is not None:
        errors['MPJPE, 18 keypoints'] = mpjpe(lifted, photo.skeleton[None])
    return errors
