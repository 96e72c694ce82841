"""Read the prediction of one body from a data sample, and convert it to the frames of :mod:`mmxas.ops.geometry`.

Shapes: H hypotheses, K keypoints.
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from mmxas.ops import apply_affine, image_to_camera, image_to_norm, rect_3d_width
from mmxas.structures import Prediction

# Factor from box to crop if the sample does not give one (conventions of the crops).
BOX_PADDING = 1.25


def as_numpy(values: Any, index: int | None = None) -> np.ndarray | None:
    """Return a tensor or array, or one entry of it, as an array; None for None."""
    if values is None:
        return None
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu().numpy()
    return np.asarray(values if index is None else values[index])


def read_prediction(sample: Any, index: int = 0) -> Prediction:
    """Read one predicted instance of a data sample.

    Args:
        sample: ``PoseDataSample``, or its dict as passed to metrics, with ``pred_instances``: ``keypoints``
            (N, K, 2 or 3); optionally ``hypotheses`` (N, H, K, 3), ``hypothesis_scores``, ``hypothesis_valid``,
            ``depth_unit``, ``crop_boxes`` and ``rect_3d_width``. The crop and camera in its meta information are used
            for a single instance.
        index: Index of the instance. Defaults to 0.

    Returns:
        The prediction, in float64; 2D poses get z = 0.
    """
    instances = sample.get('pred_instances')
    alone = len(instances.get('keypoints')) == 1
    poses = as_numpy(instances.get('hypotheses'), index)
    poses = np.asarray(as_numpy(instances.get('keypoints'), index))[None] if poses is None else poses
    poses = np.pad(poses.astype(np.float64), ((0, 0), (0, 0), (0, 3 - poses.shape[-1])))
    scores, valid = (as_numpy(instances.get(f'hypothesis_{name}'), index) for name in ('scores', 'valid'))
    if scores is None:
        scores = as_numpy(instances.get('keypoint_scores'), index)
        scores = np.ones(poses.shape[:2]) if scores is None else scores[None]
    unit = instances.get('depth_unit', 'mm')
    unit = unit if isinstance(unit, str) else unit[index]
    width = as_numpy(instances.get('rect_3d_width'), index)
    width = sample.get('rect_3d_width') if width is None else width
    crop = _crop(sample, instances, index, alone, poses)
    size = float(np.max(sample.get('input_size', crop[2] - crop[0])))
    warp = sample.get('warp_mat') if alone else None
    scale = size / (crop[2] - crop[0])
    camera, depth = ((sample.get(name) if alone else None) for name in ('camera', 'root_depth'))
    return Prediction(
        hypotheses=poses, scores=scores, depth_unit=unit, crop=crop, crop_size=size,
        valid=np.ones(poses.shape[:2], dtype=bool) if valid is None else valid.astype(bool),
        warp=np.array([[scale, 0, -scale * crop[0] - 0.5], [0, scale, -scale * crop[1] - 0.5]]) if warp is None else
        np.asarray(warp, dtype=np.float64),
        align_corners=bool(sample.get('align_corners', False)),
        rect_3d_width=None if unit == 'crop' or width is None or not np.isfinite(width) else float(width),
        intrinsics=None if camera is None else np.asarray(camera['K'], dtype=np.float64),
        root_depth=None if depth is None else float(depth))


def crop_box(meta: Mapping[str, Any]) -> np.ndarray:
    """Return the crop of a sample in image px.

    Args:
        meta: Meta information with ``input_center``, ``input_scale`` (2,) and ``input_size``, as the crop transform
            records them.

    Returns:
        (4,) x0, y0, x1, y1; the centre of image pixel p is at p.
    """
    scale = np.asarray(meta.get('input_scale'), dtype=np.float64).reshape(2)
    size = np.asarray(meta.get('input_size', scale), dtype=np.float64).reshape(2)
    first = np.asarray(meta.get('input_center'), dtype=np.float64).reshape(2) - scale / 2 - scale / size / 2
    return np.concatenate([first, first + scale])


def width_mm(prediction: Prediction) -> float | None:
    """Return the side of the crop in mm at the root's depth: as recorded, else computed from the camera, else None."""
    if prediction.rect_3d_width is not None or prediction.intrinsics is None or prediction.root_depth is None:
        return prediction.rect_3d_width
    return float(rect_3d_width(prediction.crop_side, prediction.root_depth, prediction.focal))


def image_mm(prediction: Prediction) -> np.ndarray:
    """Return the hypotheses (H, K, 3) in the image frame: px, px and mm relative to the root.

    Raises:
        ValueError: Depths are in units of the crop's side, whose length in mm is unknown.
    """
    if prediction.depth_unit == 'mm':
        return prediction.hypotheses
    if width_mm(prediction) is None:
        raise ValueError("depths in mm need the crop's rect_3d_width, or intrinsics and root depth; none is known")
    return prediction.hypotheses * [1.0, 1.0, width_mm(prediction)]


def camera_mm(prediction: Prediction) -> np.ndarray:
    """Return the hypotheses (H, K, 3) in the camera frame, mm.

    Raises:
        ValueError: The intrinsics or the root's depth are unknown.
    """
    if prediction.intrinsics is None or prediction.root_depth is None:
        raise ValueError('the camera frame needs intrinsics and root depth, of which one is not known')
    return image_to_camera(image_mm(prediction), prediction.intrinsics, prediction.root_depth)


def parallel(prediction: Prediction) -> np.ndarray:
    """Return the hypotheses (H, K, 3) under parallel projection: x and y scaled as at the root's depth.

    The unit is mm if :func:`width_mm` is known, else the crop's side; the origin is arbitrary.
    """
    width = width_mm(prediction)
    scale = (1.0 if width is None else width) / prediction.crop_side
    return (prediction.hypotheses if width is None else image_mm(prediction)) * [scale, scale, 1.0]


def crop_pixels(prediction: Prediction) -> np.ndarray:
    """Return the hypotheses (H, K, 3) in the crop frame: crop px, and z as in the prediction."""
    return apply_affine(prediction.hypotheses, prediction.warp)


def crop_normalised(prediction: Prediction) -> np.ndarray:
    """Return the crop-normalised hypotheses (H, K, 3); z as in the prediction if no width is known."""
    width = width_mm(prediction) if prediction.depth_unit == 'mm' else None
    return image_to_norm(prediction.hypotheses, prediction.warp, prediction.crop_size,
                         1.0 if width is None else width, prediction.align_corners)


def _crop(sample: Any, instances: Any, index: int, alone: bool, poses: np.ndarray) -> np.ndarray:
    """Return the square crop (4,): the instance's, the sample's, or the padded box of the instance or its points."""
    own, box = (as_numpy(instances.get(name), index) for name in ('crop_boxes', 'bboxes'))
    if own is not None:
        return own.astype(np.float64)
    if alone and sample.get('input_center') is not None:
        return crop_box(sample)
    if box is None:
        points = poses[..., :2].reshape(-1, 2)
        box = np.concatenate([points.min(axis=0), points.max(axis=0)])
    centre, side = (box[:2] + box[2:4]) / 2 - 0.5, BOX_PADDING * float((box[2:4] - box[:2]).max())
    return np.concatenate([centre - side / 2, centre + side / 2])
