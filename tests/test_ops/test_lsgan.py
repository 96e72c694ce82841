import pytest
import torch
from torch.autograd import gradcheck

from mmxas.ops.lsgan import discriminator_loss, generator_loss

# Largest error against the recorded vectors (1e-8 measured in float64).
PARITY_TOLERANCE = 1e-6

FAKE = torch.tensor([[0.5, 2.0], [-1.0, 1.0]])
REAL = torch.tensor([0.0, 2.0, 1.0])


def test_parity_lsgan(parity) -> None:
    data = parity('losses.npz')
    fake, real = torch.from_numpy(data['pred_logits']), torch.from_numpy(data['real_logits'])
    assert discriminator_loss(fake, real).item() == pytest.approx(float(data['disc']), abs=PARITY_TOLERANCE)
    assert generator_loss(fake, half=False).item() == pytest.approx(float(data['gen']), abs=PARITY_TOLERANCE)


def test_values_a_sample() -> None:
    # Real: (1 + 1 + 0) / 3. Fake: winners 0.25 and 1.
    assert discriminator_loss(FAKE, REAL).item() == pytest.approx(0.5 * 2 / 3 + 0.5 * 0.625)
    assert generator_loss(FAKE).item() == pytest.approx(0.5 * (0.25 + 0.0) / 2)
    assert generator_loss(FAKE, half=False).item() == pytest.approx(0.125)


def test_values_a_batch() -> None:
    assert discriminator_loss(FAKE, torch.ones(1), level='batch').item() == pytest.approx(0.5 * 0.625)
    assert generator_loss(FAKE, level='batch').item() == pytest.approx(0.5 * 0.5)


def test_last_axis_of_one_is_dropped() -> None:
    torch.testing.assert_close(discriminator_loss(FAKE[..., None], REAL[..., None]), discriminator_loss(FAKE, REAL))


def test_hypothesis_without_valid_keypoints_does_not_compete() -> None:
    valid = torch.tensor([[[True, True], [True, True]], [[True, False], [False, False]]])
    assert generator_loss(FAKE, valid).item() == pytest.approx(0.5 * (0.25 + 4.0) / 2)
    assert generator_loss(FAKE, valid.any(-1)).item() == pytest.approx(0.5 * (0.25 + 4.0) / 2)


def test_generator_pulls_the_winner_only() -> None:
    fake = FAKE.clone().requires_grad_()
    generator_loss(fake).backward()
    assert fake.grad.tolist() == [[pytest.approx(-0.25), 0.0], [0.0, 0.0]]


def test_half_precision_scores_are_computed_in_float32() -> None:
    assert generator_loss(FAKE.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize(('fake', 'real', 'message'), [
    (torch.zeros(3), REAL, r'fake: shape \(N, H\) or \(N, H, 1\) expected, got \(3,\)'),
    (FAKE, torch.zeros(2, 2), r'real: shape \(M,\) or \(M, 1\) expected, got \(2, 2\)'),
])
def test_exceptions(fake: torch.Tensor, real: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        discriminator_loss(fake, real)


def test_gradcheck() -> None:
    generator = torch.Generator().manual_seed(0)
    fake = torch.randn(3, 2, dtype=torch.float64, generator=generator).requires_grad_()
    real = torch.randn(4, dtype=torch.float64, generator=generator).requires_grad_()
    assert gradcheck(discriminator_loss, (fake, real))
    assert gradcheck(generator_loss, fake)
