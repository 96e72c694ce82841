import pytest
import torch
from torch.autograd import gradcheck

from mmxas.ops.symmetry import bone_symmetry, centre_triples, keypoint_symmetry, limb_bone_pairs, side_bone_pairs
from mmxas.structures import load_skeleton

# Largest error against the recorded vectors (2e-8 measured in float64).
PARITY_TOLERANCE = 1e-6

# A root 0 with a left leg 1-2-3 and a right leg 4-5-6.
PARENTS, PAIRS = (0, 0, 1, 2, 0, 4, 5), ((1, 4), (2, 5), (3, 6))


def test_parity_symmetry(parity) -> None:
    data = parity('losses.npz')
    skeleton = load_skeleton('h36m18')
    pose, flat = torch.from_numpy(data['kp3d_mm']) * 1e-3, torch.from_numpy(data['kp2d'])
    triples = centre_triples(skeleton.parents, skeleton.flip_pairs)
    found = dict(bone_symmetry=bone_symmetry(pose, limb_bone_pairs(skeleton.parents, skeleton.flip_pairs)),
                 kp_symmetry_3d=keypoint_symmetry(pose, triples), kp_symmetry_2d=keypoint_symmetry(flat, triples))
    for name, value in found.items():
        assert value.shape == (len(pose),)
        assert value.mean().item() == pytest.approx(float(data[name]), abs=PARITY_TOLERANCE), name


def test_pairs_of_bones() -> None:
    assert side_bone_pairs(PARENTS, PAIRS) == (((0, 1), (0, 4)), ((1, 2), (4, 5)), ((2, 3), (5, 6)))
    assert limb_bone_pairs(PARENTS, PAIRS) == (((2, 3), (1, 2)), ((5, 6), (4, 5)))
    assert centre_triples(PARENTS, PAIRS) == ((1, 4, 0),)


def test_pairs_of_the_human_skeleton() -> None:
    skeleton = load_skeleton('h36m18')
    sides = side_bone_pairs(skeleton.parents, skeleton.flip_pairs)
    assert len(sides) == 6
    assert {frozenset(pair) for pair in centre_triples(skeleton.parents, skeleton.flip_pairs)} == {
        frozenset((1, 4, 0)), frozenset((11, 14, 17))}
    limbs = {bone for pair in limb_bone_pairs(skeleton.parents, skeleton.flip_pairs) for bone in pair}
    assert limbs == {(1, 2), (2, 3), (4, 5), (5, 6), (11, 12), (12, 13), (14, 15), (15, 16)}


def test_bone_symmetry_is_the_squared_difference_of_lengths() -> None:
    pose = torch.zeros(2, 7, 3)
    pose[0, 1], pose[0, 4] = torch.tensor([3.0, 4.0, 0.0]), torch.tensor([0.0, 0.0, 2.0])
    loss = bone_symmetry(pose, [((0, 1), (0, 4)), ((2, 3), (5, 6))])
    assert loss.tolist() == pytest.approx([9 / 2, 0.0], abs=1e-6)


def test_bone_symmetry_ignores_direction_and_place() -> None:
    pose = torch.randn(1, 3, 7, 3)
    mirrored = pose.clone()
    mirrored[..., 4:, :] = pose[..., 1:4, :] * torch.tensor([-1.0, 1.0, 1.0])
    mirrored[..., 0, :] = 0
    shifted = mirrored + torch.tensor([1.0, 2.0, 3.0])
    torch.testing.assert_close(bone_symmetry(shifted, side_bone_pairs(PARENTS, PAIRS)), torch.zeros(1, 3))


def test_keypoint_symmetry_is_the_midpoints_offset() -> None:
    pose = torch.zeros(7, 3)
    pose[1], pose[4], pose[0] = torch.tensor([2.0, 0, 0]), torch.tensor([0.0, 4, 0]), torch.tensor([1.0, 2, 3])
    assert keypoint_symmetry(pose, [(1, 4, 0)]).item() == pytest.approx(3.0)
    assert keypoint_symmetry(pose[:, :2], [(1, 4, 0)]).item() == 0.0


def test_exceptions() -> None:
    with pytest.raises(ValueError, match=r'bone_pairs: expected at least one, got none \(does the skeleton'):
        bone_symmetry(torch.zeros(7, 3), ())
    with pytest.raises(ValueError, match=r'triples: shape \(\*, 3\) expected, got \(1, 2\)'):
        keypoint_symmetry(torch.zeros(7, 3), [(1, 4)])
    with pytest.raises(ValueError, match='keypoints: shape'):
        bone_symmetry(torch.zeros(7, 2), side_bone_pairs(PARENTS, PAIRS))


def test_gradients() -> None:
    pose = torch.randn(2, 7, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    assert gradcheck(lambda p: bone_symmetry(p, side_bone_pairs(PARENTS, PAIRS)), pose)
    assert gradcheck(lambda p: keypoint_symmetry(p, centre_triples(PARENTS, PAIRS)), pose)
    folded = torch.zeros(1, 7, 3, requires_grad=True)
    bone_symmetry(folded, side_bone_pairs(PARENTS, PAIRS)).sum().backward()
    assert folded.grad.isfinite().all()
