"""Keypoint definitions of rigged bodies: each keypoint is a weighted mean of named joints and landmark vertices.

One file serves several meshes: a keypoint may list alternatives. The first one whose joints and landmarks the body
has is used.
Shapes: J joints, K keypoints, V vertices.
"""
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mmxas.io import read_json
from mmxas.io.shipped_files import find_shipped

Alternatives = Sequence[Mapping[str, float]]


def read_keypoint_definitions(file: str | os.PathLike) -> dict[str, Alternatives]:
    """Read a JSON file ``{"keypoints": {NAME: SOURCES, …}}``; the keypoints keep their order.

    SOURCES is the name of a joint or landmark, an object ``{source: weight}`` whose weights sum to one, or a list of
    alternatives, each in one of these forms.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not JSON of this form, or weights are negative or do not sum to one; the message names
            the keypoint.
    """
    path = find_shipped(file)
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file of keypoint definitions')
    try:
        content = read_json(path)['keypoints']
        definitions = {name: _alternatives(sources) for name, sources in content.items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f'{path}: {{"keypoints": {{name: sources}}}} expected ({error!r})') from error
    for name, alternatives in definitions.items():
        for weights in alternatives:
            if not weights or min(weights.values()) < 0 or abs(sum(weights.values()) - 1) > 1e-6:
                raise ValueError(f'{path}: keypoint {name!r} has the weights {dict(weights)}; expected weights >= 0 '
                                 'that sum to one')
    return definitions


def regressor_rows(definitions: Mapping[str, Alternatives], joint_regressor: np.ndarray, joint_names: Sequence[str],
                   vertex_ids: Mapping[str, int], source: str | os.PathLike) -> np.ndarray:
    """Return the weights of the vertices for each keypoint.

    Args:
        definitions: Alternatives of each keypoint.
        joint_regressor: (J, V) rows that sum to one.
        joint_names: Names of the J joints.
        vertex_ids: Vertex of each landmark. A landmark takes precedence over a joint of the same name.
        source: Name of the body in error messages.

    Returns:
        (K, V) rows that sum to one.

    Raises:
        ValueError: The body has none of a keypoint's alternatives; the message lists its joints and landmarks.
    """
    known = {name: joint_regressor[joint] for joint, name in enumerate(joint_names)}
    for name, vertex in vertex_ids.items():
        known[name] = np.zeros(joint_regressor.shape[1])
        known[name][vertex] = 1
    rows = []
    for name, alternatives in definitions.items():
        weights = next((weights for weights in alternatives if set(weights) <= set(known)), None)
        if weights is None:
            missing = sorted({part for weights in alternatives for part in weights} - set(known))
            raise ValueError(f'{source}: keypoint {name!r} needs {", ".join(missing)}; the body has the joints '
                             f'{", ".join(joint_names)} and the landmarks {", ".join(vertex_ids) or "none"}')
        rows.append(sum(weight * known[part] for part, weight in weights.items()))
    return np.stack(rows)


def _alternatives(sources: str | Mapping | Sequence) -> list[dict[str, float]]:
    if not isinstance(sources, list):
        sources = [sources]
    return [{item: 1.0} if isinstance(item, str) else {name: float(weight) for name, weight in item.items()}
            for item in sources]


def file_of(path: str | os.PathLike | None) -> tuple[Path, ...]:
    """Return a tuple with the path, empty for None. Used to list the files that a result depends on."""
    return () if path is None else (find_shipped(path),)
