"""Skeletons as data: json files and their reader."""
from .skeleton import Skeleton, load_skeleton

__all__ = ['Skeleton', 'load_skeleton']
