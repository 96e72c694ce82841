"""Lift predictions (image px, depth relative to the root) to poses in the camera frame.

N: instances, H: hypotheses, K: keypoints.
"""
from __future__ import annotations

from dataclasses import replace

import numpy as np
from mmpose.structures import PoseDataSample

from mmxas.codecs.predictions import camera_mm, read_prediction
from mmxas.ops import image_to_camera

from .known_camera import check_intrinsics


def lift_to_camera(prediction: PoseDataSample | np.ndarray, intrinsics: np.ndarray,
                   root_depth: float | np.ndarray) -> np.ndarray:
    """Lift predicted poses to the camera frame.

    Args:
        prediction: A predicted data sample, whose ``hypotheses`` (N, H, K, 3) are lifted from either depth unit; or
            poses (..., K, 3) with x, y in image px and z in mm relative to the root.
        intrinsics: (3, 3), camera matrix of the image.
        root_depth: Depth of the root in the camera frame, mm; one number, or one per instance (N,).

    Returns:
        Poses in camera mm (x right, y down, z forward): (N, H, K, 3) for a data sample, else the shape of the input.

    Raises:
        ValueError: The intrinsics are invalid (3 x 3, focal lengths above 0, last row 0 0 1 expected), a root is not
            in front of the camera, or poses are not (..., K, 3).

    Examples:
        >>> K = np.array([[1000.0, 0, 500], [0, 1000, 500], [0, 0, 1]])
        >>> lift_to_camera(np.array([[500.0, 500, 0], [600, 500, 100]]), K, 2000.0).round(6)
        array([[   0.,    0., 2000.],
               [ 210.,    0., 2100.]])
    """
    intrinsics = check_intrinsics(intrinsics, 'intrinsics')
    depths = np.asarray(root_depth, dtype=np.float64)
    if not (np.isfinite(depths).all() and (depths > 0).all()):
        raise ValueError(f'root_depth: mm in front of the camera (> 0) expected, found {root_depth}')
    if not isinstance(prediction, PoseDataSample):
        return image_to_camera(np.asarray(prediction, dtype=np.float64), intrinsics, depths)
    instances = prediction.pred_instances
    poses = np.array(instances.get('hypotheses', np.asarray(instances.keypoints)[:, None]), dtype=np.float64)
    for index, depth in enumerate(np.broadcast_to(depths, (len(poses), )).tolist()):
        found = read_prediction(prediction, index)
        poses[index] = camera_mm(replace(found, intrinsics=intrinsics, root_depth=depth))
    return poses
