"""Errors and poses of one predicted sample, according to the switches of a protocol.

Symbols: H hypotheses, K keypoints. Predictions come in image px and root-relative mm (or sides of the crop) and are
lifted to camera mm.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mmxas.codecs.predictions import as_numpy, camera_mm, crop_normalised, image_mm, parallel, read_prediction, width_mm
from mmxas.evaluation.protocol import Protocol
from mmxas.ops.geometry import camera_to_image
from mmxas.ops.pose_metrics import error_2d, left_right_switch, pckh
from mmxas.structures import Prediction

Sample = Mapping[str, Any]


def sample_errors_2d(sample: Sample, flip_pairs: Sequence[tuple[int, int]], switch: bool = False,
                     keypoints: Sequence[int] | None = None) -> dict[str, float]:
    """Return the 2D error and, if the head size is known, PCKh@0.5 of the top-1 pose; empty without 2D labels.

    Args:
        sample: ``gt_instances.keypoints`` (1, K, 2) px, ``keypoints_visible`` (1, K), ``head_size`` px (in
            ``gt_instances`` or in the metainfo), ``input_scale`` px.
        flip_pairs: Left and right keypoints.
        switch: Whether to switch left and right to the nearer label. Defaults to False.
        keypoints: Indices of keypoints whose PCKh is counted as well. Defaults to None.

    Returns:
        ``2d_error`` in % of the crop's side and ``pckh`` in %, over the labelled keypoints; ``pckh_count`` and
        ``pckh_hits``, how many of ``keypoints`` are labelled and how many of these are near enough.
    """
    truth = sample.get('gt_instances') or {}
    if truth.get('keypoints') is None:
        return {}
    target = as_numpy(truth['keypoints'])[0, :, :2].astype(np.float64)
    predicted = as_numpy(sample['pred_instances']['keypoints'])[0, :, :2].astype(np.float64)
    if switch:
        predicted, _ = left_right_switch(predicted, target, flip_pairs)
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
    """Return the poses of a sample in camera mm with their label; empty without 3D labels.

    Args:
        sample: ``pred_instances`` with ``hypotheses`` (1, H, K, 3) and ``hypothesis_valid`` (1, H, K), or with
            ``keypoints`` (1, K, 3) alone; ``gt_instances.keypoints_cam`` (1, K, 3) mm; ``camera`` with ``K``, and
            ``R`` (3, 3) and ``t`` (3) mm, world to camera, if known; ``root_depth`` mm; ``rect_3d_width``.
        protocol: The protocol.
        flip_pairs: Left and right keypoints.

    Returns:
        ``hypotheses`` (H, K, 3), ``valid`` (H, K), ``target`` (K, 3); under ``left_right_switch`` also
        ``switched`` (K,); under ``nearest_in='norm'`` also ``nearest`` (H, K, 3), each keypoint's best among the first
        h hypotheses; with extrinsics ``R`` and ``t``.
    """
    truth = sample.get('gt_instances') or {}
    camera = sample.get('camera') or {}
    if truth.get('keypoints_cam') is None or camera.get('K') is None or sample.get('root_depth') is None:
        return {}
    prediction = read_prediction(sample)
    target = as_numpy(truth['keypoints_cam'])[0].astype(np.float64)
    label = camera_to_image(target, prediction.intrinsics, prediction.root_depth)
    valid = prediction.valid if protocol.valid_only else np.ones_like(prediction.valid)
    record = {'valid': valid, 'target': target}
    prediction = as_given(prediction, protocol)
    if protocol.left_right_switch:
        image = prediction.hypotheses
        image, switched = left_right_switch(image, np.broadcast_to(label, image.shape), flip_pairs)
        prediction = replace(prediction, hypotheses=image)
        record['switched'] = switched[0, :, 0]  # decided by x and y, which all hypotheses share
    record['hypotheses'] = (camera_mm if protocol.true_intrinsics else parallel)(prediction)
    if protocol.nearest_in == 'norm' and protocol.best_of_h_per_joint:
        places, place = (crop_normalised(replace(prediction, hypotheses=points))
                         for points in (prediction.hypotheses, label[None]))
        best = nearest_of_first(places, place[0], valid)
        record['nearest'] = np.take_along_axis(record['hypotheses'], best[..., None], axis=0)
    if camera.get('R') is not None and camera.get('t') is not None:
        record.update(R=np.asarray(camera['R'], dtype=np.float64), t=np.ravel(camera['t']).astype(np.float64))
    return record


def as_given(prediction: Prediction, protocol: Protocol) -> Prediction:
    """Return a prediction with depths in mm, scaled by the true root depth or by the assumed side of the crop.

    Args:
        prediction: A prediction with intrinsics and root depth.
        protocol: Says whether the root's depth is given.
    """
    width, given = width_mm(prediction), protocol.true_root_depth
    side = width if given else protocol.assumed_rect_3d_width
    depth = prediction.root_depth if given else side * prediction.focal / prediction.crop_side
    return replace(prediction, hypotheses=image_mm(prediction) * [1.0, 1.0, side / width], depth_unit='mm',
                   rect_3d_width=side, root_depth=depth)


def nearest_of_first(points: np.ndarray, label: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Return for each keypoint the hypothesis nearest to its label among the first h.

    Args:
        points: (H, K, 3).
        label: (K, 3).
        valid: (H, K) bool; hypothesis 0 always competes.

    Returns:
        (H, K) indices of hypotheses; row h considers the first h + 1.
    """
    competes = valid.copy()
    competes[0] = True
    distance = np.where(competes, np.square(points - label).sum(axis=-1), np.inf)
    return np.stack([distance[:h + 1].argmin(axis=0) for h in range(len(points))])
