"""Samplers: the order of samples, with a seed per draw."""
from .seeded_sampler import SampleKey, SeededSampler, seeded

__all__ = ['SampleKey', 'SeededSampler', 'seeded']
