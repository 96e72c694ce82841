"""Skeletons as data: json files and their reader."""
from .skeleton import Skeleton, load_skeleton, require_same_skeleton

__all__ = ['Skeleton', 'load_skeleton', 'require_same_skeleton']
