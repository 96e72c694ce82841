"""The networks: detector parts, discriminators, losses, and the estimator that joins them."""
from . import backbones, conversion, discriminators, heads, layers, losses, necks, physique, pose_estimators

__all__ = [
    'backbones', 'conversion', 'discriminators', 'heads', 'layers', 'losses', 'necks', 'physique', 'pose_estimators',
]
