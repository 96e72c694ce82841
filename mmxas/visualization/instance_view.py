"""Data to draw one instance of a data sample: crop, poses in one unit, scores, depth heatmaps, ground truth.

N: instances of the sample, H: hypotheses, K: keypoints, D: depth bins.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mmxas.codecs.predictions import as_numpy, camera_mm, image_mm, parallel, read_prediction, width_mm
from mmxas.structures import Prediction


@dataclass(frozen=True)
class InstanceView:
    """One instance, ready to be drawn.

    Attributes:
        prediction: Prediction and crop.
        box: (4,) box, or None.
        unit: ``'mm'`` or ``'crop'`` (sides of the crop): unit of ``poses``, ``depths`` and ``depth_range``.
        poses: (H, K, 3) relative to each pose's root; x right, y down, z away from the camera. Lifted by the camera if
            the sample has one (``camera`` and ``root_depth``); else x and y are scaled as at the root's depth.
        depths: (H, K) predicted z on the heatmap's axis.
        visible: (K,) visibility in the top-1 pose; drawing compares it with a threshold.
        depth_heatmap: (K, D) probability along depth, or None.
        depth_range: Depth at the two ends of the heatmap's axis.
        true_pixels: (K, 2) image px, or None.
        true_visible: (K,) bool, whether a keypoint is labelled; None for all.
        true_pose: (K, 3) root-relative, in ``unit``, or None.
        mask: (S, S) in [0, 1], the true foreground mask of the crop, or None.
    """

    prediction: Prediction
    box: np.ndarray | None
    unit: str
    poses: np.ndarray
    depths: np.ndarray
    visible: np.ndarray
    depth_heatmap: np.ndarray | None
    depth_range: tuple[float, float]
    true_pixels: np.ndarray | None = None
    true_visible: np.ndarray | None = None
    true_pose: np.ndarray | None = None
    mask: np.ndarray | None = None

    def pose_scores(self) -> np.ndarray:
        """Return the mean score (H,) over each pose's keypoints."""
        return self.prediction.scores.mean(axis=1)

    def differs(self, threshold: float) -> np.ndarray:
        """Return (H, K) bool: valid keypoints farther than ``threshold`` (in ``unit``) from those of the top-1 pose."""
        return (np.linalg.norm(self.poses - self.poses[:1], axis=-1) > threshold) & self.prediction.valid

    def errors(self) -> np.ndarray | None:
        """Return the root-centred MPJPE (H,) in ``unit``; None without ground truth."""
        return None if self.true_pose is None else np.linalg.norm(self.poses - self.true_pose, axis=-1).mean(axis=-1)


def view_instance(data_sample: Any, index: int = 0, root: int = 0) -> InstanceView | None:
    """Read one instance of a data sample.

    Args:
        data_sample: ``PoseDataSample`` with ``pred_instances`` (:func:`mmxas.codecs.predictions.read_prediction`),
            maybe ``gt_instances`` (``keypoints``, ``keypoints_cam``) and ``gt_fields.mask``.
        index: Index of the instance.
        root: Index of the keypoint that poses are relative to.

    Returns:
        The view, or None without a prediction.
    """
    instances = data_sample.get('pred_instances')
    if instances is None or 'keypoints' not in instances or len(instances.keypoints) <= index:
        return None
    found = read_prediction(data_sample, index)
    width, visible = width_mm(found), as_numpy(instances.get('keypoints_visible'), index)
    lifted = found.intrinsics is not None and found.root_depth is not None
    poses = camera_mm(found) if lifted else parallel(found)
    truth = data_sample.get('gt_instances')
    truth = {} if truth is None or len(truth) <= index else truth
    pixels, seen, pose = (
        as_numpy(truth.get(name), index) for name in ('keypoints', 'keypoints_visible', 'keypoints_cam'))
    mask = as_numpy(data_sample.get('gt_fields', {}).get('mask'))
    return InstanceView(
        prediction=found, box=as_numpy(instances.get('bboxes'), index), unit='crop' if width is None else 'mm',
        poses=poses - poses[:, root:root + 1], depths=(found.hypotheses if width is None else image_mm(found))[..., 2],
        visible=np.ones(poses.shape[1]) if visible is None else visible,
        depth_heatmap=as_numpy(instances.get('depth_heatmaps'), index), depth_range=(-(width or 1.0), width or 1.0),
        true_pixels=None if pixels is None or not np.any(pixels) else pixels[:, :2],
        true_visible=None if seen is None else seen.reshape(len(seen), -1)[:, 0] > 0,
        true_pose=None if pose is None or width is None else pose - pose[root],
        mask=None if mask is None else mask.reshape(mask.shape[-2:]))
