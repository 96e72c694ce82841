import pytest
import torch
from torch.autograd import gradcheck

from mmxas.ops.winner_takes_all import winner_index, winner_takes_all

POSES = torch.tensor([[1.0, 3.0], [5.0, 2.0]])
# (N, H, K) = (2, 2, 3).
KEYPOINTS = torch.tensor([[[1.0, 2.0, 9.0], [3.0, 1.0, 2.0]], [[0.0, 0.0, 3.0], [4.0, 4.0, 1.0]]])


def test_levels_of_poses() -> None:
    assert winner_takes_all(POSES).item() == 1.5
    assert winner_takes_all(POSES, level='batch').item() == 2.5
    assert winner_index(POSES).tolist() == [0, 1]
    assert winner_index(POSES, level='batch').item() == 1


def test_levels_of_keypoints() -> None:
    assert winner_takes_all(KEYPOINTS).item() == pytest.approx((2.0 + 1.0) / 2)
    assert winner_takes_all(KEYPOINTS, level='keypoint').item() == pytest.approx((1 + 1 + 2 + 0 + 0 + 1) / 6)
    assert winner_takes_all(KEYPOINTS, level='batch').item() == pytest.approx(2.5)
    assert winner_index(KEYPOINTS).tolist() == [1, 0]
    assert winner_index(KEYPOINTS, level='keypoint').tolist() == [[0, 1, 1], [0, 0, 1]]


def test_invalid_entries_never_win_by_themselves() -> None:
    valid = torch.ones_like(KEYPOINTS, dtype=torch.bool)
    valid[0, 1, 1:] = False
    # One keypoint of the pose is still valid: at sample level the pose competes as a whole.
    assert winner_index(KEYPOINTS, valid).tolist() == [1, 0]
    assert winner_index(KEYPOINTS, valid, 'keypoint').tolist() == [[0, 0, 0], [0, 0, 1]]
    valid[0, 1] = False
    assert winner_index(KEYPOINTS, valid).tolist() == [0, 0]
    assert winner_takes_all(KEYPOINTS, valid).item() == pytest.approx((4.0 + 1.0) / 2)
    assert winner_index(POSES, torch.tensor([[True, True], [True, False]])).tolist() == [0, 0]
    assert winner_index(POSES, torch.tensor([[True, False], [True, False]]), 'batch').item() == 0
    assert winner_index(POSES, torch.tensor([[True, False], [True, True]]), 'batch').item() == 1


@pytest.mark.parametrize('level', ['sample', 'keypoint', 'batch'])
def test_first_hypothesis_is_never_excluded(level: str) -> None:
    valid = torch.zeros_like(KEYPOINTS, dtype=torch.bool)
    assert winner_index(KEYPOINTS, valid, level).eq(0).all()
    assert winner_takes_all(KEYPOINTS, valid, level).item() == pytest.approx(KEYPOINTS[:, 0].mean().item())


@pytest.mark.parametrize('level', ['sample', 'keypoint', 'batch'])
def test_what_is_not_a_number_is_seen(level: str) -> None:
    """In a weight, or in a loss of weight 0, whose gradient would be NaN."""
    weights = torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 1.0]])
    broken = torch.where(weights.unsqueeze(1) > 0, KEYPOINTS, torch.nan)
    assert winner_takes_all(broken, weights=weights, level=level).isnan()
    weights[0, 0] = torch.nan
    assert winner_takes_all(KEYPOINTS, weights=weights, level=level).isnan()


def test_weights_of_keypoints() -> None:
    weights = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    assert winner_takes_all(KEYPOINTS, weights=weights).item() == pytest.approx(1.5)
    assert winner_takes_all(KEYPOINTS, weights=weights, level='keypoint').item() == pytest.approx(1.0)
    assert winner_takes_all(KEYPOINTS, weights=weights, level='batch').item() == pytest.approx(1.5)
    for level in ('sample', 'keypoint', 'batch'):
        assert winner_takes_all(KEYPOINTS, weights=torch.zeros(2, 3), level=level).item() == 0.0
        ones = winner_takes_all(KEYPOINTS, weights=torch.ones(2, 3), level=level)
        torch.testing.assert_close(ones, winner_takes_all(KEYPOINTS, level=level))


def test_only_the_winner_has_a_gradient() -> None:
    loss = KEYPOINTS.clone().requires_grad_()
    winner_takes_all(loss).backward()
    assert loss.grad[0, 0].eq(0).all() and loss.grad[1, 1].eq(0).all()
    torch.testing.assert_close(loss.grad[0, 1], torch.full((3,), 1 / 6))


def test_not_a_number_is_not_hidden() -> None:
    assert winner_takes_all(torch.tensor([[1.0, float('nan')]])).isnan()


@pytest.mark.parametrize(('loss', 'options', 'message'), [
    (POSES, dict(level='pose'), "level: one of 'sample', 'keypoint', 'batch' expected, got 'pose'"),
    (POSES, dict(level='keypoint'), r"loss: shape \(N, H, K\) expected at level 'keypoint', got \(2, 2\)"),
    (torch.zeros(2), {}, 'loss: shape'),
    (KEYPOINTS, dict(valid=torch.ones(2, 3, dtype=torch.bool)), r'valid: shape .* got \(2, 3\)'),
    (KEYPOINTS, dict(weights=torch.ones(2)), 'weights: shape'),
    (POSES, dict(weights=torch.ones(2, 3)), 'weights: go with'),
])
def test_exceptions(loss: torch.Tensor, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        winner_takes_all(loss, **options)


@pytest.mark.parametrize('level', ['sample', 'keypoint', 'batch'])
def test_gradcheck(level: str) -> None:
    loss = torch.rand(3, 2, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    weights = torch.rand(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert gradcheck(lambda v: winner_takes_all(v, level=level, weights=weights), loss)
