"""Loss of the facing direction that a neck predicts."""
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmxas.ops.facing import facing_direction, facing_loss
from mmxas.ops.symmetry import centre_triples
from mmxas.registry import MODELS
from mmxas.structures import load_skeleton


@MODELS.register_module()
class FacingLoss(nn.Module):
    """Distance of ``FacingFusionNeck``'s facing direction to that of the labelled keypoints (not in the paper).

    The direction is computed from the flip pairs whose parent is an unpaired keypoint, such as hips and shoulders.

    Args:
        skeleton: Name, file or dict of the skeleton.

    Raises:
        ValueError: The skeleton has no such flip pair.
    """

    reads = 'features'

    def __init__(self, skeleton: str | dict) -> None:
        super().__init__()
        self.skeleton = load_skeleton(skeleton)
        pairs = [(left, right) for left, right, _ in centre_triples(self.skeleton.parents, self.skeleton.flip_pairs)]
        if not pairs:
            raise ValueError(f'FacingLoss: skeleton {self.skeleton.name!r} has no flip pair whose parent is an '
                             'unpaired keypoint, so the facing is undefined; leave this loss out')
        self.register_buffer('flip_pairs', torch.tensor(pairs), persistent=False)

    def forward(self, features: Sequence[Tensor], target: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the scalar loss.

        Args:
            features: The neck's outputs for N samples; the last one is the facing (N, 2).
            target: (N, K, 3) keypoints.
            weights: (N, K), or None.

        Raises:
            ValueError: The neck does not predict a facing.
        """
        predicted = features[-1]
        if predicted.dim() != 2 or predicted.shape[-1] != 2:
            raise ValueError(f'FacingLoss: the neck\'s last output has shape {tuple(predicted.shape)}, (N, 2) is '
                             'expected: model.neck must be a FacingFusionNeck, and model.head read in_index=0')
        seen = None if weights is None else (weights[:, self.flip_pairs.flatten()] > 0).all(dim=1).to(target)
        return facing_loss(predicted, facing_direction(target, self.flip_pairs), seen)
