import pickle

import numpy as np
import pytest
from scipy import sparse
from test_io.pickle_writer import chumpy_array, old_array, old_sparse, write_pickle

from mmxas.body_models import read_body_model


@pytest.fixture
def save(tmp_path, make_arrays):
    def save(name='SMPL_NEUTRAL.npz', **changes):
        arrays = {key: value for key, value in {**make_arrays(), **changes}.items() if value is not None}
        path = tmp_path / name
        if path.suffix == '.npz':
            np.savez(path, **arrays)
        else:
            path.write_bytes(pickle.dumps(arrays, 2))
        return path
    return save


def test_npz_and_pickles_give_the_same_model(save, tmp_path, make_arrays):
    arrays = make_arrays()
    old = tmp_path / 'old.pkl'
    content = {key.encode(): old_array(value) for key, value in arrays.items()}
    content |= {b'shapedirs': chumpy_array(arrays['shapedirs']), b'bs_type': b'lrotmin',
                b'J_regressor': old_sparse(sparse.csc_matrix(arrays['J_regressor']))}
    old.write_bytes(write_pickle(content))
    today = save('today.pkl', J_regressor=sparse.csc_matrix(arrays['J_regressor']), J_regressor_prior=np.ones((24, 40)))
    for path in (save(), today, old):
        model = read_body_model(path, num_joints=24)
        np.testing.assert_array_equal(model.v_template, arrays['v_template'])
        np.testing.assert_array_equal(model.shapedirs, arrays['shapedirs'])
        np.testing.assert_array_equal(model.posedirs, arrays['posedirs'])
        np.testing.assert_allclose(model.joint_regressor, arrays['J_regressor'], rtol=0, atol=0)
        assert model.parents[0] == -1 and model.parents[-1] == 21 and model.num_joints == 24
        assert model.faces.dtype == np.int64 and not model.keypoint_regressors


def test_zero_pose_blend_shapes_are_dropped(save):
    assert read_body_model(save(posedirs=np.zeros((40, 3, 207)))).posedirs is None
    assert read_body_model(save(posedirs=None)).posedirs is None


def test_named_extras(save):
    rows = np.random.default_rng(0).dirichlet(np.ones(40), 2)
    model = read_body_model(save(
        J_regressor_pair=rows, J_regressor_pair_names=np.array(['left', 'right']), vertex_names=np.array(['nose']),
        vertex_index=np.array([7]), part_labels=np.arange(40), vt=np.zeros((9, 2)), ft=np.zeros((40, 3), int)))
    np.testing.assert_array_equal(model.keypoint_regressors['pair'].weights, rows)
    assert model.keypoint_regressors['pair'].names == ('left', 'right')
    assert model.vertex_ids == {'nose': 7} and model.part_labels[5] == 5 and model.uv.shape == (9, 2)


@pytest.mark.parametrize(('joints', 'kind'), [(35, 'SMAL'), (52, 'SMPL-H'), (20, 'different')])
def test_wrong_joint_count_names_the_likely_format(save, make_arrays, joints, kind):
    path = save('SMPL_NEUTRAL.pkl', **make_arrays(parents=(-1, *range(joints - 1))))
    message = rf'SMPL_NEUTRAL\.pkl: 24 joints expected, {joints} found — is this a {kind} file\?'
    with pytest.raises(ValueError, match=message):
        read_body_model(path, num_joints=24)
    assert read_body_model(path).num_joints == joints


@pytest.mark.parametrize(('key', 'shape', 'message'), [
    ('v_template', (39, 3), r'f indexes|shapedirs of shape \(39, 3, 10\) expected, \(40, 3, 10\) found'),
    ('shapedirs', (40, 2, 10), r'shapedirs of shape \(40, 3, 10\) expected, \(40, 2, 10\) found'),
    ('posedirs', (40, 3, 200), r'posedirs of shape \(40, 3, 207\) expected, \(40, 3, 200\) found'),
    ('J_regressor', (23, 40), r'J_regressor of shape \(24, 40\) expected, \(23, 40\) found'),
    ('weights', (40, 23), r'weights of shape \(40, 24\) expected, \(40, 23\) found'),
    ('f', (40, 4), r'f of shape \(40, 3\) expected, \(40, 4\) found'),
    ('J_regressor_h36m', (17, 41), r'J_regressor_h36m of shape \(17, 40\) expected, \(17, 41\) found'),
    ('ft', (3, 3), r'ft of shape \(40, 3\) expected, \(3, 3\) found'),
])
def test_wrong_shapes_are_named(save, key, shape, message):
    with pytest.raises(ValueError, match=message):
        read_body_model(save(**{key: np.ones(shape, int if key in ('f', 'ft') else float)}))


def test_wrong_values_are_named(save, make_arrays):
    template = make_arrays()['v_template'].copy()
    template[3, 1] = np.nan
    with pytest.raises(ValueError, match='v_template holds values that are not finite'):
        read_body_model(save(v_template=template))
    with pytest.raises(ValueError, match='f indexes vertex 40, of 40 vertices'):
        read_body_model(save(f=np.full((40, 3), 40)))
    table = make_arrays()['kintree_table'].copy()
    table[0, 4] = 9
    with pytest.raises(ValueError, match='the parent of joint 4 is 9; expected a joint before it'):
        read_body_model(save(kintree_table=table))


def nan_at_the_start(array):
    array = np.array(array, float)
    array.flat[0] = np.nan
    return array


ROWS = np.full((40, 24), 1 / 24)


@pytest.mark.parametrize(('changes', 'message'), [
    (dict(vertex_names=np.array(['tip']), vertex_index=np.array([99999])), 'vertex_index indexes vertex 99999, of 40'),
    (dict(vertex_names=np.array(['tip']), vertex_index=np.array([-1])), 'vertex_index indexes vertex -1, of 40 v'),
    (dict(vertex_names=np.array(['tip', 'toe']), vertex_index=np.array([1])), '2 vertex_names, but 1 values of'),
    (dict(vertex_names=np.array(['tip'])), '1 vertex_names, but 0 values of vertex_index'),
    (dict(vertex_names=np.array(['tip', 'tip']), vertex_index=np.array([1, 2])), "vertex_names holds 'tip' twice"),
    (dict(vertex_names=np.array(['tip']), vertex_index=np.array(['seven'])), 'vertex_index of whole numbers expected'),
    (dict(joint_names=np.array(['a'] * 24)), "joint_names holds 'a' twice"),
    (dict(joint_names=np.array('a')), "joint_names as a list of names expected, 'a' found"),
    (dict(weights=ROWS * 0), 'weights of vertex 0 sum to 0, 1 expected; divide each row by its sum'),
    (dict(weights=ROWS + np.eye(40, 24) - np.eye(40, 24, 1)), 'weights of vertex 0 are -0.95.* for joint 1; they'),
    (dict(J_regressor=np.ones((24, 40))), 'J_regressor of joint 0 sum to 40, 1 expected'),
    (dict(vt=np.zeros((9, 2)), ft=np.full((40, 3), 9)), 'ft indexes point 9, of 9 points of vt'),
    (dict(vt=nan_at_the_start(np.zeros((9, 2)))), 'vt holds values that are not finite'),
    (dict(part_labels=nan_at_the_start(np.zeros(40))), 'part_labels of whole numbers expected, .* nan found'),
    (dict(v_template=np.ones((40, 3), complex)), 'v_template of real numbers expected, complex128 found'),
    (dict(v_template=np.ones((40, 3), 'datetime64[s]')), r'v_template of real numbers expected, datetime64\[s\] found'),
    (dict(v_template=np.full((40, 3), 'x')), 'v_template of real numbers expected, <U1 found'),
    (dict(v_template=np.float64(1)), r'v_template with 2 dimensions expected, one of shape \(\) found'),
    (dict(shapedirs=np.float64(1)), r'shapedirs with 3 dimensions expected, one of shape \(\) found'),
    (dict(kintree_table=np.arange(24)), r'kintree_table with 2 dimensions expected, one of shape \(24,\) found'),
    (dict(kintree_table=np.zeros((2, 0), int)), r'kintree_table of shape \(2, joints\) expected, \(2, 0\) found: no'),
    (dict(f=np.zeros((0, 3), int)), 'f has no faces; a mesh of triangles expected')])
def test_what_an_array_cannot_mean_is_named(save, changes, message):
    with pytest.raises(ValueError, match=rf'SMPL_NEUTRAL.npz: {message}'):
        read_body_model(save(**changes))


def test_rows_need_to_sum_to_one_only_nearly(save, make_arrays):
    weights = make_arrays()['weights'] * 1.005
    np.testing.assert_array_equal(read_body_model(save(weights=weights)).skinning_weights, weights)


def test_whole_numbers_may_be_stored_as_floats(save, make_arrays):
    faces = make_arrays()['f']
    np.testing.assert_array_equal(read_body_model(save(f=faces.astype(float))).faces, faces)


def test_missing_keys_and_files_are_named(save, tmp_path):
    with pytest.raises(ValueError, match='shapedirs, weights missing, found'):
        read_body_model(save(shapedirs=None, weights=None))
    with pytest.raises(FileNotFoundError, match='nothing.npz: no such body model file'):
        read_body_model(tmp_path / 'nothing.npz')


@pytest.mark.parametrize('keep', [0, 10, 3000])
def test_truncated_npz_is_named(save, keep):
    path = save()
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r'SMPL_NEUTRAL\.npz: cannot be read as \.npz .*download it again'):
        read_body_model(path)


def test_objects_in_an_npz_are_never_unpickled(save):
    extra = np.array([{'a': 1}], dtype=object)
    assert read_body_model(save(part2num=extra)).num_joints == 24
    with pytest.raises(ValueError, match=r'cannot be read as \.npz .*allow_pickle.*use the \.pkl'):
        read_body_model(save(weights=extra))
