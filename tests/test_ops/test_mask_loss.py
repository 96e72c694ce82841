import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from mmxas.ops.mask_loss import distance_weights, mask_error_map, mask_loss

# Largest error against the recorded vectors (6e-9 measured in float64).
PARITY_TOLERANCE = 1e-6

PREDICTION = torch.tensor([[[[0.5, 0.05], [1.0, 0.0]]]])
TARGET = torch.tensor([[[[1.0, 1.0], [1.0, 0.0]]]])


def test_parity_mask_losses(parity) -> None:
    data = {key: torch.from_numpy(np.asarray(value)) for key, value in parity('losses.npz').items()}
    mask, target = data['mask'], data['target']
    tolerance = dict(rtol=0, atol=PARITY_TOLERANCE)
    torch.testing.assert_close(mask_loss(mask, target), data['recon'], **tolerance)
    torch.testing.assert_close(mask_error_map(mask, target, clip='released'), data['recon_clip'], **tolerance)
    torch.testing.assert_close(mask_loss(mask, target, data['weight']), data['recon_weighted'], **tolerance)


def test_clips() -> None:
    assert mask_loss(PREDICTION, TARGET).item() == pytest.approx((0.25 + 0.9025) / 4)
    assert mask_error_map(PREDICTION, TARGET, clip='pixel').flatten().tolist() == [0.25, 0, 0, 0]
    released = mask_error_map(PREDICTION, TARGET, clip='released').flatten().tolist()
    assert released == pytest.approx([1.1525 / 4, 0, 1.1525 / 4, 0])
    assert mask_loss(PREDICTION, TARGET, clip='pixel', clip_threshold=0.01).item() == pytest.approx(1.1525 / 4)


def test_weights_multiply() -> None:
    weights = torch.tensor([[[[2.0, 0.0], [5.0, 5.0]]]])
    assert mask_loss(PREDICTION, TARGET, weights).item() == pytest.approx(0.5 / 4)


def test_autocast_computes_in_float32() -> None:
    with torch.autocast('cpu', torch.bfloat16):
        loss = mask_loss(PREDICTION.bfloat16(), TARGET)
    assert loss.dtype == torch.float32


def test_distance_weights_grow_away_from_the_mask() -> None:
    mask = np.zeros((1, 5, 10), np.float32)
    mask[0, :, :3] = 1
    weights = distance_weights(mask, outside=2.0, inside=1.0)
    assert weights.shape == mask.shape and weights.dtype == np.float32
    expected = [1.3, 1.2, 1.1, 1.2, 1.4, 1.6, 1.8, 2.0, 2.2, 2.4]
    np.testing.assert_allclose(weights[0, 2], expected, rtol=1e-5)
    np.testing.assert_allclose(distance_weights((mask * 255).astype(np.uint8), 2.0, 1.0), weights)


@pytest.mark.parametrize('value', [0, 1])
def test_distance_weights_of_empty_and_full_masks(value: int) -> None:
    assert (distance_weights(np.full((2, 3, 3), value, np.float32)) == 1).all()


def test_exceptions() -> None:
    with pytest.raises(ValueError, match="clip: one of None, 'pixel', 'released' expected, got 'scalar'"):
        mask_loss(PREDICTION, TARGET, clip='scalar')
    with pytest.raises(ValueError, match=r'target: shape \(1, 1, 2, 2\) expected, got \(1, 1, 2\)'):
        mask_loss(PREDICTION, TARGET[..., 0])
    with pytest.raises(ValueError, match='prediction: shape'):
        mask_loss(PREDICTION[0], TARGET[0])
    with pytest.raises(ValueError, match='weights: shape'):
        mask_loss(PREDICTION, TARGET, torch.ones(2, 2))
    with pytest.raises(ValueError, match='mask: shape'):
        distance_weights(np.zeros(3))


@pytest.mark.parametrize('clip', [None, 'pixel', 'released'])
def test_gradcheck(clip: str | None) -> None:
    prediction = torch.rand(2, 1, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    target = torch.ones(2, 1, 3, 4, dtype=torch.float64)
    assert gradcheck(lambda p: mask_loss(p, target, clip=clip), prediction.requires_grad_())
