import pytest
import torch
from torch.autograd import gradcheck

from mmxas.ops.keypoint_loss import keypoint_errors, keypoint_loss, planar_keypoint_loss

HYPOTHESES = torch.tensor([[[[0.0, 0.0, 0.0], [3.0, 0.0, 0.0]], [[0.0, 0.0, 0.6], [0.0, 0.0, 0.0]]]])  # (1, 2, 2, 3)
TARGET = torch.zeros(1, 2, 3)


def test_errors_are_means_over_coordinates() -> None:
    assert keypoint_errors(HYPOTHESES, TARGET)[0].tolist() == [[0.0, 3.0], [pytest.approx(0.12), 0.0]]
    assert keypoint_errors(HYPOTHESES, TARGET, 'l1')[0].tolist() == [[0.0, 1.0], [pytest.approx(0.2), 0.0]]


def test_loss_at_each_level() -> None:
    assert keypoint_loss(HYPOTHESES, TARGET).item() == pytest.approx(0.06)
    assert keypoint_loss(HYPOTHESES, TARGET, level='keypoint').item() == 0.0
    assert keypoint_loss(HYPOTHESES, TARGET, level='batch').item() == pytest.approx(0.06)
    valid = torch.tensor([[[True, True], [False, False]]])
    assert keypoint_loss(HYPOTHESES, TARGET, valid).item() == pytest.approx(1.5)
    assert keypoint_loss(HYPOTHESES, TARGET, weights=torch.tensor([[1.0, 0.0]])).item() == 0.0


def test_planar_loss_reads_no_depth() -> None:
    assert planar_keypoint_loss(HYPOTHESES, TARGET).item() == pytest.approx(2.25)  # 9 / 2 and 0
    assert planar_keypoint_loss(HYPOTHESES, TARGET, norm='l1').item() == pytest.approx(0.75)
    assert planar_keypoint_loss(HYPOTHESES, TARGET, torch.tensor([[1.0, 0.0]])).item() == 0.0
    deep = torch.cat([TARGET[..., :2], torch.full((1, 2, 1), float('nan'))], dim=-1)
    assert planar_keypoint_loss(HYPOTHESES, deep).item() == pytest.approx(2.25)
    with pytest.raises(ValueError, match='target: shape'):
        planar_keypoint_loss(HYPOTHESES, TARGET[:, :1])
    with pytest.raises(ValueError, match="norm: one of 'l2', 'l1' expected"):
        planar_keypoint_loss(HYPOTHESES, TARGET, norm='l3')


def test_exceptions() -> None:
    with pytest.raises(ValueError, match="norm: one of 'l2', 'l1' expected, got 'l3'"):
        keypoint_loss(HYPOTHESES, TARGET, norm='l3')
    with pytest.raises(ValueError, match=r'target: shape \(1, 2, 3\) expected, got \(1, 3, 3\)'):
        keypoint_loss(HYPOTHESES, torch.zeros(1, 3, 3))
    with pytest.raises(ValueError, match='hypotheses: shape'):
        keypoint_loss(TARGET, TARGET)


@pytest.mark.parametrize('norm', ['l2', 'l1'])
def test_gradcheck(norm: str) -> None:
    generator = torch.Generator().manual_seed(0)
    hypotheses = torch.rand(2, 3, 4, 3, dtype=torch.float64, generator=generator).requires_grad_()
    target = torch.rand(2, 4, 3, dtype=torch.float64, generator=generator)
    assert gradcheck(lambda h: keypoint_loss(h, target, norm=norm), hypotheses)
