"""Landmark vertices and Human3.6M keypoints of a human in the T pose, found by geometry.

Shapes: V vertices, J = 24 joints. Axes: x to the body's left, y up, z to its front; metres. Names are smplx's.
"""
from collections.abc import Mapping

import numpy as np

from .human_rig import INDEX
from .mesh import neighbour_means

H36M_ROWS = (
    'root', 'right_hip', 'right_knee', 'right_ankle', 'left_hip', 'left_knee', 'left_ankle', 'torso', 'neck', 'nose',
    'head', 'left_shoulder', 'left_elbow', 'left_wrist', 'right_shoulder', 'right_elbow', 'right_wrist',
)
_FINGERS = ('index', 'middle', 'ring', 'pinky')
_FINGER_SPACING = 0.010  # m between two finger tips along z
_NOSE_SHARE = 0.6  # weight of the nose tip in the nose keypoint; the rest is the head joint


def landmark_vertices(vertices: np.ndarray, weights: np.ndarray, joints: np.ndarray, faces: np.ndarray,
                      mirror: np.ndarray) -> dict[str, int]:
    """Return vertices by landmark: nose, head top, and on both sides eye, ear, toes, heel and finger tips.

    Args:
        vertices: (V, 3) template in the T pose.
        weights: (V, J) skinning weights.
        joints: (J, 3).
        faces: (F, 3).
        mirror: (V,) mirrored twin of each vertex; landmarks on the right are the twins of those on the left.
    """
    head = weights[:, INDEX['head']] > 0.8
    nose = _best(head & (np.abs(vertices[:, 0]) < 0.01) & (vertices[:, 1] > joints[INDEX['head'], 1]), vertices[:, 2])
    left = {
        **_face(vertices, head, vertices[nose]),
        **_foot(vertices, weights, joints),
        **_hand(vertices, weights, faces),
    }
    found = {'nose': nose, 'head_top': _best(head, vertices[:, 1])}
    found |= {('L' if name[0].isupper() else 'l') + name: vertex for name, vertex in left.items()}
    return found | {('R' if name[0].isupper() else 'r') + name: int(mirror[vertex]) for name, vertex in left.items()}


def h36m_regressor(joint_regressor: np.ndarray, landmarks: Mapping[str, int]) -> np.ndarray:
    """Return weights (17, V) of Human3.6M's keypoints in the order of H36M_ROWS.

    Limbs are the joints themselves; root is the middle of the hips, torso that of the lower spine joints, the nose lies
    between its tip and the head joint, head is the top of the head.
    """
    def joint(name: str) -> np.ndarray:
        return joint_regressor[INDEX[name]]

    def tip(name: str) -> np.ndarray:
        return np.eye(1, joint_regressor.shape[1], landmarks[name])[0]

    special = {
        'root': (joint('left_hip') + joint('right_hip')) / 2,
        'torso': (joint('spine1') + joint('spine2')) / 2,
        'neck': joint('neck'),
        'nose': _NOSE_SHARE * tip('nose') + (1 - _NOSE_SHARE) * joint('head'),
        'head': tip('head_top'),
    }
    return np.stack([special[name] if name in special else joint(name) for name in H36M_ROWS])


def _best(mask: np.ndarray, score: np.ndarray) -> int:
    return int(np.argmax(np.where(mask, score, -np.inf)))


def _face(vertices: np.ndarray, head: np.ndarray, nose: np.ndarray) -> dict[str, int]:
    eye = nose + np.array([0.032, 0.042, -0.02])
    level = np.abs(vertices[:, 1] - nose[1]) < 0.06
    return {
        'eye': _best(head, -np.linalg.norm(vertices - eye, axis=1)),
        'ear': _best(head & level, vertices[:, 0]),
    }


def _foot(vertices: np.ndarray, weights: np.ndarray, joints: np.ndarray) -> dict[str, int]:
    x, y, z = vertices.T
    foot = weights[:, [INDEX['left_foot'], INDEX['left_ankle']]].sum(1) > 0.6
    ball, ankle = joints[INDEX['left_foot']], joints[INDEX['left_ankle']]
    toes = foot & (z > ball[2])
    return {
        'BigToe': _best(toes & (x < ball[0]), z),
        'SmallToe': _best(toes & (x > ball[0] + 0.015), x + 0.5 * z),
        'Heel': _best(foot & (y < ankle[1]), -z),
    }


def _hand(vertices: np.ndarray, weights: np.ndarray, faces: np.ndarray) -> dict[str, int]:
    x, _, z = vertices.T
    hand = weights[:, INDEX['left_hand']] > 0.8
    tips: list[int] = []
    for vertex in _outermost_first(x, hand & (x > np.percentile(x[hand], 55)), faces):
        if all(abs(z[vertex] - z[tip]) > _FINGER_SPACING for tip in tips):
            tips.append(vertex)
    if len(tips) < len(_FINGERS):
        raise ValueError(f'{len(_FINGERS)} finger tips expected, {len(tips)} found; is the hand stretched along x?')
    tips = sorted(tips[:len(_FINGERS)], key=lambda vertex: -z[vertex])
    return {'thumb': _best(hand, z), **dict(zip(_FINGERS, tips))}


def _outermost_first(x: np.ndarray, mask: np.ndarray, faces: np.ndarray) -> list[int]:
    """Return vertices of a mask that lie farther out than all their neighbours, outermost first."""
    adjacency = neighbour_means(faces, len(x))
    peaks = [vertex for vertex in np.flatnonzero(mask)
             if (x[adjacency.indices[adjacency.indptr[vertex]:adjacency.indptr[vertex + 1]]] <= x[vertex]).all()]
    return sorted((int(vertex) for vertex in peaks), key=lambda vertex: -x[vertex])
