"""Which way a body faces: analytic directions, and the loss on them."""
import math

import pytest
import torch

from mmxas.ops.facing import facing_candidates, facing_direction, facing_loss, facing_score

PAIRS = ((0, 1), (2, 3))


def turned(degrees: float) -> torch.Tensor:
    """A trunk of four keypoints, its left side towards +x, turned about the vertical axis; norm frame."""
    angle = math.radians(degrees)
    side = torch.tensor([0.1, 0.0, 0.0]), torch.tensor([-0.1, 0.0, 0.0]), torch.tensor([0.2, 0.4, 0.0]), torch.tensor(
        [-0.2, 0.4, 0.0])
    points = torch.stack(side)
    x, z = points[:, 0] / 2, points[:, 2]  # in units of the crop's side
    return torch.stack([2 * (x * math.cos(angle) - z * math.sin(angle)), points[:, 1],
                        x * math.sin(angle) + z * math.cos(angle)], dim=-1)[None]


@pytest.mark.parametrize('degrees', [0, 37, 90, 180, 260])
def test_direction_turns_with_the_body(degrees):
    angle = math.radians(degrees)
    expected = torch.tensor([[math.cos(angle), math.sin(angle)]])
    torch.testing.assert_close(facing_direction(turned(degrees), PAIRS), expected, atol=1e-6, rtol=0)


def test_direction_ignores_size_and_place():
    body = turned(20)
    torch.testing.assert_close(facing_direction(0.3 * body + torch.tensor([0.2, -0.1, 0.05]), PAIRS),
                               facing_direction(body, PAIRS), atol=1e-5, rtol=0)


def test_mirror_image_faces_the_mirrored_way():
    body = turned(20)
    mirrored = (body * torch.tensor([-1.0, 1.0, 1.0]))[:, [1, 0, 3, 2]]
    torch.testing.assert_close(facing_direction(mirrored, PAIRS),
                               facing_direction(body, PAIRS) * torch.tensor([1.0, -1.0]))


def test_coinciding_sides_have_no_direction():
    assert facing_direction(torch.zeros(2, 4, 3), PAIRS).abs().max() == 0


def test_no_pair_is_refused():
    with pytest.raises(ValueError, match='at least one'):
        facing_direction(turned(0), ())


def test_loss_by_hand_and_by_weights():
    predicted, target = torch.tensor([[0.0, 0.0], [3.0, 4.0]]), torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    assert facing_loss(predicted, target).item() == pytest.approx((1 + 25) / 2)
    assert facing_loss(predicted, target, torch.tensor([1.0, 0.0])).item() == pytest.approx(1.0)
    assert facing_loss(predicted, target, torch.zeros(2)).item() == 0.0


def test_gradient():
    predicted = torch.randn(3, 2, dtype=torch.float32, generator=torch.Generator().manual_seed(0)).requires_grad_()
    target = torch.randn(3, 2, generator=torch.Generator().manual_seed(1))
    (gradient,) = torch.autograd.grad(facing_loss(predicted, target), predicted)
    torch.testing.assert_close(gradient, 2 * (predicted.detach() - target) / 3)


def test_candidates_go_round_the_circle_and_their_mirror_images_are_among_them():
    found = facing_candidates(8)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(8))
    torch.testing.assert_close(found[0], torch.tensor([1.0, 0.0]))
    torch.testing.assert_close((found * found.roll(1, dims=0)).sum(dim=1), torch.full((8,), math.cos(math.pi / 4)))
    torch.testing.assert_close(found * torch.tensor([1.0, -1.0]), found[[0, 7, 6, 5, 4, 3, 2, 1]], atol=1e-6, rtol=0)
    with pytest.raises(ValueError, match='count: 1 or more directions expected, got 0'):
        facing_candidates(0)


def test_score_of_a_split_heatmap_of_a_direction_and_of_an_asymmetric_body():
    """Each term alone, by hand: two keypoints, bones 0-1 and 0-2 of 0.3 and 0.1 of the crop's side."""
    keypoints = torch.tensor([[[0.0, 0.0, 0.0], [0.6, 0.0, 0.0], [0.0, 0.0, 0.1]]])  # 0.6 in x is 0.3 of the side
    plane = torch.zeros(1, 3, 9, 9)
    plane[:, :, 2, 2] = 1
    plane[:, 1, 2, 2] = plane[:, 1, 6, 6] = 0.5  # one of three keypoints is split
    front = torch.tensor([[1.0, 0.0]])
    pairs = [((0, 1), (0, 2))]
    split, straight = math.log(0.5) / 3, 0.1 * 0.6
    uneven = 0.1 * (0.3 - 0.1) / 0.2
    found = facing_score(plane, keypoints, front, torch.tensor([[0.6, 0.8]]), pairs)
    torch.testing.assert_close(found, torch.tensor([split + straight - uneven]))
    found = facing_score(plane, keypoints, front, -front, pairs, expected_weight=0.0, symmetry_weight=0.0)
    torch.testing.assert_close(found, torch.tensor([split]))


def test_score_counts_the_neighbours_of_a_bin():
    plane = torch.full((1, 1, 9, 9), 0.0)
    plane[0, 0, 3:6, 3:6] = 1 / 9
    keypoints, front, pairs = torch.tensor([[[0.0, 0, 0]]]), torch.tensor([[1.0, 0]]), [((0, 0), (0, 0))]
    values = [facing_score(plane, keypoints, front, front, pairs, window, 0.0, 0.0).item() for window in (1, 3, 5)]
    assert values == pytest.approx([math.log(1 / 9), 0.0, 0.0], abs=1e-6)


def test_a_score_needs_bones_and_an_odd_window():
    plane, keypoints, front = torch.ones(1, 2, 4, 4) / 16, torch.zeros(1, 2, 3), torch.tensor([[1.0, 0.0]])
    with pytest.raises(ValueError, match='bone_pairs: at least one pair'):
        facing_score(plane, keypoints, front, front, [])
    with pytest.raises(ValueError, match='window: an odd number of bins'):
        facing_score(plane, keypoints, front, front, [((0, 1), (0, 1))], window=2)
