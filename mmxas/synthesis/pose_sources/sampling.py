"""The samples of pose sources, and truncated normal deviates for priors.

Shapes: n samples, J joints, B shape components.
"""
from typing import Literal, NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

# A width is the 95 % half-width of its normal: 1.96 standard deviations (paper, C.1).
WIDTH_IN_STD = 1.96


class PoseSample(NamedTuple):
    """Poses and shapes drawn from a source.

    Attributes:
        pose: (n, J, 3) float32 axis-angle in radians, joint 0 is the global orientation.
        betas: (n, B) float32 shape coefficients.
        clip: name of the clip of each pose; empty if the source has no clips.
        frame: (n,) int64 frame in the clip, -1 if the source has no clips.
        body: (n,) int64 index in the generator's list of the body model of each shape; None if the shapes fit any.
    """

    pose: np.ndarray
    betas: np.ndarray
    clip: tuple[str, ...]
    frame: np.ndarray
    body: np.ndarray | None = None


def half_normal(rng: np.random.Generator, size: tuple[int, ...], width: np.ndarray | float,
                mode: Literal['truncate', 'clip'] = 'truncate') -> np.ndarray:
    """Return magnitudes of a normal distribution with standard deviation ``width / 1.96``, limited to ``width``.

    Args:
        rng: random generator; both modes use one uniform deviate per value.
        size: shape of the result.
        width: largest magnitude, broadcastable to ``size``; 0 gives zeros.
        mode: ``'truncate'`` draws from the truncated normal (paper, C.1); ``'clip'`` draws from the normal and clips
            the 5 % outside (released code). Default: truncate.

    Returns:
        float64 array of shape ``size`` with values in [0, width].

    Raises:
        ValueError: the mode is unknown.
    """
    if mode not in ('truncate', 'clip'):
        raise ValueError(f"mode={mode!r}: expected 'truncate' or 'clip'")
    top = ndtr(WIDTH_IN_STD) if mode == 'truncate' else 1.0
    z = ndtri(0.5 + rng.random(size) * (top - 0.5))
    return np.minimum(z, WIDTH_IN_STD) / WIDTH_IN_STD * width


def symmetric_normal(rng: np.random.Generator, size: tuple[int, ...], limit: float, std: float | None = None,
                     mode: Literal['truncate', 'clip'] = 'truncate') -> np.ndarray:
    """Return zero-mean normal deviates within [-limit, limit].

    Args:
        rng: source of randomness.
        size: shape of the result.
        limit: largest magnitude.
        std: standard deviation before truncation; default ``limit / 1.96``.
        mode: see :func:`half_normal`.

    Returns:
        float64 array of shape ``size``.
    """
    if limit <= 0:
        return np.zeros(size)
    std = limit / WIDTH_IN_STD if std is None else std
    if mode == 'clip':
        return np.clip(ndtri(rng.random(size)) * std, -limit, limit)
    low = ndtr(-limit / std)
    return ndtri(low + rng.random(size) * (1 - 2 * low)) * std
