"""Decode a 3D heatmap to several poses: integral decoding with hypotheses in depth (paper 3.2, eq. 2-6 and 19).

Symbols: N batch, H hypotheses, K keypoints, D depth bins, Hm and Wm height and width of the heatmap.
Coordinates are crop-normalised: x and y in [-1, 1] over the crop, z = z_mm / rect_3d_width.
"""
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .checks import check_choice, check_shape
from .marginals import Marginals, bin_positions, spatial_softmax, volume_marginals

__all__ = ['Decoding', 'Hypotheses', 'decode_hypotheses', 'decode_marginals', 'depth_peaks', 'spatial_softmax']


class Hypotheses(NamedTuple):
    """Poses decoded from one heatmap, the top-1 pose first.

    Attributes:
        keypoints: (N, H, K, 3) crop-normalised; x and y are the same in all hypotheses.
        scores: (N, H, K) value of the depth heatmap at the peak; 0 if invalid.
        valid: (N, H, K) bool; an invalid entry repeats the depth of the keypoint's highest peak.
        depth_heatmap: (N, K, D) probabilities along depth (equation 3).
    """

    keypoints: Tensor
    scores: Tensor
    valid: Tensor
    depth_heatmap: Tensor


@dataclass(frozen=True)
class Decoding:
    """Options for decoding heatmaps to hypotheses (:func:`decode_hypotheses`).

    Args:
        num_hypotheses: Number of hypotheses, H. 1 with ``window=None`` is the detector of equation 2, for z as well.
            Defaults to 3.
        window: Odd window size in bins, centred on a peak (2 N_w + 1); bins outside the volume do not count. None uses
            the whole depth heatmap. Defaults to 15.
        peak_threshold: Minimum height of a peak, as a fraction of the keypoint's highest peak, in [0, 1]. Defaults to
            0: every peak.
        xy_window: Odd window size in bins along x and along y, centred on the peak of the plane; bins outside the plane
            do not count. Defaults to None: equation 2.
        xy_peak_window: Odd size in bins of the square that selects the mode, used with ``xy_window``. The peak is the
            highest bin of the square with the highest sum. Defaults to 1: the highest bin of the plane (the first of
            equal bins).

    Raises:
        ValueError: If an option is out of range, or ``window`` is None with several hypotheses.
    """

    num_hypotheses: int = 3
    window: int | None = 15
    peak_threshold: float = 0.0
    xy_window: int | None = None
    xy_peak_window: int = 1

    def __post_init__(self) -> None:
        _check_peaks(self.num_hypotheses, self.peak_threshold)
        if self.window is None and self.num_hypotheses != 1:
            raise ValueError(f'window: an odd number of bins expected with num_hypotheses={self.num_hypotheses}, got '
                             'None (None means the vanilla detector, which has one hypothesis)')
        for name in ('window', 'xy_window', 'xy_peak_window'):
            value = getattr(self, name)
            if value is None and name != 'xy_peak_window':
                continue
            if type(value) is not int or value < 1 or value % 2 == 0:
                raise ValueError(f'{name}: an odd number of bins (1 or more) expected, got {value!r}')

    def changed(self, options: Mapping[str, Any] | None) -> 'Decoding':
        """Return a copy with some options replaced.

        Args:
            options: New values by name, as in a config; None for no change.

        Raises:
            ValueError: An option is unknown (the message lists the known ones) or out of range.
        """
        options = dict(options or {})
        known = [field.name for field in fields(self)]
        if unknown := sorted(set(options) - set(known)):
            raise ValueError(f'decoding: {", ".join(unknown)} unknown; there are: {", ".join(known)}')
        return replace(self, **options)


class Peaks(NamedTuple):
    """Peaks of depth heatmaps, the highest first.

    Attributes:
        index: (N, K, H) int64 bin of each peak; an invalid entry repeats the highest peak's.
        scores: (N, K, H) value of the depth heatmap at the peak; 0 if invalid.
        valid: (N, K, H) bool.
    """

    index: Tensor
    scores: Tensor
    valid: Tensor


def depth_peaks(profile: Tensor, num_hypotheses: int, threshold: float = 0.0) -> Peaks:
    """Return the highest local maxima of depth heatmaps (equations 4 and 5).

    A peak is an interior bin (1 to D - 2) that is no lower than both neighbours. A run of equal bins is one peak at its
    middle. A bin of probability 0 is not a peak. The highest peak is always valid. Without an interior peak (the
    maximum is at the border), the global maximum is the only peak. Equal peaks are ordered by depth.

    Args:
        profile: (N, K, D) depth heatmaps.
        num_hypotheses: H, number of peaks to return.
        threshold: Minimum height of further peaks, as a fraction of the highest one, in [0, 1].

    Returns:
        The peaks, without gradient: ``index`` (N, K, H) int64, the bin of each peak; ``scores`` (N, K, H), the value of
        the depth heatmap there; ``valid`` (N, K, H) bool.

    Raises:
        ValueError: If ``profile`` is not of shape (N, K, D), or an option is out of range.
    """
    check_shape(profile, ('N', 'K', 'D'), 'profile')
    _check_peaks(num_hypotheses, threshold)
    with torch.no_grad():
        profile = profile.detach()
        values = profile.masked_fill(~_candidates(profile), -1.0)
        values, index = _descending(values, dim=-1)
        missing = num_hypotheses - profile.shape[-1]
        if missing > 0:
            values = torch.nn.functional.pad(values, (0, missing), value=-1.0)
            index = torch.nn.functional.pad(index, (0, missing))
        values, index = values[..., :num_hypotheses], index[..., :num_hypotheses].clone()
        highest, border = profile.max(dim=-1)
        no_peak = values[..., 0] <= 0
        values[..., 0] = torch.where(no_peak, highest, values[..., 0])
        index[..., 0] = torch.where(no_peak, border, index[..., 0])
        valid = (values > 0) & (values >= threshold * values[..., :1])
        valid[..., 0] = True
        return Peaks(index=torch.where(valid, index, index[..., :1]), scores=values * valid, valid=valid)


def decode_marginals(marginals: Marginals, decoding: Decoding | None = None, align_corners: bool = False,
                     sort_poses: bool = True) -> Hypotheses:
    """Decode hypotheses from the marginals of a heatmap; see :func:`decode_hypotheses`.

    Args:
        marginals: Result of :func:`mmxas.ops.marginals.volume_marginals`; ``xy_window`` needs its plane.
        decoding: The options. Defaults to None: ``Decoding()``.
        align_corners: See :func:`~mmxas.ops.marginals.bin_positions`.
        sort_poses: Order poses by score.

    Returns:
        The hypotheses.

    Raises:
        ValueError: If ``align_corners`` is not a bool, or the marginals lack the plane that ``xy_window`` needs.
    """
    decoding = decoding or Decoding()
    check_choice(align_corners, (False, True), 'align_corners')
    if decoding.xy_window is not None and marginals.plane is None:
        raise ValueError('marginals: a plane is needed with xy_window; volume_marginals(..., with_plane=True) gives it')
    profile = marginals.z
    with torch.autocast(device_type=profile.device.type, enabled=False):
        x, y = (_expectation(axis, align_corners) for axis in marginals[:2]) if decoding.xy_window is None else \
            _windowed_plane(marginals.plane, decoding.xy_window, decoding.xy_peak_window, align_corners)
        peaks = depth_peaks(profile, decoding.num_hypotheses, decoding.peak_threshold)
        z = _expectation(profile, align_corners).unsqueeze(-1) if decoding.window is None else \
            _windowed_depth(profile, peaks.index, decoding.window, align_corners)
        z = z.transpose(1, 2)
        keypoints = torch.stack([x.unsqueeze(1).expand_as(z), y.unsqueeze(1).expand_as(z), z], dim=-1)
        scores = profile.gather(-1, peaks.index) * peaks.valid
    decoded = Hypotheses(keypoints, scores.transpose(1, 2), peaks.valid.transpose(1, 2), profile)
    return _sorted_by_score(decoded) if sort_poses and decoding.num_hypotheses > 1 else decoded


def decode_hypotheses(logits: Tensor, num_keypoints: int, decoding: Decoding | None = None,
                      align_corners: bool = False, sort_poses: bool = True, depth: int | None = None) -> Hypotheses:
    """Decode H poses from the logits of a 3D heatmap (equations 2-6).

    x and y are integrals over the whole volume (equation 2). z comes from the peaks (equation 4) of the depth heatmap
    (equation 3): pose h takes each keypoint's h-th highest peak (equation 5), refined by the heatmap-weighted mean over
    a window around it (equations 6 and 19). If a keypoint has fewer than H peaks, the further entries are invalid and
    repeat the depth of its highest peak, so that each hypothesis is a complete pose. The score of a pose is the mean of
    its entries' scores, with 0 for invalid ones.

    For a multimodal heatmap, equation 2 returns a point between the modes. ``xy_window`` (not in the paper) integrates
    x and y over a square around the peak of the x-y plane (the volume summed over depth) instead. With
    ``xy_peak_window``, a mode with more probability wins over a mode with a higher bin.

    Computes in at least float32, also under autocast; differentiable in the logits.

    Args:
        logits: (N, K * D, Hm, Wm) heatmap logits, keypoint-major channels. Any D, Hm, Wm.
        num_keypoints: Number of keypoints, K.
        decoding: Number of hypotheses, windows and peak threshold. Defaults to None: ``Decoding()``.
        align_corners: Position of bin i of n: False, the centre of its cell; True, 2 i / n - 1, as in the released
            code.
        sort_poses: Order poses by descending score, so that hypothesis 0 is the top-1 pose.
        depth: D; None takes it from the number of channels.

    Returns:
        The hypotheses.

    Raises:
        ValueError: If the number of channels is not K * D, or ``align_corners`` is not a bool.

    Examples:
        >>> logits = torch.full((1, 9, 4, 4), -20.0)
        >>> logits[0, 2, 1, 3] = 20.0
        >>> one = Decoding(num_hypotheses=1, window=3)
        >>> decode_hypotheses(logits, num_keypoints=1, decoding=one).keypoints.round(decimals=3)
        tensor([[[[ 0.7500, -0.2500, -0.4440]]]])
    """
    decoding = decoding or Decoding()
    marginals = volume_marginals(logits, num_keypoints, depth, with_plane=decoding.xy_window is not None)
    return decode_marginals(marginals, decoding, align_corners, sort_poses)


def _check_peaks(num_hypotheses: int, threshold: float) -> None:
    if type(num_hypotheses) is not int or num_hypotheses < 1:
        raise ValueError(f'num_hypotheses: a whole number of at least 1 expected, got {num_hypotheses!r}')
    if not 0.0 <= threshold <= 1.0:
        raise ValueError(f'peak_threshold: a fraction of the highest peak in [0, 1] expected, got {threshold}')


def _candidates(profile: Tensor) -> Tensor:
    """Return the interior peaks of equation 4, with runs of equal bins reduced to their middle. (..., D) bool."""
    found = torch.zeros_like(profile, dtype=torch.bool)
    if profile.shape[-1] < 3:
        return found
    middle = profile[..., 1:-1]
    found[..., 1:-1] = (middle >= profile[..., :-2]) & (middle >= profile[..., 2:]) & (middle > 0)
    same = found[..., 1:] & found[..., :-1] & (profile[..., 1:] == profile[..., :-1])
    index = torch.arange(profile.shape[-1], device=profile.device).expand_as(profile)
    starts, ends = found.clone(), found.clone()
    starts[..., 1:] &= ~same
    ends[..., :-1] &= ~same
    first = _last_before(index, starts)
    last = profile.shape[-1] - 1 - _last_before(index, ends.flip(-1)).flip(-1)
    return found & (index == (first + last) // 2)


def _last_before(index: Tensor, marked: Tensor) -> Tensor:
    """Return for each bin the index of the last marked bin up to it, 0 if there is none. (..., D)."""
    values = index.masked_fill(~marked, 0)
    if not torch.onnx.is_in_onnx_export():
        return values.cummax(dim=-1).values
    # ONNX has no running maximum.
    later = torch.ones(values.shape[-1:] * 2, dtype=torch.bool, device=values.device).triu(1)
    return values.unsqueeze(-2).masked_fill(later, 0).amax(dim=-1)


def _descending(values: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Return the values in descending order and their indices; equal values keep their order."""
    if torch.onnx.is_in_onnx_export():  # ONNX has no stable sort, and its TopK keeps this order
        return values.topk(values.shape[dim], dim=dim)
    return values.sort(dim=dim, descending=True, stable=True)


def _expectation(probability: Tensor, align_corners: bool) -> Tensor:
    positions = bin_positions(probability.shape[-1], align_corners, probability.device, probability.dtype)
    return (probability * positions).sum(dim=-1)


def _windowed_depth(profile: Tensor, peaks: Tensor, window: int, align_corners: bool) -> Tensor:
    """Return the mean position in a window around each peak, weighted by the heatmap (equation 6). (N, K, H)."""
    bins = torch.arange(profile.shape[-1], device=profile.device)
    inside = ((bins - peaks.unsqueeze(-1)).abs() <= window // 2).to(profile.dtype)
    weights = inside * profile.unsqueeze(-2)
    positions = bin_positions(profile.shape[-1], align_corners, profile.device, profile.dtype)
    return (weights * positions).sum(dim=-1) / weights.sum(dim=-1).clamp_min(torch.finfo(profile.dtype).tiny)


def _windowed_plane(plane: Tensor, window: int, peak_window: int, align_corners: bool) -> tuple[Tensor, Tensor]:
    """Return mean x and y, weighted by the plane, in a square window around its peak. (N, K) each."""
    peaks = plane.detach()
    if peak_window > 1:
        sums = torch.nn.functional.avg_pool2d(peaks, peak_window, stride=1, padding=peak_window // 2)
        peaks = peaks * _square(sums, peak_window)
    weights = plane * _square(peaks, window)
    total = weights.sum(dim=(-1, -2)).clamp_min(torch.finfo(plane.dtype).tiny)
    return tuple(_expectation(weights.sum(dim=axis), align_corners) / total for axis in (-2, -1))


def _square(values: Tensor, window: int) -> Tensor:
    """Return a square window around the highest of the values (N, K, Hm, Wm), 1 inside and 0 outside."""
    height, width = values.shape[-2:]
    highest = values.flatten(2).argmax(dim=-1, keepdim=True)
    peaks = highest % width, torch.div(highest, width, rounding_mode='floor')
    inside = [(torch.arange(size, device=values.device) - peak).abs() <= window // 2
              for size, peak in zip((width, height), peaks)]
    return (inside[0].unsqueeze(-2) & inside[1].unsqueeze(-1)).to(values.dtype)


def _sorted_by_score(decoded: Hypotheses) -> Hypotheses:
    order = _descending(decoded.scores.detach().mean(dim=-1), dim=1)[1].unsqueeze(-1)
    index = order.expand_as(decoded.scores)
    return Hypotheses(
        keypoints=decoded.keypoints.gather(1, index.unsqueeze(-1).expand_as(decoded.keypoints)),
        scores=decoded.scores.gather(1, index),
        valid=decoded.valid.gather(1, index),
        depth_heatmap=decoded.depth_heatmap)
