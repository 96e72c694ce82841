"""Metrics for configs."""
from .context_metric import ContextMetric
from .label_free_metric import LabelFreeMetric
from .mask_iou_metric import MaskIoUMetric
from .mask_pck_metric import MaskPCKMetric
from .self_consistency_metrics import DiscriminatorScoreMetric, FlipRateMetric, SymmetryMetric
from .triangulation_metric import TriangulationMetric
from .xas_pose_metric import XASPoseMetric

__all__ = [
    'ContextMetric', 'DiscriminatorScoreMetric', 'FlipRateMetric', 'LabelFreeMetric', 'MaskIoUMetric', 'MaskPCKMetric',
    'SymmetryMetric', 'TriangulationMetric', 'XASPoseMetric',
]
