"""The pose estimator: detector and losses (equation 17), and its prediction."""
from .facing_search import FacingSearch
from .pose_predictor import PosePredictor
from .xas_pose_estimator import XASPoseEstimator

__all__ = ['FacingSearch', 'PosePredictor', 'XASPoseEstimator']
