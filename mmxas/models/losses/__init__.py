"""The terms of equation 17 as registered modules.

A loss says by ``reads`` what it is given; ``routes.ROUTES`` lists the words and what they stand for.

Adding one: write a pure function in ``mmxas/ops``, wrap it in a module here with its ``reads``, and name it in a
config's ``model.losses``.
"""
from .facing_loss import FacingLoss
from .label_losses import MarginalCrossEntropyLoss, PlanarKeypointLoss, SyntheticKeypointLoss
from .mask_loss import MaskLoss
from .symmetry_loss import SymmetryLoss
from .wta_adversarial_loss import WTAAdversarialLoss

__all__ = ['FacingLoss', 'MarginalCrossEntropyLoss', 'MaskLoss', 'PlanarKeypointLoss', 'SymmetryLoss',
           'SyntheticKeypointLoss', 'WTAAdversarialLoss']
