"""What dogs need in code: the reader of StanfordExtra. A config imports it as ``projects.animal.animal``."""
from .stanford_extra import StanfordExtraDataset

__all__ = ['StanfordExtraDataset']
