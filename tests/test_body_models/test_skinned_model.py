import builtins
import math

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from mmxas.body_models import SkinnedBodyModel, read_body_model, skinned_model


@pytest.fixture
def build(tmp_path, make_arrays):
    def build(arrays=None, **options):
        path = tmp_path / 'model.npz'
        np.savez(path, **(make_arrays() if arrays is None else arrays))
        return SkinnedBodyModel(read_body_model(path), **options)
    return build


@pytest.fixture
def arm(build):
    """Three joints on the x axis at 0, 1, 2 m; vertices 0–2 on them, 3 at the tip, each moved by one joint."""
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0]])
    return build({
        'v_template': vertices, 'f': np.array([[0, 1, 2], [1, 2, 3]]), 'shapedirs': vertices[..., None] * [[[1.0]]],
        'J_regressor': np.eye(3, 4), 'weights': np.eye(4, 3) + np.eye(4, 3, -1) * [[0], [0], [0], [1]],
        'kintree_table': np.array([[2 ** 32 - 1, 0, 1], [0, 1, 2]]),
    })


def test_rest_pose_is_the_template(build, make_arrays):
    model = build()
    vertices, joints = model(torch.zeros(2, 24, 3))
    arrays = make_arrays()
    np.testing.assert_allclose(vertices[1], arrays['v_template'], atol=1e-6)
    np.testing.assert_allclose(joints[0], arrays['J_regressor'] @ arrays['v_template'], atol=1e-6)


def test_known_rotations(arm):
    pose = torch.zeros(2, 3, 3)
    pose[0, 1, 2] = math.pi / 2  # the elbow alone
    pose[1, 0, 2], pose[1, 2, 2] = math.pi / 2, math.pi / 2  # the root and the last joint
    vertices, joints = arm(pose)
    np.testing.assert_allclose(vertices[0], [[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 2, 0]], atol=1e-6)
    np.testing.assert_allclose(vertices[1], [[0, 0, 0], [0, 1, 0], [0, 2, 0], [-1, 2, 0]], atol=1e-6)
    np.testing.assert_allclose(joints, vertices[:, :3], atol=1e-6)


def test_shape_and_translation(arm):
    """The one shape component doubles the arm, and the elbow moves along with it."""
    pose = torch.zeros(1, 3, 3)
    pose[0, 1, 2] = math.pi / 2
    vertices, joints = arm(pose, torch.ones(1, 1), torch.tensor([[0.0, 0, 5]]))
    np.testing.assert_allclose(vertices[0], [[0, 0, 5], [2, 0, 5], [2, 2, 5], [2, 4, 5]], atol=1e-6)
    np.testing.assert_allclose(joints[0, 2], [2, 2, 5], atol=1e-6)


def test_one_shape_for_a_batch(build):
    model = build()
    pose, betas = torch.randn(3, 24, 3), torch.randn(1, 10)
    torch.testing.assert_close(model(pose, betas).vertices, model(pose, betas.expand(3, -1)).vertices)
    torch.testing.assert_close(model(pose, betas[:, :4]).joints,
                               model(pose, torch.cat([betas[:, :4], torch.zeros(1, 6)], 1)).joints)


@pytest.mark.parametrize('posedirs', [True, False])
def test_agrees_with_smplx_in_double_precision(build, make_arrays, posedirs):
    import smplx
    from smplx.utils import Struct
    from smplx.vertex_ids import vertex_ids
    arrays = make_arrays(posedirs=posedirs)
    struct = Struct(**{**arrays, 'posedirs': arrays.get('posedirs', np.zeros((40, 3, 207)))})
    landmarks = dict.fromkeys(vertex_ids['smplh'], 0)
    reference = smplx.SMPL('', data_struct=struct, vertex_ids=landmarks, dtype=torch.float64, batch_size=3)
    generator = torch.Generator().manual_seed(0)
    pose, betas, transl = (torch.randn(3, *size, generator=generator, dtype=torch.float64)
                           for size in ((24, 3), (10,), (3,)))
    expected = reference(betas=betas, body_pose=pose[:, 1:].flatten(1), global_orient=pose[:, 0], transl=transl)
    vertices, joints = build(arrays).double()(pose, betas, transl)
    assert (vertices - expected.vertices).abs().max() < 1e-6
    assert (joints - expected.joints[:, :24]).abs().max() < 1e-6


def test_gradients(arm):
    arm = arm.double()
    generator = torch.Generator().manual_seed(1)
    inputs = [torch.randn(2, *size, generator=generator, dtype=torch.float64, requires_grad=True)
              for size in ((3, 3), (1,), (3,))]
    assert torch.autograd.gradcheck(lambda *args: tuple(arm(*args)), inputs, atol=1e-6)
    pose = torch.zeros(1, 3, 3, dtype=torch.float64, requires_grad=True)
    arm(pose).vertices.sum().backward()
    assert pose.grad.isfinite().all() and pose.grad[0, 1, 2] == pytest.approx(3.0, abs=1e-6)


def test_skin_blends_transforms():
    turn = np.eye(4)
    turn[:3, :3], turn[:3, 3] = Rotation.from_rotvec([0, 0, math.pi / 2]).as_matrix(), [0, 0, 2]
    transforms = torch.tensor(np.stack([np.eye(4), turn]), dtype=torch.float32)[None]
    vertices = torch.tensor([[[1.0, 0, 0]] * 3])
    posed = skinned_model.skin(vertices, torch.tensor([[1.0, 0], [0, 1], [0.5, 0.5]]), transforms)
    np.testing.assert_allclose(posed[0], [[1, 0, 0], [0, 1, 2], [0.5, 0.5, 1]], atol=1e-6)


def test_attributes(build, make_arrays):
    arrays = make_arrays()
    model = build(num_betas=4, joint_names=[f'j{i}' for i in range(24)], vertex_ids={'nose': 3})
    assert (model.num_joints, model.num_vertices, model.num_betas) == (24, 40, 4)
    assert model.parents[:4] == (-1, 0, 0, 0) and model.joint_names[2] == 'j2' and model.vertex_ids == {'nose': 3}
    np.testing.assert_array_equal(model.part_labels, arrays['weights'].argmax(1))
    assert not model.state_dict(), 'a checkpoint must not carry a body model'
    assert build().joint_names[1] == 'joint_1' and build().uv is None


@pytest.mark.parametrize(('pose', 'betas', 'transl', 'message'), [
    ((2, 23, 3), None, None, r'pose of shape \(N, 24, 3\) expected, \(2, 23, 3\) found'),
    ((2, 72), None, None, r'pose of shape \(N, 24, 3\) expected, \(2, 72\) found'),
    ((2, 24, 3), (2, 11), None, r'betas of shape \(2, at most 10\) expected, \(2, 11\) found'),
    ((2, 24, 3), (3, 10), None, r'betas of shape \(2, at most 10\) expected, \(3, 10\) found'),
    ((2, 24, 3), (2, 10), (3,), r'transl of shape \(2, 3\) expected, \(3,\) found'),
])
def test_wrong_inputs_are_named(build, pose, betas, transl, message):
    with pytest.raises(ValueError, match=message):
        build()(*(None if size is None else torch.zeros(size) for size in (pose, betas, transl)))


def test_wrong_options_are_named(build):
    with pytest.raises(ValueError, match='num_betas=11, but the file has 10 shape components'):
        build(num_betas=11)
    with pytest.raises(ValueError, match='2 joint names for 24 joints'):
        build(joint_names=['a', 'b'])


def test_without_smplx_the_body_is_the_same(build, monkeypatch):
    pose = torch.randn(2, 24, 3, generator=torch.Generator().manual_seed(3))
    expected = build()(pose, torch.ones(2, 10))
    real_import = builtins.__import__

    def without_smplx(name, *args, **kwargs):
        if name == 'smplx':
            raise ImportError('no smplx')
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, '__import__', without_smplx)
    found = build()(pose, torch.ones(2, 10))
    torch.testing.assert_close(found.vertices, expected.vertices, rtol=0, atol=1e-5)
    torch.testing.assert_close(found.joints, expected.joints, rtol=0, atol=1e-5)
