"""The fused map is scaled and shifted by the facing, and the facing is read from the deepest map alone."""
import pytest
import torch
from torch import nn

import mmxas  # noqa: F401
from mmxas.registry import MODELS


@pytest.fixture
def neck():
    torch.manual_seed(0)
    built = MODELS.build(dict(type='FacingFusionNeck', in_channels=(8, 12), out_channels=6, hidden_channels=4))
    return built.eval()


def maps(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(2, c, s, s, generator=generator) for c, s in ((8, 16), (12, 8)))


def test_map_and_facing(neck):
    features = maps()
    fused, facing = neck(features)
    assert fused.shape == (2, 6, 16, 16) and facing.shape == (2, 2) and facing.dtype == torch.float32
    torch.testing.assert_close(facing, neck.facing(features[1].mean(dim=(2, 3))))
    (plain,) = super(type(neck), neck).forward(features)
    expected = plain * (1 + neck.scale(facing))[:, :, None, None] + neck.shift(facing)[:, :, None, None]
    torch.testing.assert_close(fused, expected)


def test_facing_depends_on_the_deepest_map_alone(neck):
    shallow, deep = maps()
    other, _ = maps(1)
    assert torch.equal(neck((shallow, deep))[1], neck((other, deep))[1])


def test_without_modulation_it_is_the_sum(neck):
    for parameter in (*neck.scale.parameters(), *neck.shift.parameters()):
        nn.init.zeros_(parameter)
    (plain,) = super(type(neck), neck).forward(maps())
    assert torch.equal(neck(maps())[0], plain)


def test_facing_is_float32_under_autocast(neck):
    with torch.autocast('cpu', torch.bfloat16):
        assert neck(maps())[1].dtype == torch.float32


def test_another_facing_conditions_the_same_map(neck):
    fused, facing = neck.fuse(maps())
    torch.testing.assert_close(neck.condition(fused, facing), neck(maps())[0])
    other = neck.condition(fused, -facing)
    expected = fused * (1 - neck.scale(facing))[:, :, None, None] + neck.shift(-facing)[:, :, None, None]
    torch.testing.assert_close(other, expected)
