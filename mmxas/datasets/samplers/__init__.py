"""The order of samples, and the seed that each draw carries."""
from .seeded_sampler import SampleKey, SeededSampler

__all__ = ['SampleKey', 'SeededSampler']
