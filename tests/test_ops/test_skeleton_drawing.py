import math

import pytest
import torch
from torch.autograd import gradcheck

from mmxas.ops.skeleton_drawing import draw_skeleton
from mmxas.structures import load_skeleton

# Largest error against the recorded vectors, in [0, 1] (1.4e-6 measured in float64).
PARITY_TOLERANCE = 2e-5


def keypoints(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.rand(*shape, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(dtype) * 1.6 - 0.8


def test_parity_skeleton_mask(parity) -> None:
    data = parity('skeleton_mask.npz')
    links = list(zip(data['parent'].tolist(), data['child'].tolist()))
    widths = load_skeleton('h36m18').link_widths
    factors = [widths.get(link, widths.get(link[::-1], 1.0)) for link in links]
    options = dict(size=int(data['size']), width=float(data['width']), width_factors=factors, align_corners=True)
    points = torch.from_numpy(data['keypoints'])
    tolerance = dict(rtol=0, atol=PARITY_TOLERANCE)
    torch.testing.assert_close(draw_skeleton(points, links, per_link=True, **options),
                               torch.from_numpy(data['per_link']), **tolerance)
    torch.testing.assert_close(draw_skeleton(points, links, **options), torch.from_numpy(data['mask']), **tolerance)


@pytest.mark.parametrize(('n', 'size'), [(1, 8), (3, (4, 6)), (0, 4)])
def test_cardinality(n: int, size: int | tuple[int, int]) -> None:
    height, width = (size, size) if isinstance(size, int) else size
    points = keypoints(n, 4)
    assert draw_skeleton(points, [(0, 1), (1, 2)], size).shape == (n, 1, height, width)
    assert draw_skeleton(points, [(0, 1), (1, 2)], size, per_link=True).shape == (n, 2, height, width)


@pytest.mark.parametrize(('arguments', 'message'), [
    (dict(keypoints=torch.zeros(1, 4, 3)), r'keypoints: shape \(N, K, 2\) expected, got \(1, 4, 3\)'),
    (dict(links=[(0, 4)]), r'indices in \[0, 3\] expected \(K = 4\), got 0 to 4'),
    (dict(links=[(-1, 2)]), 'got -1 to 2'),
    (dict(links=torch.zeros(0, 2)), 'at least one link'),
    (dict(links=[(0, 1, 2)]), r'links: shape \(L, 2\) expected'),
    (dict(width=0.0), 'width: a number above 0'),
    (dict(width_factors=[1.0, 2.0]), r'width_factors: shape \(1\) expected, got \(2,\)'),
    (dict(width_factors=[0.0]), 'width_factors: numbers above 0 expected, got 0'),
    (dict(align_corners='edge'), 'align_corners: one of'),
    (dict(size=0), 'size: a number above 0'),
])
def test_exceptions(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw_skeleton(**(dict(keypoints=torch.zeros(1, 4, 2), links=[(0, 1)], size=4) | arguments))


def test_values_are_the_gaussian_of_the_distance() -> None:
    # A horizontal link through the centre row of 5 rows, from x = -0.4 to 0.4; pixels at -0.8, -0.4, 0, 0.4, 0.8.
    drawing = draw_skeleton(torch.tensor([[[-0.4, 0.0], [0.4, 0.0]]]), [(0, 1)], 5, width=0.1)[0, 0]
    row = [math.exp(-0.4 ** 2 / 0.1), 1.0, 1.0, 1.0, math.exp(-0.4 ** 2 / 0.1)]
    assert drawing[2].tolist() == pytest.approx(row, abs=1e-6)
    assert drawing[1, 2].item() == pytest.approx(math.exp(-0.4 ** 2 / 0.1), abs=1e-6)
    # The corner is beyond the end: distance to the end point.
    assert drawing[0, 0].item() == pytest.approx(math.exp(-(0.4 ** 2 + 0.8 ** 2) / 0.1), abs=1e-6)


def test_x_runs_along_the_width() -> None:
    drawing = draw_skeleton(torch.tensor([[[0.75, -0.75], [0.75, -0.25]]]), [(0, 1)], 4)[0, 0]
    assert (drawing > 0.9).nonzero().tolist() == [[0, 3], [1, 3]]


def test_mask_is_the_maximum_over_links_and_factors_narrow() -> None:
    points, links, factors = keypoints(2, 6), [(0, 1), (1, 2), (3, 4), (4, 5)], [1.0, 2.0, 1.0, 4.0]
    single = draw_skeleton(points, links, 16, width=0.02, width_factors=factors, per_link=True)
    torch.testing.assert_close(draw_skeleton(points, links, 16, width=0.02, width_factors=factors),
                               single.amax(dim=1, keepdim=True))
    plain = draw_skeleton(points, links, 16, width=0.02, per_link=True)
    torch.testing.assert_close(single, plain ** torch.tensor(factors)[:, None, None])


def test_gradient_equals_that_of_the_maximum() -> None:
    links = [(0, 1), (1, 2), (2, 3)]
    points = keypoints(2, 4, dtype=torch.float64).requires_grad_()
    weights = torch.rand(2, 1, 9, 9, dtype=torch.float64)
    fast, = torch.autograd.grad((draw_skeleton(points, links, 9, 0.05) * weights).sum(), points)
    slow, = torch.autograd.grad(
        (draw_skeleton(points, links, 9, 0.05, per_link=True).amax(1, keepdim=True) * weights).sum(), points)
    torch.testing.assert_close(fast, slow)


def test_degenerate_link_is_a_dot_with_finite_gradient() -> None:
    points = torch.zeros(1, 2, 2, requires_grad=True)
    drawing = draw_skeleton(points, [(0, 1)], 5, width=0.1)
    assert drawing[0, 0, 2, 2].item() == pytest.approx(1.0)
    assert drawing[0, 0, 2, 0].item() == pytest.approx(math.exp(-0.8 ** 2 / 0.1), abs=1e-6)
    (drawing * torch.arange(25.0).view(5, 5)).sum().backward()
    assert points.grad.isfinite().all()
    assert points.grad.abs().sum() > 0


def test_autocast_computes_in_float32() -> None:
    points = keypoints(1, 3)
    with torch.autocast('cpu', torch.bfloat16):
        drawing = draw_skeleton(points, [(0, 1), (1, 2)], 8)
    torch.testing.assert_close(drawing, draw_skeleton(points, [(0, 1), (1, 2)], 8))


@pytest.mark.parametrize('per_link', [False, True])
def test_gradcheck(per_link: bool) -> None:
    points = keypoints(1, 4, dtype=torch.float64).requires_grad_()
    links = [(0, 1), (1, 2), (1, 3)]
    assert gradcheck(lambda p: draw_skeleton(p, links, (4, 5), 0.2, [1.0, 2.0, 1.0], per_link=per_link), points)
