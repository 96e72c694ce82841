"""What a picture needs of one instance of a data sample: crop, poses in one unit, scores, profiles, ground truth.

N: instances of the sample, H: hypotheses, K: keypoints, D: depth bins.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mmxas.ops import image_to_camera

# A box is padded by this to its crop where the sample does not say (conventions of the crops).
BOX_PADDING = 1.25


@dataclass(frozen=True)
class InstanceView:
    """One instance, ready to be drawn.

    Attributes:
        crop: (4,) x0, y0, x1, y1 of the square crop in image px (pixel p lies at p).
        box: (4,) of the box, or None.
        unit: ``'mm'`` or ``'crop'`` (sides of the crop): unit of ``poses``, ``depths`` and ``depth_range``.
        pixels: (H, K, 2) image px.
        poses: (H, K, 3) relative to each pose's root; x right, y down, z away from the camera. Lifted by the camera
            where the sample knows it (``camera`` and ``root_depth``); else x and y are scaled as at the root's depth.
        depths: (H, K) predicted z, as the profile's axis has it.
        scores: (H, K).
        valid: (H, K) bool.
        visible: (K,) of the top-1 pose, compared with a threshold by the drawing.
        profile: (K, D) probability along depth, or None.
        depth_range: Depth at the two ends of the profile's axis.
        true_pixels: (K, 2) image px, or None.
        true_visible: (K,) bool, which of them are labelled; None for all.
        true_pose: (K, 3) root-relative, in ``unit``, or None.
        mask: (S, S) in [0, 1], the true body mask over the crop, or None.
    """

    crop: np.ndarray
    box: np.ndarray | None
    unit: str
    pixels: np.ndarray
    poses: np.ndarray
    depths: np.ndarray
    scores: np.ndarray
    valid: np.ndarray
    visible: np.ndarray
    profile: np.ndarray | None
    depth_range: tuple[float, float]
    true_pixels: np.ndarray | None = None
    true_visible: np.ndarray | None = None
    true_pose: np.ndarray | None = None
    mask: np.ndarray | None = None

    @property
    def num_hypotheses(self) -> int:
        """H."""
        return len(self.poses)

    @property
    def num_keypoints(self) -> int:
        """K."""
        return self.poses.shape[1]

    def pose_scores(self) -> np.ndarray:
        """(H,) mean score of each pose's keypoints."""
        return self.scores.mean(axis=1)

    def differs(self, threshold: float) -> np.ndarray:
        """(H, K) bool: valid keypoints further than ``threshold`` (in ``unit``) from the top-1 pose's."""
        distance = np.linalg.norm(self.poses - self.poses[:1], axis=-1)
        return (distance > threshold) & self.valid

    def errors(self) -> np.ndarray | None:
        """(H,) mean distance to the true pose over keypoints, root-centred, in ``unit``; None without it."""
        if self.true_pose is None:
            return None
        return np.linalg.norm(self.poses - self.true_pose, axis=-1).mean(axis=-1)


def view_instance(data_sample: Any, index: int = 0, root: int = 0) -> InstanceView | None:
    """Read one instance of a data sample.

    Args:
        data_sample: ``PoseDataSample`` with ``pred_instances`` (``keypoints`` (N, K, 2 or 3); ``hypotheses``
            (N, H, K, 3), ``hypothesis_scores``, ``hypothesis_valid`` where there are any), maybe ``gt_instances``
            (``keypoints``, ``keypoints_cam``) and ``gt_fields.mask``.
        index: Which instance.
        root: Index of the keypoint that poses are relative to.

    Returns:
        The view, or None when nothing is predicted.
    """
    instances = data_sample.get('pred_instances')
    if instances is None or 'keypoints' not in instances or len(instances.keypoints) <= index:
        return None
    meta = data_sample.metainfo
    hypotheses, scores, valid = _hypotheses(instances, index)
    box = _array(instances.get('bboxes'), index)
    crop = _crop(instances, index, meta, box, hypotheses)
    rect_3d_width = _rect_3d_width(instances, index, meta)
    scale = 1.0 if rect_3d_width is None else rect_3d_width
    poses = _poses(hypotheses, meta if len(instances.keypoints) == 1 else {}, scale / (crop[2] - crop[0]),
                   rect_3d_width)
    visible = _array(instances.get('keypoints_visible'), index)
    return InstanceView(
        crop=crop, box=box, unit='crop' if rect_3d_width is None else 'mm', pixels=hypotheses[..., :2],
        poses=poses - poses[:, root:root + 1], depths=hypotheses[..., 2], scores=scores, valid=valid,
        visible=np.ones(poses.shape[1]) if visible is None else visible,
        profile=_profile(data_sample, index), depth_range=(-scale, scale),
        **_truth(data_sample, index, root, rect_3d_width))


def _hypotheses(instances: Any, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Poses (H, K, 3), scores (H, K) and validity (H, K); a detector of one 2D pose gives H = 1 and z = 0."""
    poses = _array(instances.get('hypotheses'), index)
    if poses is None:
        poses = _array(instances.keypoints, index)[None]
    if poses.shape[-1] == 2:
        poses = np.concatenate([poses, np.zeros_like(poses[..., :1])], axis=-1)
    scores = _array(instances.get('hypothesis_scores'), index)
    if scores is None:
        scores = _array(instances.get('keypoint_scores'), index)
        scores = np.ones(poses.shape[:2]) if scores is None else scores[None]
    valid = _array(instances.get('hypothesis_valid'), index)
    valid = np.ones(poses.shape[:2], dtype=bool) if valid is None else valid.astype(bool)
    return poses.astype(np.float64), scores.astype(np.float64), valid


def _poses(hypotheses: np.ndarray, meta: Mapping, scale: float, rect_3d_width: float | None) -> np.ndarray:
    """Poses (H, K, 3) with one unit in all axes: lifted by the sample's camera, else by ``scale`` units a px."""
    camera, root_depth = meta.get('camera'), meta.get('root_depth')
    if rect_3d_width is not None and camera is not None and root_depth is not None:
        intrinsics = np.broadcast_to(np.asarray(camera['K'], dtype=np.float64), (len(hypotheses), 3, 3))
        return image_to_camera(hypotheses, intrinsics, float(root_depth))
    poses = hypotheses.copy()
    poses[..., :2] *= scale
    return poses


def _crop(instances: Any, index: int, meta: Mapping, box: np.ndarray | None, poses: np.ndarray) -> np.ndarray:
    """The square crop: the instance's own, the sample's, or the padded box."""
    own = _array(instances.get('crop_boxes'), index)
    if own is not None:
        return own.astype(np.float64)
    if meta.get('input_center') is not None and len(instances.keypoints) == 1:
        return crop_box(meta)
    if box is None:
        points = poses[..., :2].reshape(-1, 2)
        box = np.concatenate([points.min(axis=0), points.max(axis=0)])
    centre, side = (box[:2] + box[2:4]) / 2 - 0.5, BOX_PADDING * float((box[2:4] - box[:2]).max())
    return np.concatenate([centre - side / 2, centre + side / 2])


def instance_crop(data_sample: Any, index: int = 0) -> np.ndarray:
    """The square crop (4,) in image px that one predicted instance was seen in; pixel p lies at p."""
    instances = data_sample.pred_instances
    box = _array(instances.get('bboxes'), index)
    return _crop(instances, index, data_sample.metainfo, box, _hypotheses(instances, index)[0])


def crop_box(meta: Mapping) -> np.ndarray:
    """The crop of a sample in image px.

    Args:
        meta: Meta information with ``input_center``, ``input_scale`` (2,) and ``input_size``, as the crop transform
            records them.

    Returns:
        (4,) x0, y0, x1, y1, where pixel p of the image lies at p.
    """
    scale = np.asarray(meta['input_scale'], dtype=np.float64).reshape(2)
    size = np.asarray(meta.get('input_size', scale), dtype=np.float64).reshape(2)
    first = np.asarray(meta['input_center'], dtype=np.float64).reshape(2) - scale / 2 - scale / size / 2
    return np.concatenate([first, first + scale])


def _rect_3d_width(instances: Any, index: int, meta: Mapping) -> float | None:
    """Side of the crop in mm; None where depths are in units of the crop."""
    unit = instances.get('depth_unit')
    unit = unit if isinstance(unit, str) or unit is None else unit[index]
    rect_3d_width = _array(instances.get('rect_3d_width'), index)
    rect_3d_width = meta.get('rect_3d_width') if rect_3d_width is None else rect_3d_width
    if unit == 'crop' or rect_3d_width is None or not np.isfinite(float(rect_3d_width)):
        return None
    return float(rect_3d_width)


def _profile(data_sample: Any, index: int) -> np.ndarray | None:
    """Depth heatmap (K, D): the instance's ``depth_heatmaps``, or the sample's ``pred_fields.depth_heatmap``."""
    own = _array(data_sample.pred_instances.get('depth_heatmaps'), index)
    if own is not None:
        return own
    fields = data_sample.get('pred_fields')
    if fields is None or 'depth_heatmap' not in fields or len(data_sample.pred_instances.keypoints) != 1:
        return None
    profile = _array(fields.depth_heatmap)
    return profile.reshape(profile.shape[-3] if profile.shape[-2] == 1 else profile.shape[-2], profile.shape[-1])


def _truth(data_sample: Any, index: int, root: int, rect_3d_width: float | None) -> dict[str, np.ndarray | None]:
    """True keypoints in px and which are known, true pose in mm, true mask, each where the sample has it."""
    truth: dict[str, np.ndarray | None] = dict(
        true_pixels=None, true_visible=None, true_pose=None, mask=None)
    instances = data_sample.get('gt_instances')
    if instances is not None and len(instances) > index:
        pixels = _array(instances.get('keypoints'), index)
        truth['true_pixels'] = None if pixels is None or not np.any(pixels) else pixels[:, :2]
        visible = _array(instances.get('keypoints_visible'), index)
        truth['true_visible'] = None if visible is None else visible.reshape(len(visible), -1)[:, 0] > 0
        pose = _array(instances.get('keypoints_cam'), index)
        if pose is not None and rect_3d_width is not None:
            truth['true_pose'] = pose - pose[root]
    fields = data_sample.get('gt_fields')
    if fields is not None and 'mask' in fields:
        truth['mask'] = _array(fields.mask).reshape(_array(fields.mask).shape[-2:])
    return truth


def _array(value: Any, index: int | None = None) -> np.ndarray | None:
    """A field as numpy, maybe one entry of it; None stays None."""
    if value is None:
        return None
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    return np.asarray(value if index is None else value[index])
