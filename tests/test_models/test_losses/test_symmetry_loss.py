import pytest
import torch

from mmxas.models.losses import SymmetryLoss
from mmxas.ops.decoding import Hypotheses
from mmxas.ops.symmetry import bone_symmetry, centre_triples, keypoint_symmetry, limb_bone_pairs, side_bone_pairs
from mmxas.registry import MODELS
from mmxas.structures import load_skeleton

SKELETON = load_skeleton('h36m18')
POSES = torch.randn(4, 3, 18, 3, generator=torch.Generator().manual_seed(0)) * 0.3
METRES = POSES * torch.tensor([1.0, 1.0, 2.0])


def hypotheses(poses: torch.Tensor, valid: torch.Tensor | None = None) -> Hypotheses:
    scores = torch.ones(poses.shape[:3])
    return Hypotheses(poses, scores, scores.bool() if valid is None else valid, torch.ones(len(poses), 18, 1))


@pytest.mark.parametrize(('bones', 'pairs'), [('sides', side_bone_pairs), ('limbs', limb_bone_pairs)])
def test_weighted_sum_of_the_winner(bones: str, pairs) -> None:
    loss = MODELS.build(dict(type='SymmetryLoss', skeleton='h36m18', bone_weight=0.5, keypoint_weight=2.0, bones=bones))
    assert loss.reads == 'pose'
    each = 0.5 * bone_symmetry(METRES, pairs(SKELETON.parents, SKELETON.flip_pairs)) \
        + 2.0 * keypoint_symmetry(METRES, centre_triples(SKELETON.parents, SKELETON.flip_pairs))
    torch.testing.assert_close(loss(hypotheses(POSES)), each.min(dim=1).values.mean())


def test_batch_level_and_single_terms() -> None:
    triples = centre_triples(SKELETON.parents, SKELETON.flip_pairs)
    value = SymmetryLoss('h36m18', bone_weight=0.0, level='batch')(hypotheses(POSES))
    torch.testing.assert_close(value, keypoint_symmetry(METRES, triples).mean(dim=0).min())


def test_depth_is_doubled_to_the_scale_of_x_and_y() -> None:
    # One thigh along x, the other along z, of equal length in mm: z has half the scale of x.
    pose = torch.zeros(1, 1, 18, 3)
    pose[..., 2:4, 0], pose[..., 5:7, 2] = 0.4, 0.2
    assert SymmetryLoss('h36m18', keypoint_weight=0.0)(hypotheses(pose)).item() == pytest.approx(0.0, abs=1e-6)


def test_invalid_hypotheses_do_not_compete() -> None:
    valid = torch.ones(4, 3, 18, dtype=torch.bool)
    valid[:, 1:] = False
    loss = SymmetryLoss('h36m18')
    torch.testing.assert_close(loss(hypotheses(POSES, valid)), loss(hypotheses(POSES[:, :1])))


def test_exceptions() -> None:
    with pytest.raises(ValueError, match="bones: one of 'sides', 'limbs' expected, got 'all'"):
        SymmetryLoss('h36m18', bones='all')
    with pytest.raises(ValueError, match='level: one of'):
        SymmetryLoss('h36m18', level='keypoint')
    with pytest.raises(ValueError, match="skeleton 'line': expected left/right pairs"):
        SymmetryLoss(dict(name='line', keypoints=['a', 'b'], parents=[0, 0]))
