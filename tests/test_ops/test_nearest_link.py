import pytest
import torch
from on_cuda.fake_device import imagined_gpu
from torch.autograd import gradcheck

from mmxas.ops.decoding import decode_hypotheses
from mmxas.ops.geometry import pixel_to_norm
from mmxas.ops.nearest_link import NearestLinkExponent, _sum_by_link, nearest_link
from mmxas.ops.skeleton_drawing import draw_skeleton
from mmxas.structures import load_skeleton

SKELETON = load_skeleton('h36m18')
OPTIONS = dict(links=SKELETON.drawn_links, width_factors=SKELETON.width_factors)


def poses(batch: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(batch, 18, 2, generator=generator, dtype=torch.float64) * 1.8 - 0.9).to(dtype)


def plain(points: torch.Tensor, size: int, **options) -> torch.Tensor:
    """All links kept; the largest, and of equal ones the first."""
    return draw_skeleton(points, size=size, per_link=True, **options).max(dim=1, keepdim=True).values


def with_gradient(function, points: torch.Tensor, size: int, **options) -> tuple[torch.Tensor, torch.Tensor]:
    points = points.detach().clone().requires_grad_()
    drawing = function(points, size=size, **options)
    target = torch.rand(drawing.shape, generator=torch.Generator().manual_seed(2))
    (drawing - target).square().mean().backward()
    return drawing.detach(), points.grad


@pytest.mark.parametrize(('batch', 'size'), [(2, 65), (32, 48)])
def test_equals_the_plain_formulation(batch: int, size: int) -> None:
    ours, own = with_gradient(draw_skeleton, poses(batch), size, **OPTIONS)
    wanted, gradient = with_gradient(plain, poses(batch), size, **OPTIONS)
    torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-5)
    torch.testing.assert_close(own, gradient, rtol=0, atol=1e-5)
    assert gradient.abs().max() > 1e-4


def test_bfloat16_keypoints_are_drawn_in_float32() -> None:
    points = poses(2).bfloat16()
    ours, own = with_gradient(draw_skeleton, points, 33, **OPTIONS)
    wanted, gradient = with_gradient(plain, points.float(), 33, **OPTIONS)
    assert own.dtype == torch.bfloat16
    torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-5)
    torch.testing.assert_close(own.float(), gradient, rtol=0, atol=1e-2)


@pytest.mark.parametrize('points', [
    torch.zeros(1, 18, 2), torch.full((1, 18, 2), 5.0), poses(1) * 1e-7, poses(1) * 100,
    poses(1).index_fill(2, torch.tensor([1]), 0.25)], ids=['a point', 'outside', 'tiny', 'huge', 'a line'])
def test_degenerate_poses(points: torch.Tensor) -> None:
    ours, own = with_gradient(draw_skeleton, points, 32, **OPTIONS)
    wanted, gradient = with_gradient(plain, points, 32, **OPTIONS)
    torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-5)
    assert own.isfinite().all()
    # Links that are drawn over one another may share the gradient in another way; its sum is the same.
    torch.testing.assert_close(own.sum(dim=1), gradient.sum(dim=1), rtol=0, atol=1e-5)


def test_ties_go_to_the_first_link() -> None:
    points = poses(1)
    links = [(3, 4), (0, 1), (1, 0), (0, 1)]
    ours, own = with_gradient(draw_skeleton, points, 40, links=links, width=0.05)
    wanted, gradient = with_gradient(plain, points, 40, links=links, width=0.05)
    torch.testing.assert_close(own, gradient, rtol=0, atol=1e-6)
    grid = pixel_to_norm(torch.arange(40.0), 40)
    winner = nearest_link(points[:, [3, 0, 1, 0]], points[:, [4, 1, 0, 1]], torch.ones(4), grid, grid[:, None])
    assert winner.unique().tolist() == [0, 1]


def test_winner_is_the_smallest_exponent() -> None:
    start, end = poses(3)[:, :9], poses(3)[:, 9:]
    factors = torch.linspace(50, 400, 9)
    grid = pixel_to_norm(torch.arange(64.0), 64)
    exponents = -draw_skeleton(poses(3).double(), [(i, 9 + i) for i in range(9)], 64, 1.0, factors.double(),
                               per_link=True).log()
    winner = nearest_link(start, end, factors, grid, grid[:, None]).long()
    chosen = exponents.gather(1, winner[:, None])
    assert winner.unique().numel() == 9
    torch.testing.assert_close(chosen, exponents.amin(1, keepdim=True), rtol=1e-5, atol=1e-9)


def test_nothing_grows_with_the_links() -> None:
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t.numel()) or t, lambda t: t):
        draw_skeleton(poses(2).requires_grad_(), size=64, **OPTIONS)
    assert sum(saved) < 3 * 2 * 64 * 64  # the winners and the drawing


def test_gradcheck() -> None:
    ends = [poses(2, torch.float64, seed)[:, :5].requires_grad_() for seed in (3, 4)]
    factors = torch.tensor([4.0, 8.0, 2.0, 4.0, 4.0], dtype=torch.float64)
    grid = pixel_to_norm(torch.arange(6, dtype=torch.float64), 6)
    assert gradcheck(lambda s, e: torch.exp(-NearestLinkExponent.apply(s, e, factors, grid, grid[:, None])), ends)


@pytest.mark.parametrize('value', [float('nan'), float('inf'), -float('inf')])
@pytest.mark.parametrize('keypoint', [0, 9, 17])
def test_a_sample_with_a_keypoint_that_is_not_finite_has_no_drawing(value: float, keypoint: int) -> None:
    points = poses(3)
    points[1, keypoint, 0] = value
    points.requires_grad_()
    drawing = draw_skeleton(points, size=24, **OPTIONS)
    assert drawing[1].isnan().all() and drawing[::2].isfinite().all()
    drawing.sum().backward()
    assert points.grad[1].isnan().any() and points.grad[::2].isfinite().all()


@pytest.mark.parametrize('bits', [0x7fc00000, 0x7fffffff, 0xffc00000 - 2**32, -1], ids=['+', '+ all', '-', '- all'])
def test_nan_of_either_sign(bits: int) -> None:
    points = poses(2)
    points[0, 9, 1] = torch.tensor(bits, dtype=torch.int32).view(torch.float32)
    drawing = draw_skeleton(points, size=24, **OPTIONS)
    assert drawing[0].isnan().all() and drawing[1].isfinite().all()


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
def test_nan_logits_are_seen_in_the_loss(layout: torch.memory_format) -> None:
    logits = torch.randn(2, 4 * 8, 8, 8, generator=torch.Generator().manual_seed(0))
    logits[0, 0, 0, 0] = float('nan')
    keypoints = decode_hypotheses(logits.contiguous(memory_format=layout), 4).keypoints
    drawing = draw_skeleton(keypoints[:, 0, :, :2], [(0, 1), (2, 3), (1, 2)], 16)
    assert drawing[0].isnan().all() and drawing[1].isfinite().all()


def test_fake_cuda_adds_up_what_links_have_won_without_waiting():
    """By an operator that has a deterministic form; bincount has none."""
    with imagined_gpu() as waits:
        winner = torch.empty(2, 4, 4, dtype=torch.int32, device='cuda')
        assert _sum_by_link(torch.empty(2, 4, 4, device='cuda'), winner, 3).shape == (2, 3)
    assert not waits.at
