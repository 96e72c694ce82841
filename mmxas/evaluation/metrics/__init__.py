"""The metrics that a config names."""
from .mask_iou_metric import MaskIoUMetric
from .xas_pose_metric import XASPoseMetric

__all__ = ['MaskIoUMetric', 'XASPoseMetric']
