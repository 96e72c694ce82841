import pickle

import numpy as np
import pytest
import torch

from mmxas.body_models import BodyModelNotFoundError, SMALBodyModel, SMPLBodyModel
from mmxas.registry import BODY_MODELS

PARENTS = (-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 6, 11, 12, 13, 6, 15, 0, 17, 18, 19, 0, 21, 22, 23, 0, 25, 26, 27, 28, 29,
           30, 16, 16, 16)


@pytest.fixture(scope='module')
def free():
    return SMALBodyModel()


@pytest.fixture(scope='module')
def official(make_arrays, tmp_path_factory):
    """A pickle with the shapes of smal_CVPR2017.pkl."""
    arrays = make_arrays(num_vertices=3889, parents=PARENTS, num_betas=41)
    arrays['v_template'][[1097, 3055, 150, 2124]] = [[1, .1, 1], [1, -.1, 1], [.5, .2, 2], [.5, -.2, 2]]
    regressor = np.zeros((35, 3889))
    regressor[np.arange(35), np.arange(35) * 7] = 1
    arrays['J_regressor'] = regressor
    path = tmp_path_factory.mktemp('smal') / 'smal_CVPR2017.pkl'
    path.write_bytes(pickle.dumps(arrays, 2))
    return path


def joint(name: str) -> int:
    return SMALBodyModel.FAMILY.joint_names.index(name)


def test_the_free_body_is_shipped_and_a_component(free):
    body = BODY_MODELS.build(dict(type='SMALBodyModel', num_betas=5))
    assert body.num_betas == 5 and body.variant.name == free.variant.name == 'free dog'
    assert free.parents == PARENTS and free.num_vertices == 4999 and len(free.faces) == 9994
    assert free.num_betas == 13 and free.beta_names[:2] == ('size', 'leg_length')
    assert free.model_path.stat().st_size < 400_000


def test_official_files_get_names_axes_and_landmarks(official):
    body = SMALBodyModel(official)
    assert body.variant.name == 'SMAL (CVPR 2017)' and body.num_betas == 41
    assert body.joint_names[16] == 'Head' and body.vertex_ids['chin'] == 26
    np.testing.assert_allclose(body.axes @ [3, 1, 2], [1, 2, 3])
    metre = SMALBodyModel(official, metres_per_unit=1)
    torch.testing.assert_close(0.6 * metre.v_template, body.v_template)
    assert SMALBodyModel(official.parent).model_path == official


def test_a_family_moves_the_mean_shape(official, tmp_path):
    means = [np.zeros(41), np.r_[2.0, np.zeros(40)]]
    data = tmp_path / 'my_smpl_data.pkl'
    data.write_bytes(pickle.dumps({'cluster_means': means}, 2))
    plain, moved = SMALBodyModel(official), SMALBodyModel(official, shape_data=data)
    torch.testing.assert_close(moved.v_template, plain.v_template + 2 * plain.shapedirs[..., 0], atol=1e-5, rtol=1e-4)


def test_other_formats_are_refused_both_ways(official):
    human = SMPLBodyModel.FAMILY.find('free')
    with pytest.raises(ValueError, match='FREE_NEUTRAL.npz: 35 joints expected, 24 found — is this a SMPL file?'):
        SMALBodyModel(human)
    with pytest.raises(ValueError, match='smal_CVPR2017.pkl: 24 joints expected, 35 found — is this a SMAL file?'):
        SMPLBodyModel(official)
    with pytest.raises(BodyModelNotFoundError, match='smal_CVPR2017.pkl.*SMAL_MODEL_DIR'):
        SMALBodyModel('no/such/folder')


def test_log_scales_stretch_in_the_joints_own_frame(free):
    body = SMALBodyModel(log_scale_std=0.5)
    assert body.num_betas == 20 and body.beta_names[13:15] == ('log_leg_length', 'log_leg_thickness')
    betas = torch.zeros(1, 20)
    pose = 0.3 * torch.randn(1, 35, 3)
    torch.testing.assert_close(body(pose, betas).vertices, free(pose).vertices)
    betas[0, 13] = 1.0
    rest, long = free.shaped(), body(torch.zeros(1, 35, 3), betas)
    factor = torch.tensor([1, 1, np.exp(0.5)], dtype=torch.float32)
    for upper, lower in (('LLeg1', 'LLeg2'), ('LLeg2', 'LLeg3'), ('RLegBack2', 'RLegBack3')):
        bone = rest.joints[0, joint(lower)] - rest.joints[0, joint(upper)]
        torch.testing.assert_close(long.joints[0, joint(lower)] - long.joints[0, joint(upper)], bone * factor)
    torch.testing.assert_close(long.joints[0, joint('Head')], rest.joints[0, joint('Head')])
    turned = torch.zeros(1, 35, 3)
    turned[0, joint('LLeg2'), 1] = np.pi / 2  # the forearm lies along -x, and is as long as it stood
    bone = body(turned, betas).joints
    length = (bone[0, joint('LLeg3')] - bone[0, joint('LLeg2')]).norm()
    straight = (long.joints[0, joint('LLeg3')] - long.joints[0, joint('LLeg2')]).norm()
    torch.testing.assert_close(length, straight)
    assert body.shaped(betas).vertices.equal(body.shaped().vertices)


def test_wrong_options_are_named(official):
    with pytest.raises(ValueError, match='log_scale_std=-1, expected a number >= 0'):
        SMALBodyModel(log_scale_std=-1)
    with pytest.raises(ValueError, match="not the variant 'cat'"):
        SMALBodyModel(official, variant='cat')


def test_texture_coordinates_lie_beside_official_files(official):
    bare = SMALBodyModel(official)
    assert bare.uv is None and bare.data_files == ()
    uv = official.with_name('my_smpl_00781_4_all_template_w_tex_uv_001.pkl')
    uv.write_bytes(pickle.dumps(dict(vt=np.linspace(0, 1, 12).reshape(6, 2), ft=bare.faces % 6), 2))
    try:
        found, named = SMALBodyModel(official), SMALBodyModel(official, uv=uv)
    finally:
        uv.unlink()
    for model in (found, named):
        np.testing.assert_array_equal(model.uv_faces, bare.faces % 6)
        assert model.data_files == (uv, )
