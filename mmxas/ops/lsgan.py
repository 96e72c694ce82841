"""Least-squares adversarial losses with winner-takes-all (equations 14 and 15).

Symbols: N batch, H hypotheses, K keypoints. Scores are the discriminator's raw outputs: 1 for real, 0 for fake.
"""
from torch import Tensor

from .winner_takes_all import winner_takes_all


def discriminator_loss(fake: Tensor, real: Tensor, valid: Tensor | None = None, level: str = 'sample') -> Tensor:
    """Return the discriminator's loss (equation 14): 1/2 (real - 1)^2 + 1/2 fake^2 of the winning hypothesis.

    Args:
        fake: (N, H) or (N, H, 1) scores of detached hypotheses.
        real: (M,) or (M, 1) scores of synthetic poses.
        valid: (N, H) or (N, H, K) bool validity; a hypothesis without a valid keypoint does not compete.
        level: ``'sample'`` (paper and released code) or ``'batch'``.

    Returns:
        Scalar.

    Raises:
        ValueError: If a shape is wrong.
    """
    real = _scores(real, 1, 'real')
    return 0.5 * (real - 1.0).square().mean() + 0.5 * _winner(_scores(fake, 2, 'fake').square(), valid, level)


def generator_loss(fake: Tensor, valid: Tensor | None = None, level: str = 'sample', half: bool = True) -> Tensor:
    """Return the detector's loss (equation 15): 1/2 (fake - 1)^2 of the winning hypothesis.

    Args:
        fake: (N, H) or (N, H, 1) scores of hypotheses.
        valid: (N, H) or (N, H, K) bool validity; a hypothesis without a valid keypoint does not compete.
        level: ``'sample'`` (paper and released code) or ``'batch'``.
        half: Whether to include the factor 1/2 of equation 15; the released code omits it.

    Returns:
        Scalar.

    Raises:
        ValueError: If a shape is wrong.
    """
    loss = _winner((_scores(fake, 2, 'fake') - 1.0).square(), valid, level)
    return 0.5 * loss if half else loss


def _winner(loss: Tensor, valid: Tensor | None, level: str) -> Tensor:
    if valid is not None and valid.dim() == 3:
        valid = valid.any(dim=-1)
    return winner_takes_all(loss, valid, level)


def _scores(scores: Tensor, axes: int, name: str) -> Tensor:
    if scores.dim() == axes + 1 and scores.shape[-1] == 1:
        scores = scores.squeeze(-1)
    if scores.dim() != axes:
        wanted = '(N, H) or (N, H, 1)' if axes == 2 else '(M,) or (M, 1)'
        raise ValueError(f'{name}: shape {wanted} expected, got {tuple(scores.shape)}')
    return scores.float() if scores.element_size() < 4 else scores
