"""Winner-takes-all over hypotheses (equation 7).

Symbols: N batch, H hypotheses, K keypoints.
"""
import torch
from torch import Tensor

from .checks import check_choice, check_shape

LEVELS = ('sample', 'keypoint', 'batch')


def winner_index(loss: Tensor, valid: Tensor | None = None, level: str = 'sample',
                 weights: Tensor | None = None) -> Tensor:
    """Return the index of the hypothesis with the smallest loss.

    Args:
        loss: (N, H) per pose, or (N, H, K) per keypoint.
        valid: (N, H) or (N, H, K) bool; None means all. Hypotheses without any valid entry, and at level
            ``'keypoint'`` invalid entries, are excluded; hypothesis 0 always competes.
        level: ``'sample'``, ``'keypoint'`` or ``'batch'``; see :func:`winner_takes_all`.
        weights: (N, K) weight of each keypoint, for (N, H, K) only.

    Returns:
        int64 index: (N,) for samples, (N, K) for keypoints, () for the batch.
    """
    _check(loss, valid, level, weights)
    with torch.no_grad():
        return _masked(*_candidates(loss, valid, level, weights)).argmin(dim=0 if level == 'batch' else 1)


def winner_takes_all(loss: Tensor, valid: Tensor | None = None, level: str = 'sample',
                     weights: Tensor | None = None) -> Tensor:
    """Return the loss of the best hypothesis; only the winner receives a gradient (equation 7).

    Args:
        loss: (N, H) per pose, or (N, H, K) per keypoint.
        valid: (N, H) or (N, H, K) bool; None means all. Hypotheses without any valid entry, and at level
            ``'keypoint'`` invalid entries, are excluded; hypothesis 0 always competes.
        level: Level of the minimum. ``'sample'``: per sample, of the mean over keypoints. ``'keypoint'``: per keypoint.
            ``'batch'``: of the mean over the batch, so that one hypothesis wins for all samples (the released code).
        weights: (N, K) weight of each keypoint, for (N, H, K) only; means over keypoints are weighted, and samples with
            zero weight are excluded.

    Returns:
        Scalar.

    Raises:
        ValueError: If a shape or the level is wrong.

    Examples:
        >>> winner_takes_all(torch.tensor([[1.0, 3.0], [5.0, 2.0]]))
        tensor(1.5000)
        >>> winner_takes_all(torch.tensor([[1.0, 3.0], [5.0, 2.0]]), level='batch')
        tensor(2.5000)
    """
    _check(loss, valid, level, weights)
    candidates, allowed = _candidates(loss, valid, level, weights)
    dim = 0 if level == 'batch' else 1
    index = _masked(candidates.detach(), allowed).argmin(dim=dim, keepdim=True)
    best = candidates.gather(dim, index).squeeze(dim)
    if weights is None or level == 'batch':
        return best.mean()
    count = weights if level == 'keypoint' else (weights.sum(dim=1) > 0)
    count = count.to(best.dtype)
    return (best * count).sum() / count.sum().clamp_min(1e-6)


def _candidates(loss: Tensor, valid: Tensor | None, level: str, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the candidates' losses, (N, H), (N, H, K) or (H,), and which of them may win."""
    valid = torch.ones_like(loss, dtype=torch.bool) if valid is None else valid
    if level == 'keypoint':
        valid = valid if valid.dim() == 3 else valid.unsqueeze(-1).expand_as(loss)
        return loss, _with_first(valid, 1)
    allowed = valid.any(dim=-1) if valid.dim() == 3 else valid
    if loss.dim() == 3:
        loss = loss.mean(dim=-1) if weights is None else _weighted_mean(loss, weights.unsqueeze(1), -1)
    if level == 'sample':
        return loss, _with_first(allowed, 1)
    if weights is None:
        return loss.mean(dim=0), _with_first(allowed.any(dim=0), 0)
    counts = (weights.sum(dim=1, keepdim=True) > 0)
    return _weighted_mean(loss, counts, 0), _with_first(allowed.any(dim=0), 0)


def _weighted_mean(loss: Tensor, weights: Tensor, dim: int) -> Tensor:
    weights = weights.to(loss.dtype)
    return (loss * weights).sum(dim=dim) / weights.sum(dim=dim).clamp_min(1e-6)


def _with_first(allowed: Tensor, dim: int) -> Tensor:
    allowed = allowed.clone()
    allowed.select(dim, 0).fill_(True)
    return allowed


def _masked(candidates: Tensor, allowed: Tensor) -> Tensor:
    return candidates.masked_fill(~allowed, float('inf'))


def _check(loss: Tensor, valid: Tensor | None, level: str, weights: Tensor | None) -> None:
    check_choice(level, LEVELS, 'level')
    if loss.dim() not in (2, 3) or level == 'keypoint' and loss.dim() != 3:
        wanted = '(N, H, K)' if level == 'keypoint' else '(N, H) or (N, H, K)'
        raise ValueError(f"loss: shape {wanted} expected at level '{level}', got {tuple(loss.shape)}")
    if valid is not None and tuple(valid.shape) not in (tuple(loss.shape), tuple(loss.shape[:2])):
        raise ValueError(f'valid: shape {tuple(loss.shape[:2])} or {tuple(loss.shape)} expected, '
                         f'got {tuple(valid.shape)}')
    if weights is not None:
        if loss.dim() != 3:
            raise ValueError(f'weights: go with a loss of shape (N, H, K), got {tuple(loss.shape)}')
        check_shape(weights, (loss.shape[0], loss.shape[2]), 'weights')
