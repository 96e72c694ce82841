"""Loss of hypotheses against labelled keypoints (equation 16).

Symbols: N batch, H hypotheses, K keypoints. Coordinates are crop-normalised.
"""
import torch
from torch import Tensor

from .checks import check_choice, check_shape
from .winner_takes_all import winner_takes_all

NORMS = ('l2', 'l1')


def keypoint_errors(hypotheses: Tensor, target: Tensor, norm: str = 'l2') -> Tensor:
    """Return the error of each keypoint of each hypothesis: the mean squared or absolute difference over x, y, z.

    Args:
        hypotheses: (N, H, K, 3) crop-normalised.
        target: (N, K, 3) crop-normalised.
        norm: ``'l2'`` (squared) or ``'l1'`` (absolute).

    Returns:
        (N, H, K).
    """
    check_choice(norm, NORMS, 'norm')
    sizes = check_shape(hypotheses, ('N', 'H', 'K', 3), 'hypotheses')
    check_shape(target, (sizes['N'], sizes['K'], 3), 'target')
    with torch.autocast(device_type=hypotheses.device.type, enabled=False):
        difference = hypotheses - target.to(hypotheses.dtype).unsqueeze(1)
        return (difference.square() if norm == 'l2' else difference.abs()).mean(dim=-1)


def keypoint_loss(hypotheses: Tensor, target: Tensor, valid: Tensor | None = None, weights: Tensor | None = None,
                  norm: str = 'l2', level: str = 'sample') -> Tensor:
    """Return the winner-takes-all loss of hypotheses against synthetic keypoints (equation 16).

    Args:
        hypotheses: (N, H, K, 3) crop-normalised.
        target: (N, K, 3) crop-normalised.
        valid: (N, H, K) bool, validity of the entries; None means all.
        weights: (N, K) weight of each keypoint, 0 for an unlabelled one; None means 1.
        norm: ``'l2'`` (the paper) or ``'l1'``.
        level: ``'sample'``, ``'keypoint'`` or ``'batch'`` (the released code); see
            :func:`mmxas.ops.winner_takes_all.winner_takes_all`.

    Returns:
        Scalar, the mean of the winners' errors over samples, keypoints and axes.
    """
    return winner_takes_all(keypoint_errors(hypotheses, target, norm), valid, level, weights)


def planar_keypoint_loss(hypotheses: Tensor, target: Tensor, weights: Tensor | None = None, norm: str = 'l2') -> Tensor:
    """Return the loss of x and y against 2D labels (the supervised comparison in the third row of Table 3).

    No winner is chosen, as hypotheses differ in depth only.

    Args:
        hypotheses: (N, H, K, 3) crop-normalised.
        target: (N, K, 2) or (N, K, 3) crop-normalised; depths are ignored.
        weights: (N, K) weight of each keypoint, 0 for an unlabelled one; None means 1.
        norm: ``'l2'`` or ``'l1'``.

    Returns:
        Scalar, the weighted mean over samples, keypoints and both axes.

    Raises:
        ValueError: If a shape is wrong or the norm unknown.
    """
    check_choice(norm, NORMS, 'norm')
    sizes = check_shape(hypotheses, ('N', 'H', 'K', 3), 'hypotheses')
    check_shape(target, (sizes['N'], sizes['K'], None), 'target')
    difference = hypotheses[:, 0, :, :2] - target[..., :2].to(hypotheses.dtype)
    errors = (difference.square() if norm == 'l2' else difference.abs()).mean(dim=-1)
    weights = torch.ones_like(errors) if weights is None else weights.to(errors)
    return (errors * weights).sum() / weights.sum().clamp_min(1e-6)
