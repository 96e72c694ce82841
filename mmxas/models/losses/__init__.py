"""The terms of equation 17 as registered modules.

A loss says by ``reads`` what it is given:

===============  ==================================================  =======================================
``reads``        call                                                given
===============  ==================================================  =======================================
'labels'         ``loss(hypotheses, marginals, target, weights)``    synthetic samples
'features'       ``loss(features, target, weights)``                synthetic samples' feature maps
'target_labels'  ``loss(hypotheses, target, weights)``               labelled targets
'mask'           ``loss(drawn, body, masks)``                        targets' skeleton and physique masks
'adversarial'    ``loss.generator(fake, valid)``,                    scores of the discriminator
                 ``loss.discriminator(fake, real, valid)``
'pose'           ``loss(hypotheses)``                                targets' hypotheses
===============  ==================================================  =======================================

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
