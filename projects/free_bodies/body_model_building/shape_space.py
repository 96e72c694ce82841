"""A linear shape space with named, signed components.

Shapes: S sampled shapes, V vertices, B components, M measures.
"""
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np


class ShapeSpace(NamedTuple):
    """Mean and components of a set of shapes.

    Attributes:
        mean: (V, 3).
        components: (V, 3, B) displacement per standard deviation.
        explained: (B,) cumulated share of the variance.
    """

    mean: np.ndarray
    components: np.ndarray
    explained: np.ndarray


def principal_shapes(shapes: np.ndarray, num_components: int) -> ShapeSpace:
    """Return principal components of shapes (S, V, 3), each scaled to one standard deviation."""
    mean = shapes.mean(0)
    centred = (shapes - mean).reshape(len(shapes), -1).astype(float)
    values, vectors = np.linalg.eigh(centred @ centred.T)
    values, vectors = values[::-1], vectors[:, ::-1]
    components = centred.T @ vectors[:, :num_components] / np.sqrt(len(shapes) - 1)
    return ShapeSpace(mean, components.reshape(*mean.shape, num_components),
                      (values.cumsum() / values.sum())[:num_components])


def name_components(measures: Mapping[str, np.ndarray],
                    changes: Mapping[str, np.ndarray]) -> tuple[list[str], np.ndarray]:
    """Name each component by the body measure that it changes most, and return the sign that increases it.

    Args:
        measures: Values (S,) over the sampled shapes, by measure.
        changes: Change (B,) by one unit of each component, by measure.

    Returns:
        tuple[list[str], np.ndarray]: Name and sign (±1) of each of the B components.
    """
    names = list(measures)
    relative = np.stack([changes[name] / measures[name].std() for name in names])
    strongest = np.abs(relative).argmax(0)
    signs = np.sign(np.take_along_axis(relative, strongest[None], 0)[0])
    return [names[index] for index in strongest], np.where(signs == 0, 1.0, signs)
