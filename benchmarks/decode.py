"""Benchmark the decoding of a heatmap volume to three poses (softmax, marginals, peaks), forward and backward."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

import mmxas  # noqa: F401
from benchmarks.comparison import Contest
from mmxas.ops import Decoding, bin_positions, decode_hypotheses, depth_peaks

N, K, D, SIZE, H, WINDOW = 8, 18, 64, 64, 3, 15


def plain_decode(logits: Tensor, num_keypoints: int = K, num_hypotheses: int = H, window: int = WINDOW) -> Tensor:
    """Decode by equations 2 to 6 on the dense volume of probabilities, which autograd keeps.

    Finding the peaks uses (N, K, D) numbers and has no gradient: both implementations call ``depth_peaks``.

    Args:
        logits: (N, K * D, Hm, Wm).
        num_keypoints: K.
        num_hypotheses: H.
        window: Bins of the window around a peak.

    Returns:
        (N, H, K, 3) in crop-normalised coordinates, a keypoint's hypotheses in the order of their peaks.
    """
    batch, channels, height, width = logits.shape
    depth = channels // num_keypoints
    volume = logits.reshape(batch, num_keypoints, -1).softmax(dim=-1)
    volume = volume.view(batch, num_keypoints, depth, height, width)
    x = (volume * bin_positions(width)).sum(dim=(2, 3, 4))
    y = (volume * bin_positions(height)[:, None]).sum(dim=(2, 3, 4))
    return _plain_poses(x, y, volume.sum(dim=(3, 4)), num_hypotheses, window)


def plain_decode_marginals_first(logits: Tensor) -> Tensor:
    """Decode with less work: sum the dense volume onto its axes, and multiply only the sums.

    Unlike equation 2 as written; it shows the speedup against a plain implementation without redundant work.
    """
    volume = logits.unflatten(1, (K, -1))
    volume = volume.flatten(2).softmax(dim=-1).view(volume.shape)
    x = (volume.sum(dim=(2, 3)) * bin_positions(volume.shape[4])).sum(dim=-1)
    y = (volume.sum(dim=(2, 4)) * bin_positions(volume.shape[3])).sum(dim=-1)
    return _plain_poses(x, y, volume.sum(dim=(3, 4)), H, WINDOW)


def _plain_poses(x: Tensor, y: Tensor, profile: Tensor, num_hypotheses: int, window: int) -> Tensor:
    """Convert x and y (N, K) and the depth heatmap (N, K, D) to poses (N, H, K, 3)."""
    depth = profile.shape[-1]
    peaks = depth_peaks(profile, num_hypotheses).index
    bins = torch.arange(depth)
    weights = profile.unsqueeze(2) * ((bins - peaks.unsqueeze(-1)).abs() <= window // 2)
    z = (weights * bin_positions(depth)).sum(dim=-1) / weights.sum(dim=-1)
    x, y = (axis.unsqueeze(-1).expand_as(z) for axis in (x, y))
    return torch.stack([x, y, z], dim=-1).transpose(1, 2)


def ours_decode(logits: Tensor) -> Tensor:
    """Decode by :func:`mmxas.ops.decode_hypotheses`."""
    return decode_hypotheses(logits, K, Decoding(H, WINDOW), sort_poses=False).keypoints


def example_logits(batch: int = N, depth: int = D, size: int = SIZE) -> Tensor:
    """Return random volumes with a clear peak each."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(batch, K * depth, size, size, generator=generator)
    bumps = torch.randint(size, (2, batch, K), generator=generator)
    for sample in range(batch):
        logits[sample, torch.arange(K) * depth + depth // 3, bumps[0, sample], bumps[1, sample]] += 15
    return logits


def build(way: str, batch: int = N, depth: int = D, size: int = SIZE,
          plain: Callable[[Tensor], Tensor] = plain_decode) -> Callable[[], tuple[Tensor, Tensor]]:
    """Return a function that runs forward and backward and returns poses and the logits' gradient."""
    logits = example_logits(batch, depth, size)
    weights = torch.randn(batch, H, K, 3, generator=torch.Generator().manual_seed(1))
    decode = {'plain': plain, 'ours': ours_decode}[way]

    def run() -> tuple[Tensor, Tensor]:
        leaf = logits.detach().requires_grad_()
        poses = decode(leaf)
        gradient, = torch.autograd.grad((poses * weights).sum(), leaf)
        return poses.detach(), gradient

    return run


CONTESTS = [Contest('decode', f'decode {K}x{D}x{SIZE}x{SIZE}, batch {N}, forward + backward', build, 5.0, 0.4,
                    authors_ms=361.0),
            Contest('decode_marginals_first', 'decode, against marginals first',
                    partial(build, plain=plain_decode_marginals_first)),
            Contest('decode_both_keep', 'decode, both sides keep freed memory', build, keeps_memory=True)]
