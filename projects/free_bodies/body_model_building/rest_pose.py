"""Convert MakeHuman's A pose to SMPL's T pose.

Shapes: V vertices, J = 24 joints. Axes: x to the body's left, y up, z to its front; metres.
"""
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from .human_rig import INDEX, JOINTS, PARENTS

PELVIS = np.array([0.0, -0.24, 0.03])  # position of the pelvis, near that of the SMPL template
_THIGH = np.array([0.07, -1.0, 0.0])  # of the left leg at rest
_SHANK = np.array([0.01, -1.0, -0.06])
_FOOT_YAW = 0.10  # rad that each foot points outwards
_SIDES = (('left_', 1.0), ('right_', -1.0))


class HandFrame(NamedTuple):
    """Direction of a hand and outward normal of its palm, (3,) each."""

    direction: np.ndarray
    palm: np.ndarray


def hand_frames(vertices: np.ndarray, cubes: Mapping[str, np.ndarray]) -> dict[str, HandFrame]:
    """Return the frames of both hands from the helper cubes of the finger joints; keys 'left_' and 'right_'."""
    frames = {}
    for side, sign in _SIDES:
        wrist, index, middle, ring, little = (
            vertices[cubes[f'joint-{side[0]}-{name}']].mean(0)
            for name in ('hand', 'finger-2-1', 'finger-3-1', 'finger-4-1', 'finger-5-1'))
        frames[side] = HandFrame((middle + ring) / 2 - wrist, -sign * np.cross(index - wrist, little - wrist))
    return frames


def t_pose_rotations(joints: np.ndarray, hands: Mapping[str, HandFrame]) -> np.ndarray:
    """Return global rotations (J, 3, 3) from the pose of the joints (J, 3) to the T pose."""
    rotations = np.repeat(np.eye(3)[None], len(JOINTS), axis=0)
    for side, sign in _SIDES:
        at = {name: joints[INDEX[side + name]] for name in
              ('shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle', 'foot')}
        outward, hinge_axis = np.array([sign, 0, 0]), np.array([0, -sign, 0])
        upper, lower = at['elbow'] - at['shoulder'], at['wrist'] - at['elbow']
        hinge = np.cross(upper, lower)  # bent elbows flex to the front, about the vertical
        rotations[INDEX[f'{side}shoulder']] = frame(outward, hinge_axis) @ frame(upper, hinge).T
        rotations[INDEX[f'{side}elbow']] = frame(outward, hinge_axis) @ frame(lower, hinge).T
        hand = frame(outward, np.array([0, -1.0, 0])) @ frame(*hands[side]).T  # palms down
        rotations[[INDEX[f'{side}wrist'], INDEX[f'{side}hand']]] = hand
        mirror = np.array([sign, 1, 1])
        rotations[INDEX[f'{side}hip']] = shortest_rotation(at['knee'] - at['hip'], _THIGH * mirror)
        rotations[INDEX[f'{side}knee']] = shortest_rotation(at['ankle'] - at['knee'], _SHANK * mirror)
        foot = at['foot'] - at['ankle']
        yaw = sign * _FOOT_YAW - np.arctan2(foot[0], foot[2])  # the feet stay level
        rotations[[INDEX[f'{side}ankle'], INDEX[f'{side}foot']]] = rotation_about_y(yaw)
    return rotations


def unposed(vertices: np.ndarray, joints: np.ndarray, rotations: np.ndarray,
            weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rest body whose skinning gives the posed one: v_T = (Σ w_i M_i)⁻¹ v.

    Args:
        vertices: (V, 3) of the posed body.
        joints: (J, 3) of the posed body.
        rotations: (J, 3, 3) global rotations from the posed body to the rest pose.
        weights: (V, J) skinning weights.

    Returns:
        tuple[np.ndarray, np.ndarray]: Vertices (V, 3) and joints (J, 3) at rest, moved so that the pelvis is at PELVIS.
    """
    rest = joints.copy()
    for joint, parent in list(enumerate(PARENTS))[1:]:
        rest[joint] = rest[parent] + rotations[parent] @ (joints[joint] - joints[parent])
    back = rotations.transpose(0, 2, 1)
    shifts = joints - np.einsum('jab,jb->ja', back, rest)
    blended = np.einsum('vj,jab->vab', weights, back)
    rest_vertices = np.linalg.solve(blended, (vertices - weights @ shifts)[..., None])[..., 0]
    return rest_vertices + PELVIS - rest[0], rest + PELVIS - rest[0]


def frame(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return orthonormal columns: the first vector, the orthogonalised second one, and their cross product."""
    first = first / np.linalg.norm(first)
    second = second - first * (second @ first)
    second = second / np.linalg.norm(second)
    return np.stack([first, second, np.cross(first, second)], axis=1)


def shortest_rotation(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the rotation (3, 3) by the smallest angle from one direction to another, not opposite one."""
    start, end = start / np.linalg.norm(start), end / np.linalg.norm(end)
    x, y, z = np.cross(start, end)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + cross + cross @ cross / (1 + start @ end)


def rotation_about_y(angle: float) -> np.ndarray:
    """Return the rotation (3, 3) by an angle in rad about the y axis."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
