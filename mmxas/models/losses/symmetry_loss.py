"""Symmetry loss of target samples' hypotheses (in the released code, not in the paper)."""
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mmxas.ops.checks import check_choice
from mmxas.ops.decoding import Hypotheses
from mmxas.ops.symmetry import bone_symmetry, centre_triples, keypoint_symmetry, limb_bone_pairs, side_bone_pairs
from mmxas.ops.winner_takes_all import winner_takes_all
from mmxas.registry import MODELS
from mmxas.structures import Skeleton, load_skeleton

_BONES = dict(sides=side_bone_pairs, limbs=limb_bone_pairs)


@MODELS.register_module()
class SymmetryLoss(nn.Module):
    """Penalise unequal bones, and flip pairs not centred on their parent; winner-takes-all over hypotheses.

    In crop-normalised coordinates, z has half the scale of x and y. The loss doubles z, which gives metres for a crop
    of 2000 mm, up to perspective.

    N: batch, H: hypotheses, K: keypoints.

    Args:
        skeleton: Name, JSON path, dict or Skeleton; its flip pairs define left and right.
        bone_weight: Weight of the bone term. Defaults to 1.
        keypoint_weight: Weight of the midpoint term. Defaults to 1.
        bones: Which bones are compared: ``'sides'``, left and right; or ``'limbs'``, the lower and the upper bone of
            each limb (the released code). Defaults to 'sides'.
        level: ``'sample'`` or ``'batch'`` (the released code). Defaults to 'sample'.

    Raises:
        ValueError: If an option is unknown, or the skeleton has no such bones or pairs.
    """

    reads = 'pose'

    def __init__(self, skeleton: str | Mapping | Skeleton, bone_weight: float = 1.0, keypoint_weight: float = 1.0,
                 bones: str = 'sides', level: str = 'sample') -> None:
        super().__init__()
        check_choice(bones, tuple(_BONES), 'bones')
        check_choice(level, ('sample', 'batch'), 'level')
        self.skeleton = skeleton = load_skeleton(skeleton)
        self.bone_weight, self.keypoint_weight, self.level = bone_weight, keypoint_weight, level
        bone_pairs = _BONES[bones](skeleton.parents, skeleton.flip_pairs)
        triples = centre_triples(skeleton.parents, skeleton.flip_pairs)
        if bone_weight and not bone_pairs or keypoint_weight and not triples:
            raise ValueError(f'skeleton {skeleton.name!r}: expected left/right pairs with bones to compare '
                             f'({len(bone_pairs)} found) and with a common parent ({len(triples)} found)')
        constants = dict(bone_pairs=torch.tensor(bone_pairs, dtype=torch.int64),
                         triples=torch.tensor(triples, dtype=torch.int64), scale=torch.tensor([1.0, 1.0, 2.0]))
        for name, value in constants.items():
            self.register_buffer(name, value, persistent=False)

    def forward(self, hypotheses: Hypotheses) -> Tensor:
        """Compute the loss.

        Args:
            hypotheses: Hypotheses of the target samples.

        Returns:
            Scalar, in squared metres for a crop of 2000 mm.
        """
        poses = hypotheses.keypoints * self.scale.to(hypotheses.keypoints.dtype)
        loss = torch.zeros_like(poses[:, :, 0, 0])
        if self.bone_weight:
            loss = loss + self.bone_weight * bone_symmetry(poses, self.bone_pairs)
        if self.keypoint_weight:
            loss = loss + self.keypoint_weight * keypoint_symmetry(poses, self.triples)
        return winner_takes_all(loss, hypotheses.valid.any(dim=-1), self.level)
