"""Data sets, transforms and samplers."""
from . import datasets, samplers, transforms
from .samplers import seeded

__all__ = ['datasets', 'samplers', 'seeded', 'transforms']
