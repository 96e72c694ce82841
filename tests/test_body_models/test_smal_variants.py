import pickle

import numpy as np
import pytest

from mmxas.body_models.body_model_file import read_body_model
from mmxas.body_models.smal_variants import facts, family_mean, identify, known_variants, landmarks, log_scale_axes

PARENTS = (-1, *range(34))


@pytest.fixture
def read(make_arrays, tmp_path):
    def read_(num_vertices, num_betas, **extra):
        arrays = make_arrays(num_vertices=num_vertices, parents=PARENTS, num_betas=num_betas, posedirs=False)
        np.savez(tmp_path / 'model.npz', **{**arrays, **extra})
        return read_body_model(tmp_path / 'model.npz')

    return read_


@pytest.mark.parametrize('num_betas, name, num_log_scales', [
    (41, 'SMAL (CVPR 2017)', 6), (54, 'SMBLD (BARC)', 7), (78, 'D-SMAL (BITE)', 7)])
def test_a_file_is_known_by_its_shapes(read, num_betas, name, num_log_scales):
    found = identify(read(3889, num_betas))
    assert found.name == name and len(found.log_scales) == num_log_scales
    assert found.describe() == f'{name}: 3889 vertices, 35 joints, {num_betas} betas, {num_log_scales} log-scales'


def test_a_variant_never_seen_is_refused_with_its_shapes(read):
    model = read(3889, 20)
    with pytest.raises(ValueError, match=r'unknown SMAL variant: 3889 vertices, 3889 faces, 35 joints, 20 betas\. Known'
                                         r': SMAL \(CVPR 2017\): 3889 vertices, 35 joints, 41 betas, 6 log-scales;'):
        identify(model)
    assert identify(model, 'D-SMAL (BITE)').name == 'D-SMAL (BITE)'
    with pytest.raises(ValueError, match="not the variant 'D-SMALL'"):
        identify(model, 'D-SMALL')
    with pytest.raises(ValueError, match='not the variant .*: 50 vertices'):
        identify(read(50, 78), 'D-SMAL (BITE)')


def test_a_file_that_names_itself_is_taken_at_its_word(read):
    found = identify(read(60, 5, variant=np.array('my own')))
    assert found.name == 'my own' and found.metres_per_unit == 1 and len(found.log_scales) == 7


def test_landmarks_belong_to_the_official_mesh():
    assert landmarks(3889)['nose'] == 1863 and landmarks(3889)['left_eye'] == 1097 and landmarks(4000) == {}
    landmarks(3889).clear()
    assert landmarks(3889)


def test_log_scales_act_where_wldo_has_them():
    axes = log_scale_axes(('leg_length', 'leg_thickness', 'tail_length'), 35)
    legs = [*range(7, 15), *range(17, 25)]
    assert axes.shape == (3, 35, 3) and axes[0].sum() == 16 and (axes[0, legs] == [0, 0, 1]).all()
    assert (axes[1, legs] == [1, 1, 0]).all() and axes[2].sum() == 7 and (axes[2, 25:32, 0] == 1).all()
    with pytest.raises(ValueError, match="log-scale 'wing' unknown, one of leg_length"):
        log_scale_axes(('wing',), 35)
    assert all(set(variant.log_scales) <= set(facts()['log_scales']) for variant in known_variants())


def test_a_family_has_a_mean_shape(tmp_path):
    file = tmp_path / 'my_smpl_data.pkl'
    file.write_bytes(pickle.dumps({'cluster_means': [np.full(3, i, float) for i in range(5)]}, 2))
    assert family_mean(file, 1, 4).tolist() == [1, 1, 1, 0]
    assert family_mean(file, 'horse', 3).tolist() == [2, 2, 2]
    for family in ('bird', 5, -1):
        with pytest.raises(ValueError, match=f'family {family!r} unknown; one of cat'):
            family_mean(file, family, 3)
    with pytest.raises(ValueError, match='3 coefficients per family, but the model has 2'):
        family_mean(file, 0, 2)
    file.write_bytes(pickle.dumps({'eigs': np.zeros(3)}, 2))
    with pytest.raises(ValueError, match='no cluster_means'):
        family_mean(file, 0, 3)
    with pytest.raises(FileNotFoundError, match='none.pkl: no such SMAL data file'):
        family_mean('none.pkl', 0, 3)
