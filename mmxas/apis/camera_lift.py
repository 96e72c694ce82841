"""From a prediction in image px and depth relative to the root to poses in the camera frame.

N: instances, H: hypotheses, K: keypoints.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmpose.structures import PoseDataSample

from mmxas.ops import image_to_camera, rect_3d_width
from mmxas.visualization import instance_crop


@dataclass(frozen=True)
class KnownCamera:
    """Intrinsics of an image and where the roots in it lie, as a caller gives them to an inferencer.

    Attributes:
        K: (3, 3) in px.
        root_depth: mm, one number or one a box.
    """

    K: np.ndarray
    root_depth: np.ndarray

    @classmethod
    def from_dict(cls, camera: Mapping[str, Any]) -> KnownCamera:
        """Check ``K`` and ``root_depth``.

        Raises:
            ValueError: One of them is missing, or ``K`` is no 3 x 3 matrix of intrinsics.
        """
        missing = [key for key in ('K', 'root_depth') if camera.get(key) is None]
        if missing:
            raise ValueError(f'camera: K (3, 3) in px and root_depth in mm expected, {" and ".join(missing)} missing')
        K = _intrinsics(camera['K'], 'camera: K')
        return cls(K, np.asarray(camera['root_depth'], dtype=np.float64).reshape(-1))

    def root_depths(self, count: int, name: str) -> np.ndarray:
        """Root depth (count,) in mm of each box of an image.

        Raises:
            ValueError: Another number of depths than of boxes, or one that is not positive; the image is named.
        """
        if len(self.root_depth) not in (1, count) or not (self.root_depth > 0).all():
            raise ValueError(f'{name}: root_depth, one positive number of mm or one a box ({count}) expected, found '
                             f'{self.root_depth.tolist()}')
        return np.broadcast_to(self.root_depth, (count, ))


def lift_to_camera(prediction: PoseDataSample | np.ndarray, intrinsics: np.ndarray,
                   root_depth: float | np.ndarray) -> np.ndarray:
    """Lift predicted poses to the camera frame.

    Args:
        prediction: A predicted data sample, whose ``hypotheses`` (N, H, K, 3) are lifted, in whichever depth unit they
            are; or poses (..., K, 3) with x, y in image px and z in mm relative to the root.
        intrinsics: (3, 3) of the image that the pixels are of.
        root_depth: Depth of the root in the camera frame, mm; a number, or one for each of the N instances.

    Returns:
        Poses in camera mm (x right, y down, z forward): (N, H, K, 3) of a data sample, else the shape of the poses.

    Raises:
        ValueError: The intrinsics are none (3 x 3, focal lengths above 0, last row 0 0 1), or a root does not lie in
            front of the camera.

    Example:
        >>> K = np.array([[1000.0, 0, 500], [0, 1000, 500], [0, 0, 1]])
        >>> lift_to_camera(np.array([[500.0, 500, 0], [600, 500, 100]]), K, 2000.0).round(6)
        array([[   0.,    0., 2000.],
               [ 210.,    0., 2100.]])
    """
    intrinsics = _intrinsics(intrinsics, 'intrinsics')
    depths = np.asarray(root_depth, dtype=np.float64)
    if not (np.isfinite(depths).all() and (depths > 0).all()):
        raise ValueError(f'root_depth: mm in front of the camera (> 0) expected, found {root_depth}')
    if not isinstance(prediction, PoseDataSample):
        return _lift(np.asarray(prediction, dtype=np.float64), intrinsics, depths)
    poses = poses_in_mm(prediction, intrinsics, depths)
    return _lift(poses, intrinsics, np.broadcast_to(depths, (len(poses), ))[:, None])


def poses_in_mm(prediction: PoseDataSample, intrinsics: np.ndarray, root_depth: np.ndarray) -> np.ndarray:
    """Hypotheses with x, y in image px and z in mm; depths in units of the crop are scaled by the crop's size in mm.

    Args:
        prediction: A predicted data sample.
        intrinsics: (3, 3).
        root_depth: mm, a number or (N,).

    Returns:
        (N, H, K, 3).
    """
    instances = prediction.pred_instances
    poses = np.array(instances.get('hypotheses', np.asarray(instances.keypoints)[:, None]), dtype=np.float64)
    focal = (intrinsics[0, 0] + intrinsics[1, 1]) / 2
    depths = np.broadcast_to(root_depth, (len(poses), ))
    for index, unit in enumerate(depth_units(instances)):
        if unit == 'crop':
            crop = instance_crop(prediction, index)
            poses[index, ..., 2] *= rect_3d_width(crop[2] - crop[0], depths[index], focal)
    return poses


def depth_units(instances: Any) -> list[str]:
    """Unit of z of each predicted instance, ``'mm'`` or ``'crop'`` (sides of the crop)."""
    units = instances.get('depth_unit', 'mm')
    return [units] * len(instances.keypoints) if isinstance(units, str) else list(units)


def _intrinsics(values: Any, name: str) -> np.ndarray:
    """Intrinsics (3, 3) float64, whole and invertible."""
    K = np.asarray(values, dtype=np.float64)
    if K.shape != (3, 3):
        raise ValueError(f'{name}: a matrix (3, 3) expected, found shape {K.shape}')
    right = np.isfinite(K).all() and K[0, 0] > 0 and K[1, 1] > 0 and np.allclose(K[2], (0, 0, 1))
    if not right or K[0, 0] * K[1, 1] <= K[0, 1] * K[1, 0]:
        raise ValueError(f'{name}: intrinsics [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] in px with fx > 0 and fy > 0 '
                         f'expected, found {K.tolist()}')
    return K


def _lift(poses: np.ndarray, intrinsics: np.ndarray, root_depth: np.ndarray) -> np.ndarray:
    if poses.ndim < 2 or poses.shape[-1] != 3:
        raise ValueError(f'prediction: poses (..., K, 3) expected, found shape {poses.shape}')
    return image_to_camera(poses, intrinsics, root_depth)
