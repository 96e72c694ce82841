from .skeleton import Skeleton, load_skeleton

__all__ = ['Skeleton', 'load_skeleton']
