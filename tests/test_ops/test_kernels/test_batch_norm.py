"""Batch norm of channels-last maps against torch's in float64 and contiguous memory."""
import pytest
import torch
import torch.nn.functional as F

from mmxas.ops.kernels import batch_norm
from mmxas.ops.kernels.batch_norm import batch_norm_channels_last


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


@pytest.mark.parametrize('shape', [(32, 32, 32, 32), (8, 32, 128, 128)])
def test_statistics_keep_their_digits(shape):
    """Of channels that are nearly constant, as after the first convolution of a drawn skeleton."""
    maps = make_leaves(shape, 100.0)[0].detach()
    found, mean, variance = batch_norm_channels_last(maps)
    exact_variance, exact_mean = torch.var_mean(maps.double(), (0, 2, 3), correction=0)
    torch.testing.assert_close(mean.double(), exact_mean, rtol=6e-8, atol=0)
    torch.testing.assert_close(variance.double(), exact_variance, rtol=1e-6, atol=0)
    assert far(found, torchs(maps.double().contiguous())) < 2e-7  # its own mean, rounded, would give 1e-6


@pytest.mark.parametrize('value', [7.3, 100.1, 1e-30])
def test_constant_channels(value):
    """The root of eps would blow up the last digit of a mean 300 times."""
    leaves = make_leaves((32, 8, 64, 64))
    leaves[0].data.fill_(value)
    doubles = exact(leaves)
    found, wanted = normed(*leaves), torchs(*doubles)
    assert far(found, wanted) < 1e-6
    grad = torch.randn(found.shape, generator=torch.Generator().manual_seed(1))
    of_maps, of_weight, of_bias = torch.autograd.grad(found, leaves, grad)
    of_exact = torch.autograd.grad(wanted, doubles, grad.double())
    assert far(of_maps, of_exact[0]) < 1e-6 and far(of_bias, of_exact[2]) < 1e-6
    assert of_weight.abs().max() < 1e-6


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


def test_a_gradient_in_other_memory():
    leaves = make_leaves((4, 3, 8, 8))
    found, grad = normed(*leaves), torch.randn(4, 3, 8, 8)
    contiguous, = torch.autograd.grad(found, leaves[0], grad, retain_graph=True)
    own, = torch.autograd.grad(found, leaves[0], grad.contiguous(memory_format=torch.channels_last))
    assert torch.equal(contiguous, own)


LAST = dict(memory_format=torch.channels_last)


@pytest.mark.parametrize(('maps', 'weight', 'message'), [
    (torch.zeros(2, 3, 4, 5), None, r'channels-last memory expected, got the shape \(2, 3, 4, 5\) with strides \(60'),
    (torch.zeros(0, 3, 4, 5).contiguous(**LAST), None, r'some numbers .* shape \(0, 3, 4, 5\)'),
    (torch.zeros(2, 3, 4), None, r'maps: shape \(N, C, h, w\) expected, got \(2, 3, 4\)'),
    (torch.zeros(2, 3, 1, 1).bfloat16(), None, 'maps.dtype: one of torch.float32, torch.float64 expected, got'),
    (torch.zeros(2, 3, 1, 1), torch.ones(1), r'weight: shape \(3,?\) expected, got \(1,\)'),
    (torch.zeros(2, 3, 1, 1), torch.ones(3).double(), 'weight.dtype: one of torch.float32 expected, got torch.float64'),
], ids=['layout', 'empty', 'dimensions', 'type', 'weight', 'type of weight'])
def test_what_does_not_fit_is_refused(maps, weight, message):
    with pytest.raises(ValueError, match=message):
        batch_norm_channels_last(maps, weight)


def test_it_cannot_be_differentiated_twice():
    leaves = make_leaves((4, 3, 5, 5))
    first, = torch.autograd.grad(normed(*leaves).square().sum(), leaves[0], create_graph=True)
    with pytest.raises(RuntimeError, match='once_differentiable'):
        first.sum().backward()
