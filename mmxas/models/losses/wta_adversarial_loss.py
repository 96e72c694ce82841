"""Least-squares adversarial losses with winner-takes-all (equations 14 and 15)."""
from torch import Tensor, nn

from mmxas.ops.checks import check_choice
from mmxas.ops.lsgan import discriminator_loss, generator_loss
from mmxas.registry import MODELS


@MODELS.register_module()
class WTAAdversarialLoss(nn.Module):
    """Losses of the detector (generator) and the discriminator.

    N: batch, H: hypotheses, K: keypoints, M: synthetic poses.

    Args:
        level: Where the minimum over hypotheses is taken, ``'sample'`` or ``'batch'``. Defaults to 'sample'.
        half: Whether the generator's loss has the factor 1/2 of equation 15; the released code omits it. Defaults to
            True.
        detach: Detach the generator's loss, as the released code does: the term is logged but has no effect on
            training. Defaults to False.

    Raises:
        ValueError: If the level is unknown.
    """

    reads = 'adversarial'

    def __init__(self, level: str = 'sample', half: bool = True, detach: bool = False) -> None:
        super().__init__()
        check_choice(level, ('sample', 'batch'), 'level')
        self.level, self.half, self.detach = level, half, detach

    def generator(self, fake: Tensor, valid: Tensor | None = None) -> Tensor:
        """Loss of the detector (equation 15).

        Args:
            fake: (N, H) or (N, H, 1) scores of hypotheses.
            valid: (N, H) or (N, H, K) bool; None means all.

        Returns:
            Scalar.
        """
        return generator_loss(fake.detach() if self.detach else fake, valid, self.level, self.half)

    def discriminator(self, fake: Tensor, real: Tensor, valid: Tensor | None = None) -> Tensor:
        """Loss of the discriminator (equation 14).

        Args:
            fake: (N, H) or (N, H, 1) scores of detached hypotheses.
            real: (M,) or (M, 1) scores of synthetic poses.
            valid: (N, H) or (N, H, K) bool; None means all.

        Returns:
            Scalar.
        """
        return discriminator_loss(fake, real, valid, self.level)
