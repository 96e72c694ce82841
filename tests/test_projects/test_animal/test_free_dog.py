"""The shipped dog: its surface, symmetry, shapes, landmarks, keypoints and texture."""
import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmxas.structures import load_skeleton

ROOT = Path(__file__).parents[3]

DATA = ROOT / 'projects/animal/data'


def volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    corners = vertices[faces]
    return float((np.cross(corners[:, 0], corners[:, 1]) * corners[:, 2]).sum() / 6)


def face_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    first, second, third = (vertices[faces[:, corner]] for corner in range(3))
    return np.cross(second - first, third - first)


def test_the_surface_is_closed_and_looks_outwards(dog):
    edges = np.sort(dog.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()
    assert dog.num_vertices - len(edges) // 2 + len(dog.faces) == 2, 'one ball, no handles'
    assert 0.02 < volume(dog.v_template.double().numpy(), dog.faces) < 0.06, 'm³ of a dog of 30 kg or so'
    assert dog.num_vertices != 3889, 'other software would take it for the official mesh'


def test_it_stands_in_smals_frame(dog):
    vertices, joints = (part[0].numpy() for part in dog.shaped())
    at = dict(zip(dog.joint_names, joints))
    assert np.abs(at['root']).max() < 1e-3
    np.testing.assert_allclose(np.ptp(vertices, axis=0), [1.20, 0.22, 0.81], atol=0.02)
    assert at['Head'][0] > at['spine3'][0] > at['spine'][0] > at['Tail1'][0] > at['Tail7'][0], 'x to the front'
    for name in ('Leg1', 'Foot', 'LegBack2', 'Ear'):
        assert at[f'L{name}'][1] > 0.03, 'y to the left'
        np.testing.assert_allclose(at[f'L{name}'], at[f'R{name}'] * [1, -1, 1], atol=1e-5)


def test_everything_is_symmetric(dog_arrays):
    from dog_building.dog_rig import TWINS
    mirror, flip = dog_arrays['vertex_mirror'].astype(int), np.array([1, -1, 1])
    np.testing.assert_array_equal(mirror[mirror], np.arange(len(mirror)))
    np.testing.assert_array_equal(dog_arrays['v_template'], dog_arrays['v_template'][mirror] * flip.astype(np.float32))
    shapes = dog_arrays['shapedirs'].astype(float)
    for name, mirrored, own in zip(dog_arrays['beta_names'], shapes[mirror].transpose(2, 0, 1) * flip,
                                   shapes.transpose(2, 0, 1)):
        np.testing.assert_allclose(mirrored, own, atol=2e-5, err_msg=str(name))
    weights = dog_arrays['weights']
    np.testing.assert_allclose(weights, weights[mirror][:, list(TWINS)], atol=1e-6)
    assert ((weights > 0).sum(1) <= 4).all()
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-6)
    regressor = dog_arrays['J_regressor']
    assert (regressor >= 0).all()
    np.testing.assert_allclose(regressor.sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(regressor, regressor[list(TWINS)][:, mirror], atol=1e-5)


@pytest.mark.parametrize('name, first, second, change', [
    ('leg_length', 'LLeg2', 'LLeg3', 1.14), ('leg_length', 'LLegBack1', 'LLegBack2', 1.14),
    ('neck_length', 'Neck', 'Head', 1.18), ('tail_length', 'Tail2', 'Tail3', 1.22),
    ('size', 'root', 'Head', 1.12), ('body_length', 'spine', 'spine0', 1.08), ('girth', 'LLeg2', 'LLeg3', 1.0)])
def test_shapes_do_what_their_names_say(dog, name, first, second, change):
    """By joints of the regressor, to its few millimetres."""
    def length(betas):
        joints = dog.shaped(betas).joints[0]
        return float((joints[dog.joint_names.index(first)] - joints[dog.joint_names.index(second)]).norm())

    betas = torch.zeros(1, 13)
    betas[0, dog.beta_names.index(name)] = 1
    assert length(betas) / length(torch.zeros(1, 13)) == pytest.approx(change, abs=0.03)


def test_extreme_shapes_stay_bodies(dog):
    """No shape turns the surface inside out: two standard deviations, and all signs of the strongest three."""
    cases = [2.0 * sign * torch.eye(13)[i] for i in range(13) for sign in (-1, 1)]
    for signs in itertools.product((-2, 2), repeat=3):
        case = torch.zeros(13)
        for name, sign in zip(('size', 'leg_length', 'girth'), signs):
            case[dog.beta_names.index(name)] = sign
        cases.append(case)
    shapes = dog.shaped(torch.stack(cases)).vertices.numpy()
    rest = dog.v_template.numpy()
    for shape in shapes:
        turned = (face_normals(shape, dog.faces) * face_normals(rest, dog.faces)).sum(1) < 0
        assert turned.mean() < 0.01, 'faces that turned over'
        assert 0.2 < volume(shape, dog.faces) / volume(rest, dog.faces) < 4


def test_landmarks_lie_where_their_names_say(dog):
    at = {name: dog.v_template[vertex].numpy() for name, vertex in dog.vertex_ids.items()}
    assert len(at) == 13
    assert at['nose'][0] > at['left_eye'][0] > at['left_ear_tip'][0] and at['chin'][2] < at['nose'][2]
    assert at['withers'][2] > at['throat'][2] - 0.1 and at['tail_tip'][0] == dog.v_template[:, 0].min()
    for name in ('eye', 'ear_tip', 'front_toes', 'back_toes'):
        assert at[f'left_{name}'][1] > 0.01
        np.testing.assert_array_equal(at[f'left_{name}'], at[f'right_{name}'] * np.float32([1, -1, 1]))
    assert at['left_front_toes'][2] < -0.4 and at['left_back_toes'][2] < -0.4


def test_keypoints_are_those_of_the_training_skeleton(dog):
    skeleton, published = load_skeleton('projects/animal/data/dog26.json'), load_skeleton(
        'projects/animal/data/stanford_extra24.json')
    assert dog.keypoint_names == skeleton.keypoints and set(published.keypoints) < set(skeleton.keypoints)
    np.testing.assert_allclose(dog.keypoint_weights.sum(1), 1, atol=1e-6)
    assert (dog.keypoint_weights >= 0).all()
    points = dog.keypoints(dog.v_template[None])[0].numpy()
    for left, right in skeleton.flip_pairs:
        np.testing.assert_allclose(points[left], points[right] * [1, -1, 1], atol=1e-4)
        assert skeleton.keypoints[left].replace('left_', 'right_') == skeleton.keypoints[right]
        assert points[left, 1] > 0
        parents = skeleton.parents[left], skeleton.parents[right]
        assert parents in skeleton.flip_pairs or parents[0] == parents[1], 'links mirror'


def test_posed_keypoints_follow_the_joints(dog, motions):
    """Rows of the regressor average skin, which bends; they stay within 2 cm of the joints on average."""
    pose = torch.from_numpy(motions['pose'][::40].astype(np.float32))
    with torch.no_grad():
        vertices, joints = dog(pose)
        points = dict(zip(dog.keypoint_names, dog.keypoints(vertices).transpose(0, 1)))
    for keypoint, joint in (('left_front_elbow', 'LLeg2'), ('left_rear_knee', 'LLegBack2'), ('back', 'spine1'),
                            ('left_rear_hock', 'LLegBack3'), ('right_front_wrist', 'RLeg3'), ('tail_start', 'Tail1')):
        error = (points[keypoint] - joints[:, dog.joint_names.index(joint)]).norm(dim=1)
        assert error.mean() < 0.02 and error.max() < 0.06, keypoint


def test_the_coat_fits_the_surface(dog):
    coat = cv2.imread(str(DATA / 'coats/tan.jpg'))
    assert coat.shape == (512, 512, 3) and dog.uv.min() >= 0 and dog.uv.max() <= 1
    edges = np.linalg.norm(dog.uv[dog.uv_faces] - dog.uv[np.roll(dog.uv_faces, 1, 1)], axis=2)
    across = np.unique(dog.part_labels[dog.faces[edges.max(1) > 0.15]])
    assert {dog.joint_names[part] for part in across} <= {'Head', 'Mouth'}, 'the mouth has no texture inside'
    back = dog.uv[dog.uv_faces[(dog.part_labels[dog.faces] == dog.joint_names.index('spine0')).all(1)]].mean(1)
    red = coat[np.int64((1 - back[:, 1]) * 511), np.int64(back[:, 0] * 511), 2].astype(float)
    belly = dog.v_template.numpy()[dog.faces[(dog.part_labels[dog.faces] == dog.joint_names.index('spine0')).all(1)], 2]
    height = belly.mean(1)
    assert red[height > np.median(height)].mean() < red[height < np.median(height)].mean(), 'the back is darker'


def test_part_labels_are_joints(dog):
    assert set(np.unique(dog.part_labels)) <= set(range(35)) and len(np.unique(dog.part_labels)) >= 33


def test_every_data_file_is_named_in_the_notice():
    notice = (DATA / 'NOTICE').read_text(encoding='utf-8')
    files = [path.relative_to(DATA).as_posix() for path in Path(DATA).rglob('*') if path.is_file()]
    assert len(files) > 8 and [name for name in files if name != 'NOTICE' and name not in notice] == []
