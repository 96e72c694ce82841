"""Facing of a body: the direction from its right to its left side (not in the paper).

Symbols: N batch, K keypoints, P pairs, Hm and Wm height and width of the heatmap.
"""
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .checks import check_shape
from .symmetry import Bone, bone_symmetry

EXPECTED_WEIGHT = 0.1  # of the predicted facing in facing_score


def facing_direction(keypoints: Tensor, flip_pairs: Sequence[tuple[int, int]] | Tensor) -> Tensor:
    """Return the direction from the body's right to its left side, seen from above.

    The left side of a body is on the right of the image if it faces the camera, else on the left, so the sign of x
    distinguishes the two cases.

    Args:
        keypoints: (N, K, 3) crop-normalised.
        flip_pairs: (P, 2) left and right keypoints on the two sides of the trunk.

    Returns:
        (N, 2) unit vectors (x, z); zero if left and right coincide.

    Raises:
        ValueError: If there is no pair.
    """
    check_shape(keypoints, ('N', 'K', 3), 'keypoints')
    if not len(flip_pairs):
        raise ValueError('flip_pairs: at least one (left, right) pair is needed to compute the facing')
    left, right = torch.as_tensor(flip_pairs, device=keypoints.device).unbind(dim=1)
    across = (keypoints[:, left] - keypoints[:, right]).sum(dim=1)
    flat = torch.stack([across[:, 0] / 2, across[:, 2]], dim=-1)  # x spans the crop by 2, z by 1
    return flat / flat.norm(dim=-1, keepdim=True).clamp(min=1e-6)


def facing_loss(predicted: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the mean squared distance of predicted to true directions.

    Args:
        predicted: (N, 2), any length.
        target: (N, 2) unit vectors.
        weights: (N,) weight of each sample; None means 1.

    Returns:
        Scalar in at least float32; 0 if no sample has a positive weight.
    """
    check_shape(predicted, ('N', 2), 'predicted')
    error = (predicted.to(torch.promote_types(predicted.dtype, torch.float32)) - target).square().sum(dim=-1)
    if weights is None:
        return error.mean()
    return (error * weights).sum() / weights.sum().clamp(min=1e-6)


def facing_candidates(count: int) -> Tensor:
    """Return directions (count, 2) as unit vectors (x, z), evenly spaced; the first one is a body facing the camera.

    Raises:
        ValueError: If ``count`` is less than 1.
    """
    if count < 1:
        raise ValueError(f'count: 1 or more directions expected, got {count}')
    angles = torch.arange(count) * (2 * math.pi / count)
    return torch.stack([angles.cos(), angles.sin()], dim=-1)


def facing_score(plane: Tensor, keypoints: Tensor, facing: Tensor, expected: Tensor,
                 bone_pairs: Sequence[tuple[Bone, Bone]] | Tensor, window: int = 3,
                 expected_weight: float = EXPECTED_WEIGHT, symmetry_weight: float = 0.1) -> Tensor:
    """Return how well a facing explains an image; compare the scores of several facings of one image.

    The score is the sum of three terms:

    * The mean over keypoints of the log of the probability in the most probable square of the plane. If the facing is
      wrong or undecided, left and right limbs share their probability among both places.
    * ``expected_weight`` times the dot product of ``facing`` and ``expected``, as the log of a von Mises prior.
    * Minus ``symmetry_weight`` times the root mean square difference in length of left and right bones
      (:func:`~mmxas.ops.symmetry.bone_symmetry`), as a fraction of the mean length of these bones.

    docs/real_photos.md, Facing, says how the defaults were chosen.

    Args:
        plane: (N, K, Hm, Wm) probabilities in the x-y plane, which sum to 1 per keypoint.
        keypoints: (N, K, 3) crop-normalised pose, decoded from the same heatmaps.
        facing: (N, 2) unit vectors, the direction whose heatmaps these are.
        expected: (N, 2) predicted direction, with a length below 1 if it is uncertain.
        bone_pairs: (P, 2, 2) keypoint indices, from :func:`~mmxas.ops.symmetry.side_bone_pairs`.
        window: Odd side of the square in bins. Defaults to 3.
        expected_weight: Weight of the expected direction. Defaults to 0.1.
        symmetry_weight: Weight of the asymmetry. Defaults to 0.1.

    Returns:
        (N,).

    Raises:
        ValueError: If the shapes disagree, there are no bone pairs, or ``window`` is even.
    """
    if window < 1 or window % 2 == 0:
        raise ValueError(f'window: an odd number of bins (1 or more) expected, got {window}')
    if not len(bone_pairs):
        raise ValueError('bone_pairs: at least one pair of left and right bones is needed')
    sizes = check_shape(plane, ('N', 'K', 'Hm', 'Wm'), 'plane')
    check_shape(keypoints, (sizes['N'], sizes['K'], 3), 'keypoints')
    for name, direction in (('facing', facing), ('expected', expected)):
        check_shape(direction, (sizes['N'], 2), name)
    squares = F.avg_pool2d(plane, window, stride=1, padding=window // 2, divisor_override=1)
    concentration = squares.amax(dim=(-2, -1)).clamp_min(1e-6).log().mean(dim=-1)
    poses = torch.cat([keypoints[..., :2] / 2, keypoints[..., 2:]], dim=-1)  # x and y span the crop by 2, z by 1
    bones = torch.as_tensor(bone_pairs, device=poses.device)
    lengths = (poses[:, bones[..., 1]] - poses[:, bones[..., 0]]).norm(dim=-1).mean(dim=(-2, -1))
    asymmetry = bone_symmetry(poses, bones).sqrt() / lengths.clamp_min(1e-6)
    return concentration + expected_weight * (facing * expected).sum(dim=-1) - symmetry_weight * asymmetry
