"""Evaluation: protocols, errors of all hypotheses, label-free measures, result files, distances between pose sets."""
from . import metrics
from .compare import compare, differences
from .context import EvaluationContext
from .hypothesis_selection import hypothesis_errors
from .mask_overlap import skeleton_mask_iou
from .mean_pose import load_mean_pose, mean_pose, save_mean_pose
from .metrics import (
    DiscriminatorScoreMetric,
    FlipRateMetric,
    MaskIoUMetric,
    MaskPCKMetric,
    SymmetryMetric,
    TriangulationMetric,
    XASPoseMetric,
)
from .pose_set_distance import nearest_pose_distance, yaw_aligned_distance
from .protocol import Protocol, load_protocol
from .result_file import read_result, write_result
from .self_consistency import bone_asymmetry, flip_rate

__all__ = [
    'DiscriminatorScoreMetric', 'EvaluationContext', 'FlipRateMetric', 'MaskIoUMetric', 'MaskPCKMetric', 'Protocol',
    'SymmetryMetric', 'TriangulationMetric', 'XASPoseMetric', 'bone_asymmetry', 'compare', 'differences', 'flip_rate',
    'hypothesis_errors', 'load_mean_pose', 'load_protocol', 'mean_pose', 'metrics', 'nearest_pose_distance',
    'read_result', 'save_mean_pose', 'skeleton_mask_iou', 'write_result', 'yaw_aligned_distance',
]
