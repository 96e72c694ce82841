"""What every pose source hands out, and the truncated normal deviates that the priors are made of.

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
        clip: name of the clip each pose comes from; empty where the source has no clips.
        frame: (n,) int64 frame in the clip, -1 where the source has no clips.
        body: (n,) int64 index of the body model that the shapes are of, in the generator's list; None where any will
            do.
    """

    pose: np.ndarray
    betas: np.ndarray
    clip: tuple[str, ...]
    frame: np.ndarray
    body: np.ndarray | None = None


def half_normal(rng: np.random.Generator, size: tuple[int, ...], width: np.ndarray | float,
                mode: Literal['truncate', 'clip'] = 'truncate') -> np.ndarray:
    """Magnitudes of a normal of standard deviation ``width / 1.96`` that never exceed ``width``.

    Args:
        rng: source of randomness; one uniform deviate a value is used in either mode.
        size: shape of the result.
        width: largest magnitude, broadcastable to ``size``; 0 gives zeros.
        mode: ``'truncate'`` draws from the normal restricted to the interval (paper, C.1); ``'clip'`` draws from
            the whole normal and moves the 5 % outside onto the limit (released code). Default: truncate.

    Returns:
        float64 array of shape ``size`` with values in [0, width].

    Raises:
        ValueError: for an unknown mode.
    """
    if mode not in ('truncate', 'clip'):
        raise ValueError(f"mode={mode!r}: expected 'truncate' or 'clip'")
    top = ndtr(WIDTH_IN_STD) if mode == 'truncate' else 1.0
    z = ndtri(0.5 + rng.random(size) * (top - 0.5))
    return np.minimum(z, WIDTH_IN_STD) / WIDTH_IN_STD * width


def symmetric_normal(rng: np.random.Generator, size: tuple[int, ...], limit: float, std: float | None = None,
                     mode: Literal['truncate', 'clip'] = 'truncate') -> np.ndarray:
    """Centred normal deviates inside [-limit, limit].

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
