"""The pose estimator: detector and losses (equation 17)."""
from .xas_pose_estimator import XASPoseEstimator

__all__ = ['XASPoseEstimator']
