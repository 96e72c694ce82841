"""How good poses are: errors of all hypotheses, mask overlap, the constant mean pose, distances of pose sets."""
from . import metrics
from .hypothesis_selection import hypothesis_errors
from .mask_overlap import skeleton_mask_iou
from .mean_pose import load_mean_pose, mean_pose, save_mean_pose
from .metrics import MaskIoUMetric, XASPoseMetric
from .pose_set_distance import nearest_pose_distance, yaw_aligned_distance

__all__ = [
    'MaskIoUMetric', 'XASPoseMetric', 'hypothesis_errors', 'load_mean_pose', 'mean_pose', 'metrics',
    'nearest_pose_distance', 'save_mean_pose', 'skeleton_mask_iou', 'yaw_aligned_distance',
]
