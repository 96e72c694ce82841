import copy
import math
import pickle

import numpy as np
import pytest
import torch

from mmxas.body_models import SMPLBodyModel
from mmxas.registry import BODY_MODELS
from mmxas.structures import load_skeleton

GENDERS = ('neutral', 'male', 'female')


def joint(name: str) -> int:
    return SMPLBodyModel.FAMILY.joint_names.index(name)


def pose_with(**rotations) -> torch.Tensor:
    pose = torch.zeros(1, 24, 3)
    for name, rotation in rotations.items():
        pose[0, joint(name)] = torch.tensor(rotation)
    return pose


def test_is_a_component():
    model = BODY_MODELS.build(dict(type='SMPLBodyModel', gender='female', num_betas=3))
    assert isinstance(model, SMPLBodyModel) and model.gender == 'female' and model.num_betas == 3


@pytest.mark.parametrize('gender', GENDERS)
def test_the_free_bodies_are_humans_in_a_t_pose(free_models, gender):
    model = free_models[gender]
    vertices, joints = (output[0].numpy() for output in model.shaped())
    height = {'neutral': 1.70, 'male': 1.76, 'female': 1.645}[gender]
    assert np.ptp(vertices[:, 1]) == pytest.approx(height, abs=0.02)
    assert np.ptp(vertices[:, 0]) == pytest.approx(height, rel=0.1), 'arms spread along x'
    arm = joints[[joint(f'left_{name}') for name in ('shoulder', 'elbow', 'wrist')]]
    assert np.ptp(arm[:, 1]) < 0.01 and (np.diff(arm[:, 0]) > 0.2).all(), 'left is +x'
    toes = vertices[model.vertex_ids['LBigToe']]
    assert toes[2] > joints[joint('left_ankle'), 2] + 0.1, 'the front is +z'
    assert joints[0] == pytest.approx([0, -0.24, 0.03], abs=2e-3)
    assert model.num_vertices != 6890 and len(model.faces) == 2 * model.num_vertices - 12


def test_the_free_bodies_share_one_surface(free_models):
    neutral = free_models['neutral']
    for model in free_models.values():
        np.testing.assert_array_equal(model.faces, neutral.faces)
        np.testing.assert_array_equal(model.part_labels, neutral.part_labels)
    edges = np.sort(neutral.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all(), 'watertight'
    corners = neutral.v_template.double().numpy()[neutral.faces]
    volume = (np.cross(corners[:, 0], corners[:, 1]) * corners[:, 2]).sum() / 6
    assert 0.05 < volume < 0.08, 'faces look outwards, m³'


@pytest.mark.parametrize('gender', GENDERS)
def test_the_free_bodies_are_symmetric(free_models, gender):
    model = free_models[gender]
    with np.load(model.model_path) as arrays:
        mirror, shapedirs, names = arrays['vertex_mirror'].astype(int), arrays['shapedirs'], arrays['beta_names']
        regressor = arrays['J_regressor_h36m']
    np.testing.assert_array_equal(mirror[mirror], np.arange(model.num_vertices))
    template = model.v_template.numpy()
    np.testing.assert_allclose(template, template[mirror] * [-1, 1, 1], atol=1e-6)
    np.testing.assert_array_equal(shapedirs, shapedirs[mirror] * np.array([[[-1], [1], [1]]], np.float16))
    twins = [SMPLBodyModel.FAMILY.joint_names.index(
        name.replace('left', 'LEFT').replace('right', 'left').replace('LEFT', 'right'))
        for name in SMPLBodyModel.FAMILY.joint_names]
    weights = model.skinning_weights.numpy()
    np.testing.assert_allclose(weights, weights[mirror][:, twins], atol=1e-6)
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-6)
    assert ((weights > 0).sum(1) <= 4).all()
    np.testing.assert_allclose(regressor.sum(1), 1, atol=1e-6)
    assert (regressor >= 0).all() and len(names) == 10


@pytest.mark.parametrize('gender', GENDERS)
def test_betas_have_named_signs(free_models, gender):
    model = free_models[gender]
    with np.load(model.model_path) as arrays:
        assert arrays['beta_names'][0] == 'stature'
    heights = [np.ptp(model.shaped(torch.eye(10)[:1] * value).vertices[0, :, 1].numpy()) for value in (-1, 0, 1)]
    assert 0.04 < heights[2] - heights[1] < 0.11 and 0.04 < heights[1] - heights[0] < 0.11


def test_an_elbow_moves_only_the_forearm(free_models):
    model = free_models['neutral']
    rest = model.shaped()
    vertices, joints = model(pose_with(left_elbow=[0.0, -math.pi / 2, 0.0]))
    moved = (vertices - rest.vertices)[0].norm(dim=1) > 1e-6
    forearm = [joint(f'left_{name}') for name in ('elbow', 'wrist', 'hand')]
    carried = model.skinning_weights[:, forearm].sum(1)
    assert not moved[carried == 0].any() and moved[carried > 0.5].all()
    elbow, wrist = rest.joints[0, joint('left_elbow')], rest.joints[0, joint('left_wrist')]
    x, y, z = (wrist - elbow).tolist()
    np.testing.assert_allclose(joints[0, joint('left_wrist')], elbow + torch.tensor([-z, y, x]), atol=1e-6)


def test_global_orientation_turns_about_the_pelvis(free_models):
    model = free_models['male']
    rest = model.shaped()
    vertices, joints = model(pose_with(pelvis=[0.0, math.pi, 0.0]))
    pelvis = rest.joints[0, 0]
    expected = (rest.vertices[0] - pelvis) * torch.tensor([-1.0, 1, -1]) + pelvis
    np.testing.assert_allclose(vertices[0], expected, atol=1e-5)


@pytest.mark.parametrize('gender', GENDERS)
def test_keypoints_of_the_free_bodies(free_models, gender):
    model = free_models[gender]
    skeleton = load_skeleton('h36m18')
    assert model.keypoint_names == skeleton.keypoints and model.num_keypoints == 18
    rest = model.shaped()
    points = dict(zip(model.keypoint_names, model.keypoints(rest.vertices)[0]))
    for side in ('left', 'right'):
        for name in ('hip', 'knee', 'ankle', 'shoulder', 'elbow', 'wrist'):
            error = points[f'{side}_{name}'] - rest.joints[0, joint(f'{side}_{name}')]
            assert error.norm() < 1e-5
    torch.testing.assert_close(points['thorax'], (points['left_shoulder'] + points['right_shoulder']) / 2)
    torch.testing.assert_close(points['root'], (points['left_hip'] + points['right_hip']) / 2)
    torch.testing.assert_close(points['head'], rest.vertices[0, model.vertex_ids['head_top']])
    heights = [float(points[name][1]) for name in ('root', 'torso', 'thorax', 'neck', 'nose', 'head')]
    assert heights == sorted(heights)
    shifted = model.keypoints(rest.vertices + torch.tensor([0.1, 0.2, 0.3]))[0]
    torch.testing.assert_close(shifted[9], points['nose'] + torch.tensor([0.1, 0.2, 0.3]), atol=1e-5, rtol=0)


def test_landmarks_and_texture(free_models):
    model = free_models['neutral']
    template = model.v_template.numpy()
    at = {name: template[vertex] for name, vertex in model.vertex_ids.items()}
    assert len(at) == 22 and at['nose'][0] == pytest.approx(0, abs=0.01)
    for left in ('leye', 'lear', 'lthumb', 'lpinky', 'LBigToe', 'LHeel'):
        right = left.replace('l', 'r', 1) if left[0] == 'l' else left.replace('L', 'R', 1)
        np.testing.assert_allclose(at[left], at[right] * [-1, 1, 1], atol=1e-6)
        assert at[left][0] > 0
    fingers = [at[f'l{name}'][2] for name in ('thumb', 'index', 'middle', 'ring', 'pinky')]
    assert fingers == sorted(fingers, reverse=True)
    assert model.uv_faces.shape == model.faces.shape and model.uv.min() >= 0 and model.uv.max() <= 1
    edges = np.linalg.norm(model.uv[model.uv_faces] - model.uv[np.roll(model.uv_faces, 1, 1)], axis=2)
    assert edges.max() < 0.1, 'no face is drawn across the texture'


def test_copies_pose_alike(free_models):
    """A data loader's workers get copies, by pickle where they are spawned."""
    model, pose = free_models['female'], 0.3 * torch.randn(1, 24, 3)
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        torch.testing.assert_close(copied(pose).vertices, model(pose).vertices)
        assert copied.keypoint_names == model.keypoint_names and copied.vertex_ids == model.vertex_ids


def test_files_are_small(free_models):
    assert sum(model.model_path.stat().st_size for model in free_models.values()) < 3 << 20


@pytest.fixture
def official(tmp_path, free_models):
    """An official-looking pickle without a keypoint regressor, and the regressor in the community's order."""
    with np.load(free_models['neutral'].model_path) as arrays:
        content = {key: arrays[key] for key in ('v_template', 'f', 'J_regressor', 'weights', 'kintree_table')}
        content['shapedirs'] = arrays['shapedirs'].astype(float)
        regressor = arrays['J_regressor_h36m']
    path = tmp_path / 'SMPL_NEUTRAL.pkl'
    path.write_bytes(pickle.dumps(content, 2))
    return path, regressor[[*range(11), 14, 15, 16, 11, 12, 13]], content


def test_community_regressors_swap_the_arms(official, free_models):
    path, regressor, _ = official
    np.save(path.with_name('J_regressor_h36m.npy'), regressor)
    model, free = SMPLBodyModel(path), free_models['neutral']
    torch.testing.assert_close(model.keypoints(model.v_template[None]), free.keypoints(free.v_template[None]))
    again = SMPLBodyModel(path.parent, keypoint_regressor=path.with_name('J_regressor_h36m.npy'), keypoint_set='h36m17')
    assert again.keypoints(again.v_template[None]).shape == (1, 17, 3)


def test_regressors_in_another_order_are_refused_unless_named(official):
    path, regressor, _ = official
    own_order = regressor[[*range(11), 14, 15, 16, 11, 12, 13]]
    file = path.with_name('own.npy')
    np.save(file, own_order)
    with pytest.raises(ValueError, match='left_shoulder lies on the right of right_shoulder'):
        SMPLBodyModel(path, keypoint_regressor=file)
    rows = SMPLBodyModel.FAMILY.keypoint_sets['h36m17'].keypoints
    model = SMPLBodyModel(path, keypoint_regressor=file, regressor_rows=rows)
    assert model.keypoints(model.v_template[None])[0, 11, 0] > 0


def test_unknown_regressors_are_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="keypoint_regressor 'foo' unknown, one of h36m or the path of a .npy"):
        SMPLBodyModel(keypoint_regressor='foo')


def test_models_without_a_regressor_still_pose(official):
    model = SMPLBodyModel(official[0])
    assert model(torch.zeros(1, 24, 3)).vertices.shape == (1, model.num_vertices, 3)
    with pytest.raises(FileNotFoundError, match="no keypoint regressor 'h36m' in the file.*J_regressor_h36m.npy"):
        model.keypoints(model.v_template[None])


def test_official_meshes_get_the_official_landmarks(tmp_path, make_arrays):
    arrays = make_arrays(num_vertices=6890, posedirs=False)
    np.savez(tmp_path / 'SMPL_NEUTRAL.npz', **arrays)
    assert SMPLBodyModel(tmp_path).vertex_ids['nose'] == 332


def write_uv(path, model):
    """The texture coordinates of a body as an .obj."""
    corners = zip(model.faces + 1, model.uv_faces + 1)
    lines = ['v 0 0 0'] * model.num_vertices + [f'vt {u:.9g} {v:.9g}' for u, v in model.uv]
    path.write_text('\n'.join(lines + ['f ' + ' '.join(f'{a}/{b}' for a, b in zip(*face)) for face in corners]))
    return path


def test_texture_coordinates_of_another_file(official, free_models, tmp_path):
    free, uv = free_models['neutral'], write_uv(tmp_path / 'own.obj', free_models['neutral'])
    assert SMPLBodyModel(official[0]).uv is None and SMPLBodyModel(official[0]).data_files == ()
    model = SMPLBodyModel(official[0], uv=uv)
    np.testing.assert_array_equal(model.uv[model.uv_faces], free.uv[free.uv_faces])
    assert model.data_files == (uv, )


@pytest.mark.parametrize('place', ['smpl_uv.obj', 'smpl_uv_20200910/smpl_uv.obj'])
def test_official_meshes_find_their_texture_coordinates_and_regressor_beside_them(tmp_path, make_arrays, place):
    arrays = make_arrays(num_vertices=6890, posedirs=False)
    arrays['f'] = np.arange(6888).reshape(-1, 3)
    (tmp_path / 'SMPL_MALE.pkl').write_bytes(pickle.dumps(arrays, 2))
    uv, number = tmp_path / place, np.arange(6888)
    uv.parent.mkdir(exist_ok=True)
    lines = ['v 0 0 0'] * 6890 + [f'vt {i / 6888:.6f} 0.5' for i in number]
    faces = number.reshape(-1, 3)[::-1] + 1
    uv.write_text('\n'.join(lines + ['f ' + ' '.join(f'{i}/{i}' for i in face) for face in faces]))
    regressor = np.zeros((17, 6890))
    regressor[np.arange(17), np.arange(17)] = 1
    model = SMPLBodyModel(tmp_path, gender='male')
    np.testing.assert_array_equal(model.uv_faces, model.faces)
    assert model.data_files == (uv, )
    arrays['v_template'][:17, 0] = [0, -1, -1, -1, 1, 1, 1, 0, 0, 0, 0, -1, -1, -1, 1, 1, 1]
    (tmp_path / 'SMPL_MALE.pkl').write_bytes(pickle.dumps(arrays, 2))
    np.save(tmp_path / 'J_regressor_h36m.npy', regressor)
    assert SMPLBodyModel(tmp_path, gender='male').data_files == (uv, tmp_path / 'J_regressor_h36m.npy')


def test_wrong_options_and_files_are_named(tmp_path, make_arrays):
    with pytest.raises(ValueError, match="keypoint_set 'coco' unknown, one of h36m18, h36m17 expected"):
        SMPLBodyModel(keypoint_set='coco')
    np.savez(tmp_path / 'SMPL_NEUTRAL.npz', **make_arrays(parents=(-1, *range(34))))
    with pytest.raises(ValueError, match=r'SMPL_NEUTRAL\.npz: 24 joints expected, 35 found — is this a SMAL file\?'):
        SMPLBodyModel(tmp_path)
    with pytest.raises(FileNotFoundError, match='SMPL, male: no model file'):
        SMPLBodyModel(tmp_path, gender='male')


def test_a_single_body_is_posed_in_milliseconds(free_models):
    import time
    model, pose, betas = free_models['neutral'], torch.zeros(1, 24, 3), torch.zeros(1, 10)
    seconds = []
    with torch.no_grad():
        for _ in range(20):
            start = time.perf_counter()
            model.keypoints(model(pose, betas).vertices)
            seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.02
