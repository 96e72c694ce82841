import pytest
import torch
from torch.autograd import gradcheck
from torch.utils.checkpoint import checkpoint

from benchmarks.comparison import peak_bytes
from mmxas.ops.decoding import Decoding, decode_hypotheses, decode_marginals
from mmxas.ops.kernels import blockwise_marginals
from mmxas.ops.kernels.blockwise_marginals import BlockwiseMarginals
from mmxas.ops.marginals import Marginals, spatial_softmax, volume_marginals

N, K, D, HM, WM = 3, 4, 6, 5, 7
LAYOUTS = [torch.contiguous_format, torch.channels_last]
DEGENERATE = {
    'flat': lambda x: torch.zeros_like(x),
    'tie': lambda x: torch.zeros_like(x).index_fill(1, torch.tensor([1, 4]), 9.0),
    'one peak': lambda x: torch.full_like(x, -1e4).index_fill(1, torch.tensor([2]), 1e4),
    'border': lambda x: torch.zeros_like(x).index_fill(1, torch.tensor([0]), 20.0),
    'large': lambda x: 300.0 * x,
}


def logits(batch: int = N, dtype: torch.dtype = torch.float32, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (3 * torch.randn(batch, K * D, HM, WM, generator=generator, dtype=torch.float64)).to(dtype)


def plain(values: torch.Tensor, with_plane: bool = False) -> Marginals:
    volume = spatial_softmax(values, K, D)
    return Marginals(volume.sum(dim=(2, 3)), volume.sum(dim=(2, 4)), volume.sum(dim=(3, 4)),
                     volume.sum(dim=2) if with_plane else None)


def with_gradient(function, values: torch.Tensor, layout: torch.memory_format) -> tuple:
    values = values.detach().clone(memory_format=layout).requires_grad_()
    out = [o for o in function(values) if o is not None]
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn(o.shape, generator=generator, dtype=torch.float64).to(o.dtype) for o in out]
    sum((o * w).sum() for o, w in zip(out, weights)).backward()
    return out, values.grad


@pytest.fixture(params=[1, 2 * D * HM * WM, 5 * K * D * HM * WM], ids=['a keypoint', 'two keypoints', 'all'])
def block(request, monkeypatch) -> int:
    monkeypatch.setattr(blockwise_marginals, '_BLOCK_A_THREAD', request.param)
    return request.param


@pytest.mark.parametrize('with_plane', [False, True])
@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('case', ['random', *DEGENERATE])
def test_equals_the_plain_formulation(case: str, layout: torch.memory_format, with_plane: bool, block: int) -> None:
    values = DEGENERATE.get(case, lambda x: x)(logits())
    ours, own = with_gradient(lambda v: volume_marginals(v, K, with_plane=with_plane), values, layout)
    wanted, gradient = with_gradient(lambda v: plain(v, with_plane), values, torch.contiguous_format)
    for one, other in zip(ours, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
    torch.testing.assert_close(own, gradient, rtol=0, atol=1e-5)
    assert own.isfinite().all()
    assert own.is_contiguous(memory_format=layout)


@pytest.mark.parametrize('layout', LAYOUTS)
def test_large_batch(layout: torch.memory_format) -> None:
    values = torch.randn(32, 18 * 16, 20, 12, generator=torch.Generator().manual_seed(0)) * 4

    def softmax(v):
        volume = spatial_softmax(v, 18)
        return volume.sum(dim=(2, 3)), volume.sum(dim=(2, 4)), volume.sum(dim=(3, 4))

    ours, own = with_gradient(lambda v: volume_marginals(v, 18), values, layout)
    wanted, gradient = with_gradient(softmax, values, torch.contiguous_format)
    for one, other in zip(ours, wanted):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
    torch.testing.assert_close(own, gradient, rtol=0, atol=1e-5)


@pytest.mark.parametrize('layout', LAYOUTS)
def test_bfloat16_within_its_own_rounding(layout: torch.memory_format, block: int) -> None:
    values = logits(dtype=torch.bfloat16)
    ours, own = with_gradient(lambda v: volume_marginals(v, K), values, layout)
    wanted, gradient = with_gradient(plain, values.float(), torch.contiguous_format)
    assert own.dtype == torch.bfloat16
    assert {o.dtype for o in ours} == {torch.float32}
    for one, other in zip(ours, wanted):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
    torch.testing.assert_close(own.float(), gradient, rtol=0, atol=1e-2)


@pytest.mark.parametrize('layout', LAYOUTS)
def test_gradcheck(layout: torch.memory_format, block: int) -> None:
    values = logits(2, torch.float64)[:, :2 * D, :3, :4].clone(memory_format=layout).requires_grad_()
    assert gradcheck(lambda v: tuple(volume_marginals(v, 2, with_plane=True)), values)


@pytest.mark.parametrize('xy_window', [None, 3])
@pytest.mark.parametrize('case', ['random', *DEGENERATE])
def test_hypotheses_have_the_plain_ones_gradient(case: str, xy_window: int | None) -> None:
    """More hypotheses than peaks, ties, a flat volume."""
    values = DEGENERATE.get(case, lambda x: x)(logits())
    decoding = Decoding(5, window=3, xy_window=xy_window)
    ours, own = with_gradient(lambda v: decode_hypotheses(v, K, decoding)[:2], values, torch.channels_last)
    wanted, gradient = with_gradient(lambda v: decode_marginals(plain(v, True), decoding)[:2], values,
                                     torch.contiguous_format)
    torch.testing.assert_close(ours[0], wanted[0], rtol=0, atol=1e-5)
    torch.testing.assert_close(own, gradient, rtol=0, atol=1e-5)
    assert own.isfinite().all()


def test_an_axis_may_have_no_gradient_and_a_graph_may_be_kept() -> None:
    values = logits().requires_grad_()
    loss = volume_marginals(values, K).z.square().sum()
    first, = torch.autograd.grad(loss, values, retain_graph=True)
    second, = torch.autograd.grad(loss, values)
    wanted, = torch.autograd.grad(plain(values).z.square().sum(), values)
    assert torch.equal(first, second)
    torch.testing.assert_close(first, wanted, rtol=0, atol=1e-6)


def saved_numbers(values: torch.Tensor) -> int:
    """Numbers that the forward saves beside the logits, which the network holds anyway, and the marginals."""
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t.numel()) or t, lambda t: t):
        volume_marginals(values, K)
    return sum(saved) - values.numel() - len(values) * K * (D + HM + WM)


@pytest.mark.parametrize('layout', LAYOUTS)
def test_memory_of_the_gradient_and_no_more(layout: torch.memory_format, monkeypatch) -> None:
    monkeypatch.setattr(blockwise_marginals, '_BLOCK_A_THREAD', 1)
    values = logits(batch=32).contiguous(memory_format=layout)
    leaf = values.clone().requires_grad_()
    volume = values.numel() * values.element_size()

    def forward_and_backward() -> None:
        torch.autograd.grad(sum(axis.square().sum() for axis in volume_marginals(leaf, K)[:3]), leaf)

    def forward() -> None:
        with torch.no_grad():
            volume_marginals(leaf, K)

    assert peak_bytes(forward_and_backward) < 1.5 * volume  # the marginals are an eighth of so small a volume
    assert peak_bytes(forward) < 0.3 * volume


def test_probabilities_are_kept_where_they_become_the_gradient() -> None:
    values = logits().requires_grad_()
    assert saved_numbers(values) == values.numel()
    assert saved_numbers(values.contiguous(memory_format=torch.channels_last)) == 0
    assert saved_numbers(values.bfloat16()) == 0


def test_probabilities_are_used_once() -> None:
    """A further backward of the graph computes them again, and leaves the gradient of the first alone."""
    values = logits().requires_grad_()
    marginals = volume_marginals(values, K, with_plane=True)
    weights = [torch.randn(axis.shape, generator=torch.Generator().manual_seed(2)) for axis in marginals]
    first, = torch.autograd.grad(marginals, values, weights, retain_graph=True)
    before = first.clone()
    second, = torch.autograd.grad(marginals, values, [-2 * weight for weight in weights], retain_graph=True)
    third, = torch.autograd.grad(marginals, values, weights)
    assert torch.equal(first, before) and torch.equal(third, before)
    torch.testing.assert_close(second, -2 * first, rtol=1e-6, atol=1e-9)


def test_a_checkpointed_decoding_keeps_nothing() -> None:
    values = logits().requires_grad_()
    wanted, = torch.autograd.grad(volume_marginals(values, K).x.square().sum(), values)
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t.numel()) or t, lambda t: t):
        loss = checkpoint(lambda v: volume_marginals(v, K).x, values, use_reentrant=False).square().sum()
    assert max(saved) == values.numel() and sum(saved) < 1.5 * values.numel()
    found, = torch.autograd.grad(loss, values)
    assert torch.equal(found, wanted)


def test_empty_batch() -> None:
    assert [axis.shape for axis in BlockwiseMarginals.apply(torch.zeros(0, K, D, HM, WM))] == [
        (0, K, WM), (0, K, HM), (0, K, D)]


@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('shape', [(2, 4, 16, 16), (2, 18, 24, 24), (1, 5, 7, 13)])
@pytest.mark.parametrize('depth', [12, 20, 24, 40, 48, 64])
def test_equal_bins_stay_equal(depth: int, shape: tuple[int, ...], layout: torch.memory_format) -> None:
    """A flat profile is constant, and of tied peaks the first wins, whatever part of a vector the bins fill."""
    batch, keypoints, *plane = shape
    generator = torch.Generator().manual_seed(0)
    heat = torch.randn(batch, keypoints, 1, *plane, generator=generator).expand(-1, -1, depth, -1, -1)
    tied = heat.index_add(2, torch.tensor([2, 7]), torch.ones_like(heat[:, :, :2]))
    for values in (torch.zeros_like(heat), heat, tied):
        profile = volume_marginals(values.flatten(1, 2).contiguous(memory_format=layout), keypoints).z
        assert torch.equal(profile[..., 2], profile[..., 7])
        rest = profile[..., torch.arange(8, depth)]
        assert torch.equal(rest, profile[..., :1].expand_as(rest))
        torch.testing.assert_close(profile.sum(-1), torch.ones(batch, keypoints), rtol=0, atol=1e-5)
