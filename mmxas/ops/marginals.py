"""Marginals of a 3D heatmap, and a cross-entropy on them.

Symbols: N batch, K keypoints, D depth bins, Hm and Wm height and width of the heatmap.
"""
from typing import NamedTuple

import torch
from torch import Tensor

from .checks import check_choice, check_positive, check_shape
from .kernels.blockwise_marginals import BlockwiseMarginals

# Minimum probability: keeps log finite, and 1 / p within float32.
_TINY = 1e-30


class Marginals(NamedTuple):
    """Marginal probabilities of each keypoint along each axis, and in the x-y plane; each distribution sums to 1.

    Attributes:
        x: (N, K, Wm).
        y: (N, K, Hm).
        z: (N, K, D); the depth heatmap of equation 3.
        plane: (N, K, Hm, Wm), the volume summed over depth; None if not requested.
    """

    x: Tensor
    y: Tensor
    z: Tensor
    plane: Tensor | None = None


def bin_positions(num_bins: int, align_corners: bool = False, device: torch.device | None = None,
                  dtype: torch.dtype = torch.float32) -> Tensor:
    """Return the crop-normalised positions of the bins of one axis.

    Args:
        num_bins: Number of bins n.
        align_corners: False: bin i is at ``(2 i + 1) / n - 1``, the centre of its cell; True: at ``2 i / n - 1``, the
            first one at -1, as in the released code of the paper. Defaults to False.
        device: Device of the result.
        dtype: Data type of the result.

    Returns:
        (num_bins,) positions in [-1, 1].

    Raises:
        ValueError: If ``align_corners`` is not a bool.
    """
    check_choice(align_corners, (False, True), 'align_corners')
    index = torch.arange(num_bins, device=device, dtype=dtype)
    offset = 1.0 if not align_corners else 0.0
    return (2.0 * index + offset) / num_bins - 1.0


def spatial_softmax(logits: Tensor, num_keypoints: int, depth: int | None = None) -> Tensor:
    """Return the softmax of each keypoint's heatmap over its whole volume (the sigma of equation 2).

    Computes in at least float32, also under autocast.

    Args:
        logits: (N, K * D, Hm, Wm) heatmap logits, keypoint-major channels.
        num_keypoints: Number of keypoints, K.
        depth: D; None takes it from the number of channels.

    Returns:
        (N, K, D, Hm, Wm) probabilities that sum to 1 per keypoint.

    Raises:
        ValueError: If the channels are not K * D.
    """
    volume = _as_volume(logits, num_keypoints, depth)
    with torch.autocast(device_type=logits.device.type, enabled=False):
        volume = volume if volume.dtype == torch.float64 else volume.float()
        return volume.flatten(2).softmax(dim=-1).view(volume.shape)


def volume_marginals(logits: Tensor, num_keypoints: int, depth: int | None = None,
                     with_plane: bool = False) -> Marginals:
    """Return the softmax over the volume, summed onto each of its three axes.

    Unless traced or compiled, forward and backward together allocate little more than the gradient, and forward alone
    almost nothing (:mod:`mmxas.ops.kernels.blockwise_marginals`).

    Args:
        logits: (N, K * D, Hm, Wm) heatmap logits.
        num_keypoints: Number of keypoints, K.
        depth: D; None takes it from the number of channels.
        with_plane: Also sum onto the x-y plane. Defaults to False.

    Returns:
        The marginal probabilities in float32 (float64 for float64 logits). ``z`` is the depth heatmap, equation 3.
    """
    with torch.autocast(device_type=logits.device.type, enabled=False):
        if not torch.compiler.is_compiling() and not torch.jit.is_tracing():
            volume = _as_volume(logits, num_keypoints, depth)
            volume = volume if torch.is_grad_enabled() else volume.detach()
            return Marginals(*BlockwiseMarginals.apply(volume, with_plane))
        volume = spatial_softmax(logits, num_keypoints, depth)
        return Marginals(x=volume.sum(dim=(2, 3)), y=volume.sum(dim=(2, 4)), z=volume.sum(dim=(-1, -2)),
                         plane=volume.sum(dim=2) if with_plane else None)


def heatmap_marginals(logits: Tensor, num_keypoints: int, depth: int | None = None) -> Marginals:
    """Return the log-probabilities of the three marginals.

    Args:
        logits: (N, K * D, Hm, Wm) heatmap logits.
        num_keypoints: Number of keypoints, K.
        depth: D; None takes it from the number of channels.

    Returns:
        Marginals with natural logarithms as entries, always finite.
    """
    return Marginals(*(axis.clamp_min(_TINY).log() for axis in volume_marginals(logits, num_keypoints, depth)[:3]))


def gaussian_targets(target: Tensor, num_bins: int, sigma_bins: float = 1.0) -> Tensor:
    """Return discretised Gaussians around coordinates along one axis.

    Args:
        target: (...) crop-normalised coordinates.
        num_bins: Number of bins of the axis.
        sigma_bins: Standard deviation, in bins.

    Returns:
        (..., num_bins) probabilities that sum to 1. Coordinates outside [-1, 1] are clamped to the border.
    """
    check_positive(sigma_bins, 'sigma_bins')
    positions = bin_positions(num_bins, device=target.device, dtype=target.dtype)
    distance = (positions - target.clamp(-1.0, 1.0).unsqueeze(-1)) * (num_bins / 2.0 / sigma_bins)
    return (-0.5 * distance.square()).softmax(dim=-1)


def marginal_cross_entropy(logits: Tensor | Marginals, target: Tensor, num_keypoints: int | None = None,
                           depth: int | None = None, sigma_bins: float = 1.0,
                           weights: Tensor | None = None) -> Tensor:
    """Return the cross-entropy of the three marginals against Gaussians around the target (not in the paper).

    It has strong gradients from the first iteration on, when those of the integral are still weak, and trains a
    multi-hypothesis head in minutes.

    Args:
        logits: (N, K * D, Hm, Wm) heatmap logits, or the result of :func:`volume_marginals`.
        target: (N, K, 3) crop-normalised keypoints.
        num_keypoints: Number of keypoints, K; required for logits.
        depth: D; None takes it from the number of channels.
        sigma_bins: Standard deviation of the Gaussians, in bins of each axis.
        weights: (N, K) weight of each keypoint, 0 for an unlabelled one; None means 1.

    Returns:
        Scalar, the mean over axes, and weighted mean over keypoints (0 if all weights are 0).

    Raises:
        ValueError: If shapes disagree or ``num_keypoints`` is missing for logits.
    """
    if not isinstance(logits, Marginals):
        if num_keypoints is None:
            raise ValueError('num_keypoints: needed with heatmap logits')
        logits = volume_marginals(logits, num_keypoints, depth)
    batch, keypoints = logits.x.shape[:2]
    check_shape(target, (batch, keypoints, 3), 'target')
    with torch.autocast(device_type=target.device.type, enabled=False):
        target = target.to(logits.x.dtype)
        entropy = target.new_zeros(batch, keypoints)
        for axis, probability in enumerate(logits[:3]):
            wanted = gaussian_targets(target[..., axis], probability.shape[-1], sigma_bins)
            entropy = entropy - (wanted * probability.clamp_min(_TINY).log()).sum(dim=-1) / 3.0
        if weights is None:
            return entropy.mean()
        check_shape(weights, (batch, keypoints), 'weights')
        weights = weights.to(entropy.dtype)
        return (entropy * weights).sum() / weights.sum().clamp_min(1e-6)


def _as_volume(logits: Tensor, num_keypoints: int, depth: int | None) -> Tensor:
    """View (N, K * D, Hm, Wm) as (N, K, D, Hm, Wm).

    Raises:
        ValueError: If the channels are not K * D.
    """
    check_shape(logits, ('N', 'K*D', 'Hm', 'Wm'), 'logits')
    channels = logits.shape[1]
    depth = channels // max(num_keypoints, 1) if depth is None else depth
    if num_keypoints < 1 or depth < 1 or num_keypoints * depth != channels:
        raise ValueError(
            f'logits: num_keypoints * depth = {num_keypoints} * {depth} = {num_keypoints * depth} channels expected, '
            f'got {channels} (shape {tuple(logits.shape)})')
    return logits.unflatten(1, (num_keypoints, depth))
