"""Landmark vertices of the dog at rest, found by geometry.

Shapes: V vertices, J = 35 joints. Axes: x to the front, y to the left, z up; metres.
"""
from collections.abc import Mapping

import numpy as np

from .dog_rig import INDEX, TAIL, columns

_EYE_PLACE = np.array([0.362, 0.037, 0.706])  # of the left eye in the source's frame


def landmark_vertices(vertices: np.ndarray, weights: np.ndarray, joints: np.ndarray, mirror: np.ndarray,
                      ear_tips: Mapping[str, int], origin: np.ndarray) -> dict[str, int]:
    """Return vertices by landmark; landmarks on the right are the twins of those on the left.

    Args:
        vertices: (V, 3) template at rest.
        weights: (V, J) skinning weights.
        joints: (J, 3).
        mirror: (V,) mirrored twin of each vertex.
        ear_tips: Vertex by side.
        origin: (3,) the template's origin in the source's frame.
    """
    x, y, z = vertices.T
    middle, head = np.abs(y) < 0.03, weights[:, INDEX['Head']] > 0.8
    jaw, neck = weights[:, INDEX['Mouth']] > 0.8, weights[:, INDEX['Neck']] > 0.4
    tail = weights[:, columns(TAIL)].sum(1) > 0.5
    withers = middle & (np.abs(x - joints[INDEX['spine3'], 0] - 0.03) < 0.08)
    found = {
        'nose': _best(head & (mirror == np.arange(len(x))), x),
        'chin': _best(jaw & middle, x - 1.5 * z),
        'withers': _best(withers, z),
        'throat': _best(middle & neck, x - 0.3 * z),
        'tail_tip': _best(tail, -x),
    }
    left = {
        'ear_tip': ear_tips['L'],
        'eye': _best(head, -np.linalg.norm(vertices + origin - _EYE_PLACE, axis=1)),
        'front_toes': _best(weights[:, INDEX['LFoot']] > 0.6, x - 0.2 * z),
        'back_toes': _best(weights[:, INDEX['LFootBack']] > 0.6, x - 0.2 * z),
    }
    found |= {f'left_{name}': vertex for name, vertex in left.items()}
    return found | {f'right_{name}': int(mirror[vertex]) for name, vertex in left.items()}


def _best(mask: np.ndarray, score: np.ndarray) -> int:
    return int(np.argmax(np.where(mask, score, -np.inf)))
