import pytest
import torch

from mmxas.models.discriminators import MLPDiscriminator
from mmxas.registry import MODELS


@pytest.mark.parametrize('num', [0, 1, 5])
def test_cardinality(num: int) -> None:
    network = MODELS.build(dict(type='MLPDiscriminator', skeleton='h36m18', width=16))
    assert network(torch.randn(num, 18, 3)).shape == (num, 1)


def test_a_pose_is_scored_alone() -> None:
    network, poses = MLPDiscriminator(num_keypoints=4, width=16).eval(), torch.randn(5, 4, 3)
    torch.testing.assert_close(network(poses)[:2], network(poses[:2]))


def test_layers() -> None:
    network = MLPDiscriminator(num_keypoints=4, width=16, num_layers=2, dropout=0.0)
    widths = [(layer.in_features, layer.out_features)
              for layer in network.modules() if isinstance(layer, torch.nn.Linear)]
    assert widths == [(12, 16), (16, 16), (16, 1)]


def test_exceptions() -> None:
    with pytest.raises(ValueError, match='either skeleton or num_keypoints'):
        MLPDiscriminator()
    with pytest.raises(ValueError, match='num_layers: at least 1 expected, got 0'):
        MLPDiscriminator(num_keypoints=4, num_layers=0)
    with pytest.raises(ValueError, match=r'keypoints: shape \(M, 4, 3\) expected, got \(2, 12\)'):
        MLPDiscriminator(num_keypoints=4)(torch.zeros(2, 12))
