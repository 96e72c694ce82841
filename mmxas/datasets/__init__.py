"""Everything between files and batches: data sets, transforms, samplers, skeletons."""
from . import datasets, samplers, skeletons, transforms
from .random_state import seeded
from .skeletons import Skeleton, load_skeleton

__all__ = ['Skeleton', 'datasets', 'load_skeleton', 'samplers', 'seeded', 'skeletons', 'transforms']
