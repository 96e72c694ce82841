import pytest
import torch

from mmxas.models.losses import WTAAdversarialLoss
from mmxas.ops.lsgan import discriminator_loss, generator_loss
from mmxas.registry import MODELS

FAKE, REAL = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)), torch.randn(6)
VALID = torch.rand(4, 3, 5, generator=torch.Generator().manual_seed(1)) > 0.8


@pytest.mark.parametrize('level', ['sample', 'batch'])
def test_both_sides(level: str) -> None:
    loss = MODELS.build(dict(type='WTAAdversarialLoss', level=level))
    assert loss.reads == 'adversarial'
    torch.testing.assert_close(loss.generator(FAKE, VALID), generator_loss(FAKE, VALID, level))
    torch.testing.assert_close(loss.discriminator(FAKE, REAL, VALID), discriminator_loss(FAKE, REAL, VALID, level))


def test_released_form_has_no_half_and_no_gradient() -> None:
    fake = FAKE.clone().requires_grad_()
    released = WTAAdversarialLoss(half=False, detach=True).generator(fake)
    torch.testing.assert_close(released, 2 * WTAAdversarialLoss().generator(FAKE))
    assert not released.requires_grad
    assert WTAAdversarialLoss().generator(fake).requires_grad


def test_exceptions() -> None:
    with pytest.raises(ValueError, match="level: one of 'sample', 'batch' expected, got 'keypoint'"):
        WTAAdversarialLoss(level='keypoint')
