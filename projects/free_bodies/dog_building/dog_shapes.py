"""The dog's shape space: named displacements, one per proportion in which dogs differ.

Most are fields of a 3×3 matrix per joint, accumulated down the tree: joint j moves its skin by S_j (v − J_j) + t_j with
t_child = t_parent + S_parent (J_child − J_parent). Shapes: V vertices, J = 35 joints, B shapes.
"""
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from .dog_rig import BACK_LEGS, EARS, FEET, FRONT_LEGS, HEAD, INDEX, JOINTS, PARENTS, SPINE, TAIL, columns

_EYE = np.eye(3)
_LEGS = FRONT_LEGS + BACK_LEGS
# One standard deviation of each shape, as a share of the length it changes; coat in m.
SPREADS = {
    'size': 0.12, 'leg_length': 0.14, 'leg_thickness': 0.14, 'body_length': 0.08, 'girth': 0.10, 'chest_depth': 0.12,
    'neck_length': 0.18, 'head_size': 0.10, 'snout_length': 0.22, 'ear_size': 0.22, 'tail_length': 0.22,
    'tail_thickness': 0.25, 'coat': 0.007,
}


class Shape(NamedTuple):
    """Displacements per unit.

    Attributes:
        vertices: (V, 3).
        joints: (J, 3).
    """

    vertices: np.ndarray
    joints: np.ndarray


class Body(NamedTuple):
    """The body that the shapes deform.

    Attributes:
        vertices: (V, 3) m at rest.
        joints: (J, 3) m.
        weights: (V, J).
        normals: (V, 3) unit normals, symmetric.
    """

    vertices: np.ndarray
    joints: np.ndarray
    weights: np.ndarray
    normals: np.ndarray


def shape_space(body: Body) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """Return names, vertex displacements (V, 3, B) and joint displacements (J, 3, B) for one standard deviation."""
    shapes = {**_tree_shapes(body), **_surface_shapes(body)}
    vertices, joints = (np.stack([getattr(shapes[name], part) * spread for name, spread in SPREADS.items()], -1)
                        for part in ('vertices', 'joints'))
    return tuple(SPREADS), vertices, joints


def _tree_shapes(body: Body) -> dict[str, Shape]:
    ex, ey, ez = (np.diag(row) for row in _EYE)

    def along(joint: str) -> np.ndarray:
        return _along(body.joints, joint)

    def across(joint: str) -> np.ndarray:
        return _EYE - along(joint)

    wide = dict.fromkeys(SPINE, ey + ez) | {'Neck': 0.6 * across('Neck')}
    matrices = {
        'size': dict.fromkeys(JOINTS, _EYE),
        'leg_length': {name: along(name) for name in _LEGS},
        'leg_thickness': {name: across(name) for name in _LEGS} | dict.fromkeys(FEET, _EYE),
        'body_length': dict.fromkeys(SPINE, ex),
        'girth': wide,
        'neck_length': {'Neck': along('Neck')},
        'head_size': dict.fromkeys(HEAD, _EYE),
        'ear_size': dict.fromkeys(EARS, _EYE),
        'tail_length': {name: along(name) for name in TAIL},
        'tail_thickness': {name: across(name) for name in TAIL},
    }
    return {name: accumulated(body, table) for name, table in matrices.items()}


def accumulated(body: Body, matrices: dict[str, np.ndarray]) -> Shape:
    """Return the displacements by matrices (3, 3) of some joints, propagated to the joints below."""
    table = np.zeros((len(JOINTS), 3, 3))
    for name, matrix in matrices.items():
        table[INDEX[name]] = matrix
    shift = np.zeros((len(JOINTS), 3))
    for joint, parent in list(enumerate(PARENTS))[1:]:
        shift[joint] = shift[parent] + table[parent] @ (body.joints[joint] - body.joints[parent])
    offsets = body.vertices[:, None] - body.joints
    moved = np.einsum('jab,vjb->vja', table, offsets) + shift
    return Shape(np.einsum('vj,vja->va', body.weights, moved), shift)


def _surface_shapes(body: Body) -> dict[str, Shape]:
    still = np.zeros_like(body.joints)
    return {'chest_depth': Shape(_chest(body), still), 'snout_length': Shape(_snout(body), still),
            'coat': Shape(_coat(body), still)}


def _chest(body: Body) -> np.ndarray:
    """Lower the ribs below the spine and raise the belly a little; the legs stay."""
    below = np.clip(body.joints[INDEX['spine1'], 2] - 0.02 - body.vertices[:, 2], 0, None)
    chest = _share(body, ('spine1', 'spine2', 'spine3')) - 0.2 * _share(body, ('pelvis0', 'spine', 'spine0'))
    sink = -below * chest * (1 - _share(body, FRONT_LEGS + FEET))
    return sink[:, None] * _EYE[2]


def _snout(body: Body) -> np.ndarray:
    """Stretch the part in front of the eyes along x."""
    head = _share(body, ('Head', 'Mouth'))
    x, base = body.vertices[:, 0], body.joints[INDEX['Head'], 0]
    eyes = base + 0.55 * (x[head > 0.9].max() - base)
    start = np.clip((x - eyes + 0.06) / 0.1, 0, 1)
    ahead = np.clip(x - eyes + 0.04, 0, None) * start * start * (3 - 2 * start)
    return (ahead * head)[:, None] * _EYE[0]


def _coat(body: Body) -> np.ndarray:
    """Move vertices outwards along the normals, most on the trunk."""
    less = (0.85 * _share(body, ('Head', 'Mouth')) + 0.85 * _share(body, FEET) + _share(body, EARS)
            + 0.7 * _share(body, _LEGS) + 0.9 * _share(body, TAIL))
    return body.normals * np.clip(1 - less, 0, 1)[:, None]


def _share(body: Body, names: Iterable[str]) -> np.ndarray:
    return body.weights[:, columns(tuple(names))].sum(1)


def _along(joints: np.ndarray, name: str) -> np.ndarray:
    """Return the projection onto a joint's bone: to its first child, or from its parent if it has none."""
    joint = INDEX[name]
    child = next((c for c, parent in enumerate(PARENTS) if parent == joint), None)
    bone = joints[joint] - joints[PARENTS[joint]] if child is None else joints[child] - joints[joint]
    bone = bone / np.linalg.norm(bone)
    return np.outer(bone, bone)
