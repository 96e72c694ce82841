"""Code for dogs: the reader of StanfordExtra. A config imports it as ``projects.animal.animal``."""
from .stanford_extra import StanfordExtraDataset

__all__ = ['StanfordExtraDataset']
