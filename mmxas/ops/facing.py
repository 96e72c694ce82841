"""Facing of a body: the direction from its right to its left side (not in the paper).

Symbols: N batch, K keypoints, P pairs.
"""
from collections.abc import Sequence

import torch
from torch import Tensor

from .checks import check_shape


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
