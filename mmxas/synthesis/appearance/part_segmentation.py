"""The "Seg" appearance of the paper (C.1): body parts in the colours of a random colormap."""
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from mmxas.registry import APPEARANCES
from mmxas.synthesis.renderers.mesh_renderer import VertexColors


@lru_cache(maxsize=1)
def colormap_names() -> tuple[str, ...]:
    """Return the names of Matplotlib's colormaps without the reversed ones, sorted."""
    from matplotlib import colormaps
    return tuple(sorted(name for name in colormaps if not name.endswith('_r')))


@lru_cache(maxsize=256)
def part_colors(name: str, num_parts: int) -> np.ndarray:
    """Return colours (num_parts, 3) float32 of the labels 0 … num_parts - 1, normalised to [0, 1], in a colormap."""
    from matplotlib import colormaps
    return colormaps[name](np.linspace(0, 1, num_parts))[:, :3].astype(np.float32)


class PartColors:
    """A surface with one flat colour per part; a point belongs to the part of its face's nearest corner.

    Args:
        labels: (V,) part labels.
        values: (parts, 3) RGB in [0, 1].
    """

    def __init__(self, labels: np.ndarray, values: np.ndarray) -> None:
        self.labels, self.values = labels, values

    def colors(self, corners: np.ndarray, face: np.ndarray, bary: np.ndarray) -> np.ndarray:
        """See :class:`~mmxas.synthesis.renderers.shading.Surface`."""
        nearest = corners[np.arange(len(corners)), bary.argmax(1)]
        return self.values[self.labels[nearest]]


@APPEARANCES.register_module()
class PartSegmentation:
    """Colour each body part by its label, normalised to [0, 1], in a randomly chosen Matplotlib colormap.

    Args:
        colormaps: names to choose from; None for all of Matplotlib's, reversed with probability 0.5.

    Raises:
        ValueError: Matplotlib lacks one of the names.
    """

    def __init__(self, colormaps: Sequence[str] | None = None) -> None:
        unknown = sorted(set(colormaps or ()) - set(colormap_names()))
        if unknown:
            raise ValueError(f'PartSegmentation: no colormap {unknown} in Matplotlib; see matplotlib.colormaps')
        self.colormaps = tuple(colormaps) if colormaps else colormap_names()

    def sample(self, body: Any, rng: np.random.Generator) -> PartColors | VertexColors:
        """Draw the colours of one body.

        Args:
            body: body model with ``part_labels`` (V,).
            rng: source of randomness.

        Returns:
            The colours, which a renderer takes.
        """
        labels = np.asarray(body.part_labels)
        values = part_colors(self.colormaps[rng.integers(len(self.colormaps))], int(labels.max()) + 1)
        return PartColors(labels, values[::-1] if rng.random() < 0.5 else values)
