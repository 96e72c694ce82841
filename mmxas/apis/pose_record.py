"""Convert a prediction to plain data with its frame, units and skeleton, and show it in a notebook.

N: instances, H: hypotheses, K: keypoints.
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from mmpose.structures import PoseDataSample

from mmxas.apis.known_camera import KnownCamera
from mmxas.codecs.predictions import read_prediction
from mmxas.visualization.page import PosePage, show_poses

FRAME = ('image: x right and y down in px of the image, pixel p lies at p; z away from the camera, relative to the '
         'root; boxes and crops are x0, y0, x1, y1 in px')
UNITS = {'mm': ['px', 'px', 'mm'], 'crop': ['px', 'px', 'sides of the crop']}


class InferenceResult(dict):
    """What :class:`~mmxas.apis.XASInferencer` yields of one image: a dict that a notebook can draw.

    Args:
        content: ``predictions`` and ``visualization``.
        image: (h, w, 3) uint8 BGR, for an image that has no path. Defaults to None: the record's ``image`` is its path.
    """

    def __init__(self, content: Mapping[str, Any], image: np.ndarray | None = None) -> None:
        super().__init__(content)
        self.image = image

    def plot(self) -> PosePage:
        """Return the image with its poses, to turn and to compare, for the output of a notebook's cell.

        Raises:
            TypeError: The predictions are data samples (``return_datasamples=True``).
        """
        record = self['predictions'][0]
        if not isinstance(record, Mapping):
            raise TypeError('plot() shows records: call the inferencer without return_datasamples=True')
        return show_poses(record, self.image)


def pose_record(prediction: PoseDataSample, dataset_meta: Mapping[str, Any], camera: KnownCamera | None = None,
                camera_poses: np.ndarray | None = None) -> dict[str, Any]:
    """Return all predictions of one image, ready for JSON.

    Args:
        prediction: Predicted data sample with N instances; ``img_path`` (or None) and ``ori_shape`` (h, w) in its
            metainfo.
        dataset_meta: Names and links of the skeleton.
        camera: Intrinsics and root depths, if given.
        camera_poses: (N, H, K, 3) camera mm of :func:`~.camera_lift.lift_to_camera`, if the camera was given.

    Returns:
        ``image``, ``image_size``, ``frame``, ``skeleton`` (name, keypoints, links) and ``instances``. An instance has
        ``bbox``, ``bbox_score``, ``box_source`` (``'given'``, ``'found'``, or ``'image'``: the whole image, if none was
        given or found), ``crop``, ``units`` (of x, y, z), ``depth_unit`` (``'mm'`` or ``'crop'``), ``rect_3d_width``
        (the crop's side in mm, or None), and ``hypotheses``, top-1 first, each with ``score`` (mean over its
        keypoints), ``counts`` (whether any of its keypoints has its own peak), ``keypoints`` (K, 3),
        ``keypoint_scores`` and ``valid`` (K,). With a camera, each hypothesis also has ``keypoints_camera_mm`` (K, 3),
        and the image ``camera``.
    """
    count = len(prediction.pred_instances.keypoints)
    height, width = prediction.metainfo['ori_shape'][:2]
    record = dict(
        image=prediction.metainfo.get('img_path'), image_size=dict(width=int(width), height=int(height)), frame=FRAME,
        skeleton=_skeleton(dataset_meta),
        instances=[_instance(prediction, i, None if camera_poses is None else camera_poses[i]) for i in range(count)])
    if camera is not None:
        record['camera'] = dict(frame='camera: x right, y down, z forward, mm', K=camera.K.tolist(),
                                root_depth=camera.root_depths(count, 'image').tolist())
    return record


def _skeleton(meta: Mapping[str, Any]) -> dict[str, Any]:
    names = meta['keypoint_id2name']
    return dict(name=meta.get('dataset_name'), keypoints=[names[index] for index in range(len(names))],
                links=[[int(a), int(b)] for a, b in meta.get('skeleton_links') or ()])


def _instance(prediction: PoseDataSample, index: int, camera_poses: np.ndarray | None) -> dict[str, Any]:
    instances, found = prediction.pred_instances, read_prediction(prediction, index)
    box, width = np.asarray(instances.bboxes[index], dtype=float), found.rect_3d_width
    hypotheses = [
        dict(score=float(scores.mean()), counts=bool(valid.any()), keypoints=_rounded(pose),
             keypoint_scores=_rounded(scores, 6), valid=valid.tolist())
        for pose, scores, valid in zip(found.hypotheses, found.scores, found.valid, strict=True)]
    if camera_poses is not None:
        for hypothesis, pose in zip(hypotheses, camera_poses, strict=True):
            hypothesis['keypoints_camera_mm'] = _rounded(pose, 2)
    return dict(bbox=_rounded(box[:4], 2), bbox_score=float(np.asarray(instances.bbox_scores)[index]),
                box_source=prediction.metainfo.get('box_source', 'given'),
                crop=_rounded(found.crop, 2), units=UNITS[found.depth_unit], depth_unit=found.depth_unit,
                rect_3d_width=None if width is None else round(width, 2), hypotheses=hypotheses)


def _rounded(values: np.ndarray, digits: int = 4) -> list:
    return np.asarray(values, dtype=float).round(digits).tolist()
