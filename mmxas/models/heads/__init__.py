"""Heads that map feature maps to pose hypotheses."""
from .multi_hypothesis_head import MultiHypothesisHead

__all__ = ['MultiHypothesisHead']
