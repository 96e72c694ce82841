"""The networks: detector parts, discriminators, losses, and the estimator that joins them."""
from . import backbones, necks

__all__ = ['backbones', 'necks']
