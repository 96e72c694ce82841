"""Networks: parts of the detector, discriminators, losses, and the estimator that combines them."""
from . import backbones, conversion, discriminators, heads, layers, losses, necks, physique, pose_estimators

__all__ = [
    'backbones', 'conversion', 'discriminators', 'heads', 'layers', 'losses', 'necks', 'physique', 'pose_estimators',
]
