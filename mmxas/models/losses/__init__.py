"""The terms of equation 17 as registered modules.

The attribute ``reads`` of a loss defines its inputs; ``routes.ROUTES`` lists the possible values.

To add a loss, write a pure function in ``mmxas/ops``, wrap it in a module with ``reads`` in this package, and add it to
``model.losses`` in a config.
"""
from .facing_loss import FacingLoss
from .label_losses import MarginalCrossEntropyLoss, PlanarKeypointLoss, SyntheticKeypointLoss
from .mask_loss import MaskLoss
from .symmetry_loss import SymmetryLoss
from .wta_adversarial_loss import WTAAdversarialLoss

__all__ = ['FacingLoss', 'MarginalCrossEntropyLoss', 'MaskLoss', 'PlanarKeypointLoss', 'SymmetryLoss',
           'SyntheticKeypointLoss', 'WTAAdversarialLoss']
