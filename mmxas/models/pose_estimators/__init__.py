from .xas_pose_estimator import XASPoseEstimator

__all__ = ['XASPoseEstimator']
