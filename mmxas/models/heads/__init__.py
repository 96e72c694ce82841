"""From feature maps to hypotheses."""
from .multi_hypothesis_head import MultiHypothesisHead

__all__ = ['MultiHypothesisHead']
