"""Fix mmpose's 3D drawing for matplotlib >= 3.10 and for this package's predictions.

``Pose3dLocalVisualizer`` reads its figure by ``tostring_rgb``, which matplotlib removed, and fails on two people in one
figure. It draws metres with z up, and reads ``lifting_target`` from the ground truth; ours are px and mm.
"""
import functools
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from mmpose.visualization import Pose3dLocalVisualizer

from .instance_view import view_instance

ASSUMED_SIDE_MM = 2000.0  # of a crop whose side in mm is not known


def support_pose_3d_drawing() -> None:
    """Let ``Pose3dLocalVisualizer`` draw our data samples; idempotent."""
    if not hasattr(FigureCanvasAgg, 'tostring_rgb'):
        FigureCanvasAgg.tostring_rgb = _tostring_rgb
    original = Pose3dLocalVisualizer._draw_3d_data_samples
    if getattr(original, '_takes_hypotheses', False):
        return

    @functools.wraps(original)
    def draw(self, image, pose_samples, draw_gt=True, kpt_thr=0.3, num_instances=-1, **kwargs):
        if 'hypotheses' not in pose_samples.get('pred_instances', ()):
            return original(self, image, pose_samples, draw_gt, kpt_thr, num_instances, **kwargs)
        people = len(pose_samples.pred_instances.keypoints)
        people = people if num_instances < 0 else min(people, num_instances)
        kwargs.pop('scores_2d', None)  # every keypoint is drawn: our scores are confidences of the depth
        pictures = []
        for index in range(people):
            sample = metric_sample(pose_samples, index)
            pictures.append(original(self, image, sample, draw_gt and 'gt_instances' in sample, kpt_thr, 1, **kwargs))
        return np.concatenate(pictures, axis=1) if pictures else np.full_like(image, 255)

    draw._takes_hypotheses = True
    Pose3dLocalVisualizer._draw_3d_data_samples = draw


def metric_sample(data_sample: Any, index: int = 0) -> Any:
    """Convert one predicted person for ``Pose3dLocalVisualizer``.

    K: keypoints.

    Args:
        data_sample: ``PoseDataSample`` with ``pred_instances`` of this package's detectors.
        index: Index of the person. Defaults to 0.

    Returns:
        A ``PoseDataSample`` with ``pred_instances.keypoints`` (1, K, 3), the top-1 pose in metres, x to the image's
        left, y towards the camera and z up, the lowest keypoint at 0; and with ``gt_instances.lifting_target``
        (1, K, 3) in the same frame if the sample has a 3D label. A crop of unknown size is assumed to be 2 m wide.
    """
    view = view_instance(data_sample, index)
    scale = (1.0 if view.unit == 'mm' else ASSUMED_SIDE_MM) / 1000
    sample = PoseDataSample(metainfo=data_sample.metainfo,
                            pred_instances=InstanceData(keypoints=_upright(view.poses[0] * scale)[None]))
    if view.true_pose is not None:
        sample.gt_instances = InstanceData(lifting_target=_upright(view.true_pose * scale)[None])
    return sample


def _upright(pose: np.ndarray) -> np.ndarray:
    """Convert (K, 3) x right, y down, z away to x left, y towards the camera, z up from the lowest keypoint."""
    turned = -pose[:, [0, 2, 1]]
    return turned - [0, 0, turned[:, 2].min()]


def _tostring_rgb(self: Any) -> bytes:
    """Return the figure's bytes (h, w, 3), as in matplotlib < 3.10."""
    return np.asarray(self.buffer_rgba())[..., :3].tobytes()
