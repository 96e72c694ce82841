import numpy as np
import pytest
from body_model_building import rest_pose
from body_model_building.human_rig import INDEX, PARENTS
from body_model_building.rest_pose import HandFrame
from scipy.spatial.transform import Rotation


@pytest.fixture
def a_pose():
    """Joints of a plausible body whose arms hang at 45 degrees, elbows a little bent to the front."""
    left = {
        'hip': (0.1, -0.3, 0), 'knee': (0.14, -0.7, 0.02), 'ankle': (0.15, -1.1, 0), 'foot': (0.19, -1.15, 0.12),
        'collar': (0.07, 0.2, 0), 'shoulder': (0.18, 0.2, 0), 'elbow': (0.36, 0.02, -0.01),
        'wrist': (0.53, -0.15, 0.05), 'hand': (0.6, -0.22, 0.08),
    }
    joints = np.zeros((24, 3))
    for height, name in enumerate(('pelvis', 'spine1', 'spine2', 'spine3', 'neck', 'head')):
        joints[INDEX[name]] = 0, 0.12 * height - 0.24, 0
    for name, point in left.items():
        joints[INDEX[f'left_{name}']] = point
        joints[INDEX[f'right_{name}']] = point * np.array([-1, 1, 1])
    hand = HandFrame(np.array([0.7, -0.7, 0.2]), np.array([-0.7, -0.7, 0]))
    mirrored = HandFrame(*(vector * [-1, 1, 1] for vector in hand))
    return joints, {'left_': hand, 'right_': mirrored}


def test_rotations_lead_to_the_t_pose(a_pose):
    joints, hands = a_pose
    rotations = rest_pose.t_pose_rotations(joints, hands)
    np.testing.assert_allclose(rotations @ rotations.transpose(0, 2, 1), np.tile(np.eye(3), (24, 1, 1)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(rotations), 1)
    _, rest = rest_pose.unposed(joints, joints, rotations, np.eye(24))
    np.testing.assert_allclose(rest[0], rest_pose.PELVIS)
    for side, sign in (('left_', 1), ('right_', -1)):
        at = {name: rest[INDEX[side + name]] for name in ('shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle', 'foot')}
        np.testing.assert_allclose(at['elbow'][1:], at['shoulder'][1:], atol=1e-12)
        np.testing.assert_allclose(at['wrist'][1:], at['shoulder'][1:], atol=1e-12)
        assert sign * (at['wrist'] - at['elbow'])[0] > 0.2
        thigh, shank, foot = at['knee'] - at['hip'], at['ankle'] - at['knee'], at['foot'] - at['ankle']
        np.testing.assert_allclose(thigh / -thigh[1], [sign * 0.07, -1, 0], atol=1e-12)
        np.testing.assert_allclose(shank / -shank[1], [sign * 0.01, -1, -0.06], atol=1e-12)
        assert np.arctan2(foot[0], foot[2]) == pytest.approx(sign * 0.10)
        palm = rotations[INDEX[f'{side}hand']] @ hands[side].palm
        assert palm[1] < 0 and abs(palm[2]) < 1e-12, 'palms down'
    np.testing.assert_allclose(rest[INDEX['left_elbow']] * [-1, 1, 1], rest[INDEX['right_elbow']])


def test_unposing_inverts_skinning():
    rng = np.random.default_rng(0)
    joints, vertices = rng.normal(size=(24, 3)), rng.normal(size=(50, 3))
    weights = rng.dirichlet(np.full(24, 0.1), 50)
    rotations = Rotation.from_rotvec(0.2 * rng.normal(size=(24, 3))).as_matrix()
    rest, rest_joints = rest_pose.unposed(vertices, joints, rotations, weights)
    back = rotations.transpose(0, 2, 1)
    shifts = joints - np.einsum('jab,jb->ja', back, rest_joints)
    moved = np.einsum('vj,jab,vb->va', weights, back, rest) + weights @ shifts
    np.testing.assert_allclose(moved, vertices, atol=1e-9)
    lengths = [np.linalg.norm(points[1:] - points[list(PARENTS[1:])], axis=1) for points in (joints, rest_joints)]
    np.testing.assert_allclose(*lengths)


def test_hand_frames_look_out_of_the_palm():
    """The left hand along +x, palm down: index finger in front, little finger behind."""
    points = {'hand': (0, 0, 0), 'finger-2-1': (1, 0, 0.3), 'finger-3-1': (1, 0, 0.1), 'finger-4-1': (1, 0, -0.1),
              'finger-5-1': (1, 0, -0.3)}
    vertices = np.array([*points.values(), *(np.array(list(points.values())) * [-1, 1, 1])])
    names = [f'joint-{side}-{name}' for side in 'lr' for name in points]
    cubes = {name: np.array([vertex]) for vertex, name in enumerate(names)}
    frames = rest_pose.hand_frames(vertices, cubes)
    for side, sign in (('left_', 1), ('right_', -1)):
        np.testing.assert_allclose(frames[side].direction, [sign, 0, 0])
        np.testing.assert_allclose(frames[side].palm / np.linalg.norm(frames[side].palm), [0, -1, 0], atol=1e-12)


def test_rotation_helpers():
    turn = rest_pose.shortest_rotation(np.array([2.0, 0, 0]), np.array([0, 3.0, 0]))
    np.testing.assert_allclose(turn, Rotation.from_rotvec([0, 0, np.pi / 2]).as_matrix(), atol=1e-12)
    np.testing.assert_allclose(rest_pose.rotation_about_y(0.3), Rotation.from_rotvec([0, 0.3, 0]).as_matrix())
    np.testing.assert_allclose(rest_pose.frame(np.array([2.0, 0, 0]), np.array([1.0, 1, 0])), np.eye(3), atol=1e-12)
