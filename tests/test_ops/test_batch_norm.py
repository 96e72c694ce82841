"""Batch norm of channels-last maps against torch's in float64 and contiguous memory."""
import pytest
import torch
import torch.nn.functional as F

from mmxas.ops import batch_norm
from mmxas.ops.batch_norm import batch_norm_channels_last


def make_leaves(shape: tuple[int, ...], mean: float = 0.0, dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    """Maps of one standard deviation, weight and bias."""
    generator = torch.Generator().manual_seed(0)
    maps, weight, bias = (torch.randn(size, generator=generator, dtype=torch.float64)
                          for size in (shape, shape[1:2], shape[1:2]))
    maps = (maps + mean).to(dtype).contiguous(memory_format=torch.channels_last)
    return [leaf.to(dtype).requires_grad_() for leaf in (maps, weight, bias)]


def normed(*leaves: torch.Tensor, eps: float = 1e-5) -> torch.Tensor:
    return batch_norm_channels_last(*leaves, eps=eps)[0]


def torchs(maps: torch.Tensor, *affine: torch.Tensor, eps: float = 1e-5) -> torch.Tensor:
    return F.batch_norm(maps, None, None, *affine, training=True, eps=eps)


def exact(leaves: list[torch.Tensor]) -> list[torch.Tensor]:
    return [leaf.detach().double().contiguous().requires_grad_() for leaf in leaves]


def far(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return ((found.double() - wanted).abs().max() / wanted.abs().max().clamp(min=1e-12)).item()


# Rows of a thread: few, a whole number of wide ones, wide ones and a rest; as many channels as a wide row has numbers.
@pytest.mark.parametrize('shape', [(3, 5, 2, 3), (2, 7, 1, 3), (4, 16, 64, 64), (3, 33, 65, 63), (8, 2**14 + 1, 2, 3),
                                   (32, 64, 32, 32)])
@pytest.mark.parametrize('mean', [0.0, 10.0])
def test_it_is_torchs_in_float64(shape, mean):
    leaves = make_leaves(shape, mean)
    found = normed(*leaves)
    doubles = exact(leaves)
    wanted = torchs(*doubles)
    assert found.is_contiguous(memory_format=torch.channels_last) and far(found, wanted) < 1e-5
    grad = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    exact_grads = torch.autograd.grad(wanted, doubles, grad.double())
    for own, other in zip(torch.autograd.grad(found, leaves, grad), exact_grads):
        assert far(own, other) < 1e-5


def test_statistics_keep_digits_that_torchs_lose():
    """Channels that are nearly constant, as after the first convolution of a drawn skeleton."""
    maps = make_leaves((8, 32, 128, 128), 100.0)[0].detach()
    _, mean, variance = batch_norm_channels_last(maps)
    wanted = torch.var_mean(maps.double(), (0, 2, 3), correction=0)
    torch.testing.assert_close(mean.double(), wanted[1], rtol=1e-7, atol=0)
    torch.testing.assert_close(variance.double(), wanted[0], rtol=1e-6, atol=0)


def test_gradient_in_double():
    for shape in ((2, 3, 2, 3), (5, 2, 3, 1)):
        assert torch.autograd.gradcheck(normed, make_leaves(shape, 2.0, torch.float64))
        assert torch.autograd.gradcheck(normed, make_leaves(shape, 2.0, torch.float64)[:1])


def test_gradient_in_double_where_rows_are_wide(monkeypatch):
    monkeypatch.setattr(batch_norm, '_WIDTH', 8)
    assert torch.autograd.gradcheck(normed, make_leaves((3, 3, 3, 3), 2.0, torch.float64))


@pytest.mark.parametrize('chosen', [(0, ), (1, ), (2, ), (0, 2), (1, 2)])
def test_only_what_is_asked_for_is_differentiated(chosen):
    leaves = make_leaves((4, 3, 5, 5))
    for index, leaf in enumerate(leaves):
        leaf.requires_grad_(index in chosen)
    normed(*leaves).square().sum().backward()
    doubles = exact(leaves)
    torchs(*doubles).square().sum().backward()
    for index, (leaf, double) in enumerate(zip(leaves, doubles)):
        assert (leaf.grad is not None) == (index in chosen)
        if index in chosen:
            torch.testing.assert_close(leaf.grad.double(), double.grad, rtol=1e-4, atol=1e-4)


def test_a_constant_channel_and_a_gradient_in_other_memory():
    leaves = make_leaves((4, 3, 8, 8))
    leaves[0].data[:, 1] = 7.0
    found = normed(*leaves)
    torch.testing.assert_close(found[:, 1], leaves[2][1].expand(4, 8, 8), rtol=0, atol=1e-3)
    grad = torch.randn(4, 3, 8, 8)
    contiguous, = torch.autograd.grad(found, leaves[0], grad, retain_graph=True)
    own, = torch.autograd.grad(found, leaves[0], grad.contiguous(memory_format=torch.channels_last))
    assert contiguous.isfinite().all() and torch.equal(contiguous, own)


def test_other_memory_is_refused():
    with pytest.raises(ValueError, match='channels-last memory expected, got .2, 3, 4, 5. with strides .60, 20, 5, 1.'):
        batch_norm_channels_last(torch.zeros(2, 3, 4, 5))


def test_it_cannot_be_differentiated_twice():
    leaves = make_leaves((4, 3, 5, 5))
    first, = torch.autograd.grad(normed(*leaves).square().sum(), leaves[0], create_graph=True)
    with pytest.raises(RuntimeError, match='once_differentiable'):
        first.sum().backward()
