import json

import numpy as np
import pytest
import torch

from mmxas.body_models import RiggedBodyModel, read_body_model
from mmxas.registry import BODY_MODELS

PARENTS = (-1, 0, 1, 1)


@pytest.fixture
def arrays(make_arrays):
    arrays = make_arrays(parents=PARENTS, num_betas=3, posedirs=False)
    joints = np.zeros((4, 40))
    joints[[0, 1, 2, 3], [0, 1, 2, 3]] = 1
    arrays['v_template'][:4] = [[0, 0, 0], [0, 0, 1], [1, 0.5, 0], [1, -0.5, 0]]
    arrays |= {'J_regressor': joints, 'joint_names': np.array(['root', 'hip', 'left_foot', 'right_foot']),
               'axes': np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]]), 'beta_names': np.array(['size', 'width', 'tail'])}
    return arrays


@pytest.fixture
def save(tmp_path):
    def save_(arrays) -> str:
        np.savez(tmp_path / 'body.npz', **arrays)
        return str(tmp_path / 'body.npz')

    return save_


def test_a_file_that_names_its_joints_is_a_component(arrays, save):
    body = BODY_MODELS.build(dict(type='RiggedBodyModel', model_path=save(arrays), num_betas=2))
    assert body.keypoint_names == body.joint_names == ('root', 'hip', 'left_foot', 'right_foot')
    assert body.beta_names == ('size', 'width') and body.num_keypoints == 4
    posed = body(torch.zeros(1, 4, 3), torch.ones(1, 2))
    torch.testing.assert_close(body.keypoints(posed.vertices), posed.joints)


def test_axes_lead_to_left_up_front(arrays, save):
    body = RiggedBodyModel(save(arrays))
    np.testing.assert_allclose(body.axes @ [1, 0.5, 2], [0.5, 2, 1])


def test_lengths_may_be_in_another_unit(arrays, save):
    path = save(arrays)
    metre, foot = RiggedBodyModel(path), RiggedBodyModel(read_body_model(path), metres_per_unit=0.3)
    pose, betas = 0.2 * torch.randn(2, 4, 3), torch.randn(2, 3)
    torch.testing.assert_close(foot(pose, betas).vertices, 0.3 * metre(pose, betas).vertices, atol=1e-5, rtol=1e-4)
    with pytest.raises(ValueError, match='metres_per_unit=0, expected a positive number'):
        RiggedBodyModel(path, metres_per_unit=0)


def test_keypoints_by_definition(arrays, save, tmp_path):
    file = tmp_path / 'k.json'
    file.write_text(json.dumps({'keypoints': {'mid': {'left_foot': 0.5, 'right_foot': 0.5}, 'left_x': 'left_foot'}}))
    body = RiggedBodyModel(save(arrays), keypoints=file)
    assert body.keypoints(body.v_template[None])[0].tolist() == [[1, 0, 0], [1, 0.5, 0]]
    assert body.data_files == (file,)


def test_texture_coordinates_of_another_file(arrays, save, tmp_path):
    np.savez(tmp_path / 'uv.npz', vt=np.ones((3, 2)), ft=arrays['f'] % 3)
    body = RiggedBodyModel(save(arrays), uv=tmp_path / 'uv.npz')
    np.testing.assert_array_equal(body.uv_faces, arrays['f'] % 3)
    assert body.data_files == (tmp_path / 'uv.npz', )


def test_what_does_not_fit_is_named(arrays, save, tmp_path):
    file = tmp_path / 'k.json'
    file.write_text(json.dumps({'keypoints': {'left_x': 'right_foot', 'right_x': 'left_foot'}}))
    with pytest.raises(ValueError, match='left_x lies on the right of right_x'):
        RiggedBodyModel(save(arrays), keypoints=file)
    with pytest.raises(ValueError, match=r'axes .* are not a rotation; rows for left, up and front'):
        RiggedBodyModel(save(arrays | {'axes': np.ones((3, 3))}))
    del arrays['joint_names']
    with pytest.raises(ValueError, match='body.npz: the file has no joint_names'):
        RiggedBodyModel(save(arrays))


def test_the_mean_shape_may_be_another(arrays, save):
    path = save(arrays)
    plain, shaped = RiggedBodyModel(path), RiggedBodyModel(path, shape={'width': 2.0, 0: -0.5})
    betas = torch.tensor([[-0.5, 2.0]])
    torch.testing.assert_close(shaped.shaped().vertices, plain.shaped(betas).vertices)
    torch.testing.assert_close(shaped.shaped(betas).joints, plain.shaped(2 * betas).joints)
    for wrong in ({'girth': 1}, {99: 1}, {'width': float('inf')}):
        with pytest.raises(ValueError, match=r'body.npz: shape .*: a finite value of one of the \d+ shape components'):
            RiggedBodyModel(path, shape=wrong)
