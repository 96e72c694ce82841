"""Data structures shared by all packages: skeletons, and the prediction of one body."""
from .prediction import Prediction
from .skeleton import Skeleton, load_skeleton, require_same_skeleton

__all__ = ['Prediction', 'Skeleton', 'load_skeleton', 'require_same_skeleton']
