"""The order of samples, and the seed that each draw carries."""
from .seeded_sampler import SampleKey, SeededSampler, seeded

__all__ = ['SampleKey', 'SeededSampler', 'seeded']
