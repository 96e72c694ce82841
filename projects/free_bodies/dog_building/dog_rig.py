"""Convert the bones of the MuJoCo dog to SMAL's 35 joints.

Shapes: V vertices, J = 35 joints. Axes: x to the front, y to the left, z up; metres.
"""
from collections.abc import Mapping

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from .skin_file import Places

JOINTS = (
    'root', 'pelvis0', 'spine', 'spine0', 'spine1', 'spine2', 'spine3', 'LLeg1', 'LLeg2', 'LLeg3', 'LFoot', 'RLeg1',
    'RLeg2', 'RLeg3', 'RFoot', 'Neck', 'Head', 'LLegBack1', 'LLegBack2', 'LLegBack3', 'LFootBack', 'RLegBack1',
    'RLegBack2', 'RLegBack3', 'RFootBack', 'Tail1', 'Tail2', 'Tail3', 'Tail4', 'Tail5', 'Tail6', 'Tail7', 'Mouth',
    'LEar', 'REar',
)
PARENTS = (-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 6, 11, 12, 13, 6, 15, 0, 17, 18, 19, 0, 21, 22, 23, 0, 25, 26, 27, 28, 29,
           30, 16, 16, 16)
INDEX = {name: joint for joint, name in enumerate(JOINTS)}
SIDES = ('L', 'R')
SPINE = ('root', 'pelvis0', 'spine', 'spine0', 'spine1', 'spine2', 'spine3')
FRONT_LEGS = tuple(side + part for side in SIDES for part in ('Leg1', 'Leg2', 'Leg3'))
BACK_LEGS = tuple(side + part for side in SIDES for part in ('LegBack1', 'LegBack2', 'LegBack3'))
FEET = tuple(side + part for side in SIDES for part in ('Foot', 'FootBack'))
TAIL = tuple(f'Tail{number}' for number in range(1, 8))
EARS = ('LEar', 'REar')
HEAD = ('Head', 'Mouth', *EARS)

_TORSO_SHARES = {'spine2': 0.28, 'spine3': 0.58}  # of the way from the last lumbar to the last cervical vertebra
_TORSO_RAMP = 0.045  # m on each side of a joint, blending from one torso joint to the next
_SCAPULA_SHARE = 0.35  # share of a shoulder blade's lower end that moves with the leg
_SCAPULA_HEIGHT = 0.10  # m above the shoulder, start of this part
_EAR_RING = (0.095, 0.135)  # m from the ear's tip over the surface, blending from ear to head
_MIRROR = np.array([1.0, -1.0, 1.0])

_MIDDLE_BODIES = {
    'pelvis': 'root', 'L_7': 'pelvis0', 'L_6': 'pelvis0', 'L_5': 'spine', 'L_4': 'spine', 'L_3': 'spine0',
    'L_2': 'spine0', 'L_1': 'spine1', 'torso': 'torso', 'C_7': 'Neck', 'C_6': 'Neck', 'C_5': 'Neck', 'C_4': 'Neck',
    'C_3': 'Neck', 'C_2': 'Head', 'C_1': 'Head', 'skull': 'Head', 'jaw': 'Mouth',
}
_SIDE_BODIES = {
    'upper_arm': 'Leg1', 'lower_arm': 'Leg2', 'hand': 'Leg3', 'hand_anchor': 'Leg3', 'finger': 'Foot',
    'upper_leg': 'LegBack1', 'lower_leg': 'LegBack2', 'foot': 'LegBack3', 'foot_anchor': 'LegBack3',
    'toe': 'FootBack', 'scapula': 'scapula',
}


def twin(name: str) -> str:
    """Return the joint on the other side of the body: 'REar' for 'LEar', 'Head' for itself."""
    other = {'L': 'R', 'R': 'L'}.get(name[0], '') + name[1:]
    return other if other in INDEX else name


TWINS = tuple(INDEX[twin(name)] for name in JOINTS)


def columns(names: tuple[str, ...]) -> list[int]:
    """Return the indices of joints."""
    return [INDEX[name] for name in names]


def owner(body: str) -> str:
    """Return the joint that moves a body's skin; several joints share 'torso', 'Lscapula' and 'Rscapula'."""
    if body in _MIDDLE_BODIES:
        return _MIDDLE_BODIES[body]
    if body.startswith('Ca_'):
        return f'Tail{(int(body[3:]) - 1) // 3 + 1}'
    stem, side = body.rsplit('_', 1)
    return side + _SIDE_BODIES[stem]


def joint_positions(places: Places) -> np.ndarray:
    """Return symmetric joints (J, 3) at rest; the ears are at the head until :func:`attach_ears`."""
    body, anchor = places.body, places.joint
    found = {'root': body['pelvis'], 'pelvis0': body['L_7'], 'spine': body['L_5'], 'spine0': body['L_3'],
             'spine1': body['L_1'], 'Neck': anchor['C_7'], 'Head': anchor['skull'], 'Mouth': anchor['jaw']}
    for name, share in _TORSO_SHARES.items():
        found[name] = body['L_1'] + share * (body['C_7'] - body['L_1'])
    for side in SIDES:
        found[f'{side}Ear'] = found['Head']
        for stem, joint in _SIDE_BODIES.items():
            if stem not in ('scapula', 'hand_anchor', 'foot_anchor'):
                found[side + joint] = body[f'{stem}_{side}']
    for number, name in enumerate(TAIL):
        found[name] = anchor[f'Ca_{3 * number + 1}']
    return symmetrised_points(np.stack([found[name] for name in JOINTS]), np.array(TWINS))


def symmetrised_points(points: np.ndarray, twins: np.ndarray) -> np.ndarray:
    """Return the mean of points (…, P, 3) and the mirror image of their twins."""
    return 0.5 * (points + points[..., twins, :] * _MIRROR)


def joint_weights(bones: Mapping[str, np.ndarray], vertices: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Return skinning weights (V, J) from those of the bones; the torso is split along x, a shoulder blade along z."""
    weights = np.zeros((len(vertices), len(JOINTS)))
    shared = {name: np.zeros(len(vertices)) for name in ('torso', 'Lscapula', 'Rscapula')}
    for bone, values in bones.items():
        joint = owner(bone)
        if joint in shared:
            shared[joint] += values
        else:
            weights[:, INDEX[joint]] += values
    second, third = (_ramp(vertices[:, 0] - joints[INDEX[name], 0], -_TORSO_RAMP, _TORSO_RAMP)
                     for name in ('spine2', 'spine3'))
    for name, share in (('spine1', 1 - second), ('spine2', second * (1 - third)), ('spine3', third)):
        weights[:, INDEX[name]] += shared['torso'] * share
    for side in SIDES:
        leg = INDEX[f'{side}Leg1']
        share = _SCAPULA_SHARE * _ramp(joints[leg, 2] + _SCAPULA_HEIGHT - vertices[:, 2], 0, _SCAPULA_HEIGHT)
        weights[:, INDEX['spine3']] += shared[f'{side}scapula'] * (1 - share)
        weights[:, leg] += shared[f'{side}scapula'] * share
    return weights / weights.sum(1, keepdims=True)


def ear_tips(vertices: np.ndarray, mirror: np.ndarray) -> dict[str, int]:
    """Return the highest vertex on the left and its twin: the tips of erect ears."""
    left = int(np.argmax(np.where(vertices[:, 1] > 0, vertices[:, 2], -np.inf)))
    return {'L': left, 'R': int(mirror[left])}


def attach_ears(weights: np.ndarray, joints: np.ndarray, vertices: np.ndarray, faces: np.ndarray,
                tips: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Add joints for the ears, which are part of the source's skull.

    Args:
        weights: (V, J) skinning weights.
        joints: (J, 3).
        vertices: (V, 3).
        faces: (F, 3).
        tips: Vertex at the ear's tip, by side.

    Returns:
        tuple[np.ndarray, np.ndarray]: New weights and joints; an ear's joint is the middle of the ring around it.
    """
    weights, joints = weights.copy(), joints.copy()
    graph = _edge_lengths(vertices, faces)
    for side, sign in (('L', 1), ('R', -1)):
        distance = dijkstra(graph, indices=tips[side], limit=2 * _EAR_RING[1])
        share = np.where(np.isfinite(distance), 1 - _ramp(np.minimum(distance, 1), *_EAR_RING), 0)
        share = share * (sign * vertices[:, 1] > 0)
        weights[:, INDEX[f'{side}Ear']] = share * weights[:, INDEX['Head']]
        weights[:, INDEX['Head']] *= 1 - share
        joints[INDEX[f'{side}Ear']] = vertices[(distance > _EAR_RING[0]) & (distance < _EAR_RING[1])].mean(0)
    return weights, symmetrised_points(joints, np.array(TWINS))


def symmetrised_weights(weights: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Return the mean of skinning weights (V, J) and their mirror images on the twin joints."""
    return 0.5 * (weights + weights[mirror][:, TWINS])


def mouth_closed(vertices: np.ndarray, weights: np.ndarray, joints: np.ndarray, angle: float) -> np.ndarray:
    """Return vertices (V, 3) with the jaw rotated up by an angle in rad; the source's mouth is open."""
    cos, sin = np.cos(angle), np.sin(angle)
    rotation = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
    jaw, hinge = weights[:, [INDEX['Mouth']]], joints[INDEX['Mouth']]
    return vertices + jaw * ((vertices - hinge) @ rotation.T + hinge - vertices)


def _ramp(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return 0 below ``low``, 1 above ``high``, 3t² − 2t³ between."""
    value = np.clip((value - low) / (high - low), 0, 1)
    return value * value * (3 - 2 * value)


def _edge_lengths(vertices: np.ndarray, faces: np.ndarray) -> csr_matrix:
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    lengths = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
    upper = csr_matrix((lengths, (edges[:, 0], edges[:, 1])), shape=(len(vertices),) * 2)
    return upper + upper.T
