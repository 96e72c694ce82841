"""A linear layer and a 1 x 1 convolution, whichever library multiplies."""
import pytest
import torch
import torch.nn.functional as F

from mmxas.ops.kernels import products
from mmxas.ops.kernels.products import cpu_vendor, has_onednn, linear, onednn_product, pointwise_convolution


@pytest.fixture(params=['AuthenticAMD', 'GenuineIntel', None], ids=str)
def vendor(request, monkeypatch):
    """A processor of each maker."""
    monkeypatch.setattr(products, 'cpu_vendor', lambda: request.param)
    return request.param


def inputs(shape: tuple[int, ...], out: int = 5, dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(size, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()
            for size in (shape, (out, shape[-1]), (out, ))]


def assert_as_exact(ours, torchs, leaves: list[torch.Tensor]) -> torch.Tensor:
    """Result and gradients in float32 against torch's in float64; returns the result."""
    exact = [leaf.detach().double().requires_grad_() for leaf in leaves]
    found, wanted = ours(*leaves), torchs(*exact)
    assert found.shape == wanted.shape and found.dtype == torch.float32
    torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=1e-4)
    weights = torch.randn(wanted.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    (found * weights.float()).sum().backward()
    (wanted * weights).sum().backward()
    for leaf, other in zip(leaves, exact):
        torch.testing.assert_close(leaf.grad.double(), other.grad, rtol=1e-5, atol=1e-3)
    return found


@pytest.mark.parametrize('shape', [(7, ), (1, 7), (18, 4, 7), (0, 7), (300, 256)])
@pytest.mark.parametrize('with_bias', [True, False])
def test_it_is_torchs(shape, with_bias, vendor):
    assert_as_exact(linear, F.linear, inputs(shape)[:3 if with_bias else 2])


def test_rows_that_do_not_lie_in_order(vendor):
    features, weight, bias = inputs((4, 18, 7))
    torch.testing.assert_close(linear(features.transpose(0, 1), weight, bias),
                               F.linear(features.transpose(0, 1), weight, bias), rtol=0, atol=1e-5)
    grad = torch.autograd.grad(linear(features.transpose(0, 1), weight, bias).transpose(0, 2).square().sum(), weight)
    wanted = torch.autograd.grad(F.linear(features.transpose(0, 1), weight, bias).square().sum(), weight)
    torch.testing.assert_close(grad, wanted, rtol=1e-5, atol=1e-4)


def test_only_what_is_asked_for_is_differentiated(vendor):
    features, weight, bias = inputs((3, 7))
    weight.requires_grad_(False)
    bias.requires_grad_(False)
    linear(features, weight, bias).sum().backward()
    torch.testing.assert_close(features.grad, weight.sum(dim=0).expand(3, 7))
    assert weight.grad is None and bias.grad is None


def test_other_kinds_of_numbers_are_torchs_own(monkeypatch, vendor):
    monkeypatch.setattr(products, 'onednn_product', lambda *_: pytest.fail('by oneDNN'))
    assert torch.autograd.gradcheck(linear, inputs((2, 3, 7), dtype=torch.float64))
    assert linear(*inputs((2, 7), dtype=torch.bfloat16)).dtype == torch.bfloat16
    assert linear(torch.empty(2, 7, device='meta'), torch.empty(5, 7, device='meta')).shape == (2, 5)
    with torch.autocast('cpu', torch.bfloat16):
        assert linear(*inputs((2, 7))).dtype == torch.bfloat16


def test_wrong_channels_are_named(vendor):
    with pytest.raises(RuntimeError):
        linear(torch.zeros(3, 6), torch.zeros(5, 7))
    with pytest.raises(RuntimeError):
        pointwise_convolution(torch.zeros(1, 6, 2, 2), torch.zeros(5, 7, 1, 1), torch.zeros(5))


def convolution_inputs(shape: tuple[int, ...], layout: torch.memory_format, dtype: torch.dtype) -> list[torch.Tensor]:
    features, weight, bias = (leaf.detach() for leaf in inputs((*shape[:1], *shape[2:], shape[1]), dtype=dtype))
    features = features.permute(0, 3, 1, 2).contiguous(memory_format=layout)
    return [leaf.requires_grad_() for leaf in (features, weight[..., None, None], bias)]


@pytest.mark.parametrize('shape', [(2, 7, 4, 6), (1, 7, 1, 1), (0, 7, 4, 6), (32, 64, 16, 16)])
@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last], ids=str)
def test_it_is_torchs_convolution_in_contiguous_memory(shape, layout, vendor):
    found = assert_as_exact(pointwise_convolution, F.conv2d, convolution_inputs(shape, layout, torch.float32))
    assert found.is_contiguous()


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last], ids=str)
def test_the_convolutions_gradient_in_double_and_half(layout, vendor):
    leaves = convolution_inputs((2, 3, 2, 3), layout, torch.float64)
    assert torch.autograd.gradcheck(pointwise_convolution, leaves)
    leaves = convolution_inputs((4, 64, 8, 8), layout, torch.float32)
    with torch.autocast('cpu', torch.bfloat16):
        found = pointwise_convolution(*leaves)
    assert found.dtype == torch.bfloat16 and found.is_contiguous()
    wanted = F.conv2d(*leaves)
    assert (found - wanted).abs().max() <= 1e-2 * wanted.abs().max()


def test_a_traced_convolution_is_one():
    leaves = convolution_inputs((2, 3, 4, 4), torch.contiguous_format, torch.float32)
    with torch.no_grad():
        graph = torch.jit.trace(pointwise_convolution, tuple(leaves)).graph
    assert '_convolution' in str(graph) and 'baddbmm' not in str(graph)


@pytest.mark.skipif(not has_onednn(), reason='this torch has no oneDNN')
def test_the_maker_of_the_processor_decides(vendor, monkeypatch):
    calls = []
    monkeypatch.setattr(products, 'onednn_product', lambda *args: calls.append(1) or onednn_product(*args))
    linear(*inputs((4, 7))).sum().backward()
    assert len(calls) == (3 if vendor == 'AuthenticAMD' else 0)


@pytest.mark.parametrize(('text', 'wanted'), [
    ('processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: a: b\n', 'AuthenticAMD'),
    ('vendor_id\t: GenuineIntel\n', 'GenuineIntel'), ('CPU implementer\t: 0x41\n', None), ('', None)])
def test_the_maker_is_read(text, wanted, tmp_path):
    (tmp_path / 'cpuinfo').write_text(text)
    assert cpu_vendor(tmp_path / 'cpuinfo') == wanted
    assert cpu_vendor(tmp_path / 'none') is None
