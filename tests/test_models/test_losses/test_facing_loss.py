"""The facing loss as a component: which pairs, which samples, and a neck that gives no facing."""
import pytest
import torch

from mmxas.ops.facing import facing_direction
from mmxas.registry import MODELS
from mmxas.structures import load_skeleton

TARGET = torch.randn(2, 18, 3, generator=torch.Generator().manual_seed(0))
MAP = torch.zeros(2, 4, 3, 3)


@pytest.fixture
def loss():
    return MODELS.build(dict(type='FacingLoss', skeleton='h36m18'))


def test_hips_and_shoulders(loss):
    names = load_skeleton('h36m18').keypoints
    assert loss.reads == 'features'
    assert [tuple(names[i] for i in pair) for pair in loss.flip_pairs] == [('left_hip', 'right_hip'),
                                                                      ('left_shoulder', 'right_shoulder')]


def test_true_facing_costs_nothing(loss):
    true = facing_direction(TARGET, loss.flip_pairs)
    assert loss((MAP, true), TARGET).item() == pytest.approx(0.0, abs=1e-12)
    assert loss((MAP, -true), TARGET).item() == pytest.approx(4.0, rel=1e-5)


def test_samples_with_a_hidden_hip_do_not_count(loss):
    weights = torch.ones(2, 18)
    weights[1, loss.flip_pairs[0][0]] = 0
    predicted = torch.stack([facing_direction(TARGET, loss.flip_pairs)[0], torch.tensor([9.0, 9.0])])
    assert loss((MAP, predicted), TARGET, weights).item() == pytest.approx(0.0, abs=1e-12)


def test_a_neck_without_facing_is_named(loss):
    with pytest.raises(ValueError, match='FacingFusionNeck'):
        loss((MAP,), TARGET)


def test_a_skeleton_without_such_pairs_is_refused():
    skeleton = dict(name='stick', keypoints=['a', 'b', 'c'], parents=[0, 0, 1], flip_pairs=[])
    with pytest.raises(ValueError, match="skeleton 'stick'"):
        MODELS.build(dict(type='FacingLoss', skeleton=skeleton))
