"""Mixtures of Gaussians over colours, and labels that agree with their neighbours: a soft second step after GrabCut.

n: samples, d: channels, k: components, h, w: size of the image.
"""
from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.special import expit, logsumexp

_MOST_SAMPLES = 3000
_PER_COMPONENT = 20  # samples
_STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))  # dy, dx: half of the 8 neighbours


@dataclass(frozen=True)
class ColourModel:
    """A mixture of Gaussians.

    Attributes:
        weights: (k,) that add up to 1.
        means: (k, d).
        covariances: (k, d, d).
    """

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray

    def log_densities(self, samples: np.ndarray) -> np.ndarray:
        """Log density of each sample (n, d) in each weighted component: (n, k)."""
        parts = []
        for weight, mean, covariance in zip(self.weights, self.means, self.covariances, strict=True):
            lower = np.linalg.cholesky(covariance)
            offset = np.linalg.solve(lower, (samples - mean).T)
            parts.append(np.log(weight + 1e-12) - 0.5 * (offset**2).sum(0) - np.log(np.diag(lower)).sum())
        return np.stack(parts, axis=1) - 0.5 * samples.shape[1] * np.log(2 * np.pi)

    def log_density(self, samples: np.ndarray) -> np.ndarray:
        """Log density of each sample: (n, d) to (n,)."""
        return logsumexp(self.log_densities(samples), axis=1)


def fit_colours(samples: np.ndarray, components: int, rounds: int = 8, variance: float = 9.0,
                seed: int = 0) -> ColourModel:
    """Fit a mixture by expectation maximisation, from k-means.

    Args:
        samples: (n, d), n >= 1.
        components: k at most; fewer for few samples.
        rounds: Of expectation maximisation. Defaults to 8.
        variance: Added to every channel of every component. Defaults to 9, three levels of 8 bit.
        seed: Of the choice among many samples, and of k-means. Defaults to 0.

    Raises:
        ValueError: There is no sample.
    """
    if len(samples) == 0:
        raise ValueError('a colour model needs at least one sample')
    samples = np.asarray(samples, dtype=np.float64)
    if len(samples) > _MOST_SAMPLES:
        samples = samples[np.random.default_rng(seed).choice(len(samples), _MOST_SAMPLES, replace=False)]
    k = min(components, max(1, len(samples) // _PER_COMPONENT))
    cv2.setRNGSeed(seed)
    stop = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 10, 1.0)
    labels = cv2.kmeans(samples.astype(np.float32), k, None, stop, 1, cv2.KMEANS_PP_CENTERS)[1]
    shares = np.eye(k)[labels[:, 0]]
    for _ in range(rounds):
        model = _maximise(samples, shares, variance)
        logs = model.log_densities(samples)
        shares = np.exp(logs - logsumexp(logs, axis=1, keepdims=True))
    return model


def _maximise(samples: np.ndarray, shares: np.ndarray, variance: float) -> ColourModel:
    """The mixture in which sample n belongs to component k by ``shares[n, k]``."""
    sizes = shares.sum(0) + 1e-6
    means = shares.T @ samples / sizes[:, None]
    covariances = [((samples - mean) * share[:, None]).T @ (samples - mean) / size
                   for mean, share, size in zip(means, shares.T, sizes, strict=True)]
    return ColourModel(sizes / sizes.sum(), means, np.stack(covariances) + variance * np.eye(samples.shape[1]))


def neighbour_weights(image: np.ndarray) -> list[np.ndarray]:
    """How much each pixel and a neighbour want one label: GrabCut's ``exp(-beta d^2) / distance``.

    Args:
        image: (h, w, 3).

    Returns:
        list[np.ndarray]: (h, w) for the steps right, down, down right and down left; 0 where the image ends.
    """
    image = np.asarray(image, dtype=np.float32)
    squares = [((image - np.roll(image, (-dy, -dx), (0, 1)))**2).sum(axis=2) for dy, dx in _STEPS]
    beta = 1 / (2 * np.mean(squares) + 1e-6)
    weights = []
    for (dy, dx), square in zip(_STEPS, squares, strict=True):
        weight = np.exp(-beta * square) / np.hypot(dy, dx)
        weight[image.shape[0] - dy:] = 0
        weight[:, {1: slice(-1, None), 0: slice(0, 0), -1: slice(0, 1)}[dx]] = 0
        weights.append(weight)
    return weights


def agree_with_neighbours(logits: np.ndarray, weights: list[np.ndarray], strength: float = 1.0,
                          rounds: int = 12) -> np.ndarray:
    """Return probabilities in which neighbours of like colour agree (mean field of an Ising model).

    Args:
        logits: (h, w) log odds of each pixel by itself.
        weights: Of :func:`neighbour_weights`.
        strength: Factor of the weights; 0 leaves each pixel alone. Defaults to 1.
        rounds: Defaults to 12.

    Returns:
        np.ndarray: (h, w) in [0, 1].
    """
    chance = expit(logits)
    for _ in range(rounds):
        vote, pull = 2 * chance - 1, np.zeros_like(chance)
        for (dy, dx), weight in zip(_STEPS, weights, strict=True):
            pull += weight * np.roll(vote, (-dy, -dx), (0, 1)) + np.roll(weight * vote, (dy, dx), (0, 1))
        chance = expit(logits + strength * pull)
    return chance


def refine_by_colours(image: np.ndarray, body: np.ndarray, allowed: np.ndarray, prior: np.ndarray,
                      strength: float = 1.0, clip: float = 5.0) -> np.ndarray:
    """Label anew by the colours of a first mask and of what is around it.

    Args:
        image: (h, w, 3) uint8 BGR.
        body: (h, w) bool, the first mask.
        allowed: (h, w) bool, where a body may be.
        prior: (h, w) log odds that are added to those of the colours.
        strength: See :func:`agree_with_neighbours`. Defaults to 1.
        clip: Largest log odds of a colour, either way. Defaults to 5.

    Returns:
        np.ndarray: (h, w) bool; ``body`` itself where it, or its surroundings, are too small to learn from.
    """
    body = body & allowed
    if min(body.sum(), (~body).sum()) < _PER_COMPONENT:
        return body
    colours = cv2.cvtColor(image, cv2.COLOR_BGR2LAB) * np.array([0.7, 1.3, 1.3])  # light counts less than hue
    inside, outside = fit_colours(colours[body], 5), fit_colours(colours[~body], 8)
    logits = np.full(body.shape, -20.0)
    samples = colours[allowed]
    odds = np.clip(inside.log_density(samples) - outside.log_density(samples), -clip, clip)
    logits[allowed] = odds + prior[allowed]
    return (agree_with_neighbours(logits, neighbour_weights(image), strength) > 0.5) & allowed
