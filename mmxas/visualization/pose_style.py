"""Colours of a skeleton's keypoints and links, read from a data set's meta information."""
from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class PoseStyle:
    """Names, links and colours of a skeleton of K keypoints and L links.

    Attributes:
        names: K names.
        links: (L, 2) keypoint indices.
        keypoint_colors: (K, 3) RGB in [0, 1].
        link_colors: (L, 3) RGB in [0, 1].
    """

    names: tuple[str, ...]
    links: np.ndarray
    keypoint_colors: np.ndarray
    link_colors: np.ndarray

    @classmethod
    def from_dataset_meta(cls, meta: Mapping[str, Any] | None, num_keypoints: int) -> PoseStyle:
        """Read mmpose's parsed ``dataset_meta``; missing entries get defaults.

        Args:
            meta: ``keypoint_id2name``, ``skeleton_links``, ``keypoint_colors`` and ``skeleton_link_colors`` (RGB, 0
                to 255), each optional.
            num_keypoints: K of the poses to draw.

        Returns:
            The style; without ``skeleton_links`` no link is drawn.

        Raises:
            ValueError: The number of keypoints in the meta information differs.
        """
        meta = meta or {}
        names = [meta.get('keypoint_id2name', {}).get(index, str(index)) for index in range(num_keypoints)]
        known = meta.get('num_keypoints') or num_keypoints
        if known != num_keypoints:
            raise ValueError(f'dataset_meta ({meta.get("dataset_name")}) describes {known} keypoints, but the poses '
                             f'have {num_keypoints}; call set_dataset_meta with the meta of their data set')
        links = np.asarray(meta.get('skeleton_links') or [], dtype=np.int64).reshape(-1, 2)
        keypoint_colors = _colors(meta.get('keypoint_colors'), num_keypoints)
        link_colors = _colors(meta.get('skeleton_link_colors'), len(links), default=keypoint_colors[links[:, 1]])
        return cls(tuple(names), links, keypoint_colors, link_colors)

    def on_white(self) -> PoseStyle:
        """Return the style with bright colours darkened for a white background."""
        return PoseStyle(self.names, self.links, _darkened(self.keypoint_colors), _darkened(self.link_colors))


def _colors(colors: Sequence | np.ndarray | None, count: int, default: np.ndarray | None = None) -> np.ndarray:
    """Return colours (count, 3) in [0, 1]; a rainbow if none are given."""
    if colors is not None and len(colors) == count:
        return np.asarray(colors, dtype=np.float64).reshape(count, 3) / 255
    if default is not None:
        return default
    return np.array([colorsys.hsv_to_rgb(index / max(count, 1), 0.85, 0.9) for index in range(count)]).reshape(-1, 3)


def _darkened(colors: np.ndarray, luminance: float = 0.5) -> np.ndarray:
    """Scale each colour down to at most the given luminance."""
    light = colors @ np.array([0.2126, 0.7152, 0.0722])
    return colors * np.minimum(1, luminance / np.maximum(light, 1e-6))[:, None]
