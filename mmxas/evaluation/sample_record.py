"""What an evaluation keeps of one predicted sample, by the switches of a protocol.

Symbols: H hypotheses, K keypoints. Predictions come in image px and root-relative mm (or sides of the crop) and are
lifted to camera mm.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from mmxas.evaluation.protocol import Protocol
from mmxas.ops.geometry import camera_to_image, image_to_camera, rect_3d_width
from mmxas.ops.pose_metrics import error_2d, left_right_switch, pckh

Sample = Mapping[str, Any]
# `camera` of a sample holds matrices; its name is `camera_name`. A data set without actions groups frames by clip.
KEYS = {'camera': ('camera_name', ), 'action': ('action', 'clip')}


def as_numpy(values: Any) -> np.ndarray:
    """A tensor or an array as an array."""
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)


def sample_key(sample: Sample, name: str) -> str:
    """What groups samples: a value of the metainfo, as text.

    Args:
        sample: The sample.
        name: ``'action'`` (else the clip), ``'camera'``, or any name in the metainfo.

    Returns:
        str: The value, empty where the sample has none.
    """
    for key in KEYS.get(name, (name, )):
        if sample.get(key) is not None:
            return str(sample[key])
    return ''


def background_of(sample: Sample) -> str:
    """What became of the background of a sample's crop: ``'kept'``, or by which masks it was removed."""
    return str(sample.get('background') or 'kept')


def backgrounds(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Each ``background`` that the kept records have, once."""
    return sorted({result['background'] for result in results})


def sample_errors_2d(sample: Sample, flip_pairs: Sequence[tuple[int, int]], switch: bool = False,
                     keypoints: Sequence[int] | None = None) -> dict[str, float]:
    """The 2D error and, where the head's size is known, PCKh@0.5 of the top-1 pose; nothing without 2D labels.

    Args:
        sample: ``gt_instances.keypoints`` (1, K, 2) px, ``keypoints_visible`` (1, K), ``head_size`` px (there or in the
            metainfo), ``input_scale`` px.
        flip_pairs: Left and right keypoints.
        switch: Whether to switch them to the nearer label. Defaults to False.
        keypoints: Indices of keypoints whose PCKh is asked for, too. Defaults to None: not.

    Returns:
        dict: ``2d_error`` in % of the crop's side and ``pckh`` in %, over the labelled keypoints; ``pckh_hits`` and
        ``pckh_count``, how many of ``keypoints`` are labelled and how many of these are near enough.
    """
    truth = sample.get('gt_instances') or {}
    if truth.get('keypoints') is None:
        return {}
    target = as_numpy(truth['keypoints'])[0, :, :2].astype(np.float64)
    predicted = as_numpy(sample['pred_instances']['keypoints'])[0, :, :2].astype(np.float64)
    if switch:
        predicted = left_right_switch(_padded(predicted), _padded(target), flip_pairs)[0][:, :2]
    visible = truth.get('keypoints_visible')
    visible = None if visible is None else as_numpy(visible)[0].reshape(len(target), -1)[:, 0] > 0
    errors = {'2d_error': error_2d(predicted, target, np.max(sample['input_scale']), visible)}
    head = truth.get('head_size', sample.get('head_size'))
    if head is not None:
        size = float(np.ravel(as_numpy(head))[0])
        errors['pckh'] = pckh(predicted, target, size, 0.5, visible)
        if keypoints is not None:
            chosen = np.isin(np.arange(len(target)), keypoints) & (True if visible is None else visible)
            errors['pckh_count'] = chosen.sum()
            errors['pckh_hits'] = chosen.sum() * pckh(predicted, target, size, 0.5, chosen) / 100 if chosen.any() else 0
    return {name: float(value) for name, value in errors.items()}


def sample_poses(sample: Sample, protocol: Protocol, flip_pairs: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """Poses of a sample in camera mm, beside their label; nothing without 3D labels.

    Args:
        sample: ``pred_instances`` with ``hypotheses`` (1, H, K, 3) and ``hypothesis_valid`` (1, H, K), or with
            ``keypoints`` (1, K, 3) alone; ``gt_instances.keypoints_cam`` (1, K, 3) mm; ``camera`` with ``K``, and
            ``R`` (3, 3) and ``t`` (3) mm, world to camera, where they are known; ``root_depth`` mm; ``rect_3d_width``.
        protocol: Its switches.
        flip_pairs: Left and right keypoints.

    Returns:
        dict: ``hypotheses`` (H, K, 3), ``valid`` (H, K), ``target`` (K, 3); under ``left_right_switch`` also
        ``switched`` (K,); under ``nearest_in='norm'`` also ``nearest`` (H, K, 3), each keypoint's best among the first
        h hypotheses; with extrinsics ``R`` and ``t``.
    """
    truth = sample.get('gt_instances') or {}
    camera = sample.get('camera') or {}
    if truth.get('keypoints_cam') is None or camera.get('K') is None or sample.get('root_depth') is None:
        return {}
    predicted = sample['pred_instances']
    image = as_numpy(predicted.get('hypotheses', as_numpy(predicted['keypoints'])[:, None]))[0].astype(np.float64)
    valid = as_numpy(predicted.get('hypothesis_valid', np.ones((1, *image.shape[:2]), dtype=bool)))[0].astype(bool)
    target = as_numpy(truth['keypoints_cam'])[0].astype(np.float64)
    frame = ImageFrame(sample, protocol)
    record = {'valid': valid if protocol.valid_only else np.ones_like(valid), 'target': target}
    label = camera_to_image(target, frame.K, float(sample['root_depth']))
    image = frame.depths_in_mm(image)
    if protocol.left_right_switch:
        image, switched = left_right_switch(image, np.broadcast_to(label, image.shape), flip_pairs)
        record['switched'] = switched[0, :, 0]  # x and y, which decide, are the same in all hypotheses
    record['hypotheses'] = frame.lift(image)
    if protocol.nearest_in == 'norm' and protocol.best_of_h_per_joint:
        record['nearest'] = frame.lift(nearest_of_first(image * frame.norm, label * frame.norm, record['valid'])
                                       / frame.norm)
    if camera.get('R') is not None and camera.get('t') is not None:
        record.update(R=np.asarray(camera['R'], dtype=np.float64), t=np.ravel(camera['t']).astype(np.float64))
    return record


class ImageFrame:
    """From a sample's image px and root-relative depths to camera mm, with what the protocol gives.

    Args:
        sample: As in :func:`sample_poses`.
        protocol: Whether camera and root depth are given.

    Attributes:
        K: (3, 3) of the true camera.
        root_depth: mm, true or assumed.
        side_mm: Side of the crop in mm at that depth.
        norm: (3,) factors of x, y and z to the scale of the norm frame.
    """

    def __init__(self, sample: Sample, protocol: Protocol) -> None:
        self.K = np.asarray(sample['camera']['K'], dtype=np.float64)
        self.perspective = protocol.true_intrinsics
        self.side_px, focal = float(np.max(sample['input_scale'])), (self.K[0, 0] + self.K[1, 1]) / 2
        true_depth = float(sample['root_depth'])
        true_side = sample.get('rect_3d_width') or rect_3d_width(self.side_px, true_depth, focal)
        given = protocol.true_root_depth
        self.side_mm = float(true_side) if given else protocol.assumed_rect_3d_width
        self.root_depth = true_depth if given else self.side_mm * focal / self.side_px
        unit = sample['pred_instances'].get('depth_unit', 'mm')
        unit = unit if isinstance(unit, str) else list(unit)[0]
        self.depth_factor = self.side_mm if unit == 'crop' else self.side_mm / float(true_side)
        self.norm = np.array([2.0 / self.side_px, 2.0 / self.side_px, 1.0 / self.side_mm])

    def depths_in_mm(self, image: np.ndarray) -> np.ndarray:
        """(..., K, 3) with z in mm or sides of the crop, to z in mm of this crop."""
        return image * [1.0, 1.0, self.depth_factor]

    def lift(self, image: np.ndarray) -> np.ndarray:
        """(H, K, 3) image px and root-relative mm to camera mm; without the camera, to mm about an unknown place."""
        if not self.perspective:
            return image * [self.side_mm / self.side_px, self.side_mm / self.side_px, 1.0]
        return image_to_camera(image, np.broadcast_to(self.K, (len(image), 3, 3)), self.root_depth)


def nearest_of_first(points: np.ndarray, label: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Each keypoint's nearest to its label among the first h hypotheses.

    Args:
        points: (H, K, 3).
        label: (K, 3).
        valid: (H, K) bool; hypothesis 0 always competes.

    Returns:
        (H, K, 3), row h of the first h + 1.
    """
    competes = valid.copy()
    competes[0] = True
    distance = np.where(competes, np.square(points - label).sum(axis=-1), np.inf)
    best = np.stack([distance[:h + 1].argmin(axis=0) for h in range(len(points))])
    return np.take_along_axis(points, best[..., None], axis=0)


def _padded(points: np.ndarray) -> np.ndarray:
    """(K, 2) to (K, 3)."""
    return np.concatenate([points, np.zeros_like(points[:, :1])], axis=-1)
