"""Convert MakeHuman's skeleton to the 24-joint SMPL tree.

Shapes: V vertices, J = 24 joints.
"""
from collections.abc import Mapping

import numpy as np

JOINTS = (
    'pelvis', 'left_hip', 'right_hip', 'spine1', 'left_knee', 'right_knee', 'spine2', 'left_ankle', 'right_ankle',
    'spine3', 'left_foot', 'right_foot', 'neck', 'left_collar', 'right_collar', 'head', 'left_shoulder',
    'right_shoulder', 'left_elbow', 'right_elbow', 'left_wrist', 'right_wrist', 'left_hand', 'right_hand',
)
PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
INDEX = {name: joint for joint, name in enumerate(JOINTS)}
MAX_INFLUENCES = 4  # joints that move one vertex
_SPINE_RAMP = 0.07  # m on each side of spine3, blending from spine2
_SMALLEST_WEIGHT = 1e-3
_TIE = 1e-9  # weights that differ by less are equal

# Joint -> helper cubes with the joint as mean; '{s}' is the side, l or r.
_CUBES = {
    'pelvis': ['joint-pelvis'],
    'spine1': ['joint-spine-4', 'joint-spine-3'],
    'spine2': ['joint-spine-2'],
    'spine3': ['joint-spine-2', 'joint-spine-1'],
    'neck': ['joint-neck'],
    'head': ['joint-head'],
    'hip': ['joint-{s}-upper-leg'],
    'knee': ['joint-{s}-knee'],
    'ankle': ['joint-{s}-ankle'],
    'foot': [f'joint-{{s}}-toe-{toe}-1' for toe in range(1, 6)],
    'collar': ['joint-{s}-clavicle', 'joint-{s}-scapula'],
    'shoulder': ['joint-{s}-shoulder'],
    'elbow': ['joint-{s}-elbow'],
    'wrist': ['joint-{s}-hand'],
    'hand': [f'joint-{{s}}-finger-{finger}-1' for finger in range(2, 6)],
}

# Prefix of a bone's name -> joint; the first match counts, other bones belong to the head.
_BONES = (
    ('root', 'pelvis'), ('pelvis', 'pelvis'), ('spine05', 'pelvis'), ('spine04', 'spine1'), ('spine03', 'spine1'),
    ('spine02', 'spine2'), ('breast', 'spine2'), ('spine01', 'spine3'), ('neck', 'neck'), ('upperleg', 'hip'),
    ('lowerleg', 'knee'), ('foot', 'ankle'), ('toe', 'foot'), ('clavicle', 'collar'), ('shoulder01', 'collar'),
    ('upperarm', 'shoulder'), ('lowerarm', 'elbow'), ('wrist', 'wrist'), ('metacarpal', 'wrist'), ('finger', 'hand'),
)
_SIDED = {'hip', 'knee', 'ankle', 'foot', 'collar', 'shoulder', 'elbow', 'wrist', 'hand'}


def twin(name: str) -> str:
    """Return the name on the other side of the body: 'right_knee' for 'left_knee', 'head' for itself."""
    side, _, rest = name.partition('_')
    return {'left': f'right_{rest}', 'right': f'left_{rest}'}.get(side, name)


TWINS = tuple(INDEX[twin(name)] for name in JOINTS)


def joint_of_bone(bone: str) -> str:
    """Return the joint that receives the weights of a bone such as ``upperarm01.L``."""
    stem, _, side = bone.partition('.')
    joint = next((joint for start, joint in _BONES if stem.startswith(start)), 'head')
    return {'L': 'left_', 'R': 'right_'}[side] + joint if joint in _SIDED else joint


def cubes_of_joint(joint: str) -> list[str]:
    """Return the names of the helper cubes that define a joint by their mean."""
    side, _, rest = joint.partition('_')
    if rest not in _SIDED:
        return _CUBES[joint]
    return [name.format(s=side[0]) for name in _CUBES[rest]]


def joint_positions(vertices: np.ndarray, cubes: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return joints (J, 3) as means of the helper cubes in the base mesh's vertices (V, 3)."""
    return np.stack([np.mean([vertices[cubes[name]].mean(0) for name in cubes_of_joint(joint)], 0) for joint in JOINTS])


def joint_weights(bones: Mapping[str, np.ndarray], heights: np.ndarray, spine3_height: float) -> np.ndarray:
    """Return skinning weights (V, J) from those of MakeHuman's bones.

    Args:
        bones: Weights (V,) by bone.
        heights: (V,) m, y of each vertex.
        spine3_height: y of spine3, m; a smooth ramp around it blends from spine2 to spine3.

    Returns:
        np.ndarray: Rows that sum to one, or to zero if no bone moves the vertex.
    """
    weights = np.zeros((len(heights), len(JOINTS)))
    for bone, values in bones.items():
        if values.any():
            weights[:, INDEX[joint_of_bone(bone)]] += values
    share = smooth_step((heights - spine3_height) / (2 * _SPINE_RAMP) + 0.5)
    weights[:, INDEX['spine3']] += weights[:, INDEX['spine2']] * share
    weights[:, INDEX['spine2']] *= 1 - share
    return weights / np.maximum(weights.sum(1, keepdims=True), 1e-9)


def smooth_step(value: np.ndarray) -> np.ndarray:
    """Return 3t² − 2t³ for t clipped to [0, 1]."""
    value = np.clip(value, 0, 1)
    return value * value * (3 - 2 * value)


def symmetrised_weights(weights: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Return the mean of skinning weights (V, J) and their mirror images on the twin joints."""
    return 0.5 * (weights + weights[mirror][:, TWINS])


def few_influences(weights: np.ndarray) -> np.ndarray:
    """Keep the largest weights of each row (V, J), at most four, scaled to sum to one; ties stay or go together."""
    fifth = np.sort(weights, axis=1)[:, -MAX_INFLUENCES - 1, None]
    kept = np.where(weights > np.maximum(fifth + _TIE, _SMALLEST_WEIGHT), weights, 0)
    return kept / kept.sum(1, keepdims=True)
