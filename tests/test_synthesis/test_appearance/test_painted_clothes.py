import copy
import json

import numpy as np
import pytest

from mmxas.synthesis.appearance.painted_clothes import PaintedClothes, layer_fields, read_clothes_file

NAMES = ('hip', 'knee')
REST = np.array([[0, -0.1 * i, 0] for i in range(11)])
JOINTS = np.array([[0, 0, 0], [0, -1.0, 0]])
WEIGHTS = np.stack([np.linspace(1, 0.6, 11), np.linspace(0, 0.4, 11)], 1)


def spec(**changes):
    line = {'parts': ['hip'], 'from': 'hip', 'to': 'knee'}
    return dict(name='shorts', palette='cloth', parts=['hip'], cuts=[dict(range=[0.5, 0.5], lines=[line])]) | changes


def test_coordinate_runs_from_joint_to_joint():
    layer = layer_fields(spec(), REST, WEIGHTS, JOINTS, NAMES)
    np.testing.assert_allclose(layer[:, 1], np.linspace(0, 1, 11), atol=1e-6)
    np.testing.assert_allclose(layer[:, 0], WEIGHTS[:, 0], atol=1e-6)


def test_coordinate_along_a_direction_is_in_metres():
    cut = dict(range=[0, 0], lines=[{'parts': ['hip'], 'from': 'knee', 'direction': [0, 2.0, 0]}])
    layer = layer_fields(spec(cuts=[cut]), REST, WEIGHTS, JOINTS, NAMES)
    np.testing.assert_allclose(layer[:, 1], 2 * (REST[:, 1] + 1), atol=1e-6)


def test_unknown_joint_names_the_layer():
    with pytest.raises(ValueError, match="'shorts'.*'tail'"):
        layer_fields(spec(parts=['tail']), REST, WEIGHTS, JOINTS, NAMES)


def vertex_colors(body, surface):
    """Colour of each vertex, through the first face that has it."""
    faces = np.asarray(body.faces)
    _, first = np.unique(faces, return_index=True)
    face, corner = np.divmod(first, 3)
    return surface.colors(faces[face], face, np.eye(3, dtype=np.float32)[corner])


def test_regions_of_the_human(body):
    content = read_clothes_file('smpl_clothes')
    surface = PaintedClothes().sample(body, np.random.default_rng(5))
    colors = vertex_colors(body, surface)
    assert colors.shape == (len(body.v_template), 3) and colors.min() >= 0 and colors.max() <= 1
    label = np.array(body.joint_names)[body.part_labels]
    names = [worn.layer.spec['name'] for worn in surface.layers]
    assert set(names) <= {layer['name'] for layer in content['layers']}
    worn = dict(zip(names, surface.layers))
    bare = np.all(np.isclose(colors, surface.base), 1)
    assert bare[np.isin(label, ['left_hand', 'right_hand'])].all(), 'hands are bare'
    rest = np.asarray(body.v_template)
    chest = (label == 'spine2') & (np.abs(rest[:, 0]) < 0.05)
    shirt = worn['shirt'].colors
    assert (np.isclose(colors[chest][:, None], shirt).all(2).any(1)).mean() > 0.95
    nose = np.argmax(np.where(label == 'head', rest[:, 2], -9))
    assert bare[nose], 'hair leaves the face'


def test_both_sides_match(body):
    surface = PaintedClothes().sample(body, np.random.default_rng(2))
    surface.layers = [worn._replace(pattern='plain') for worn in surface.layers]
    colors, rest = vertex_colors(body, surface), np.asarray(body.v_template)
    left = np.flatnonzero(rest[:, 0] > 0.03)
    distance = np.linalg.norm(rest[left, None] * [-1, 1, 1] - rest[None, rest[:, 0] < -0.03], axis=2)
    mirror = np.flatnonzero(rest[:, 0] < -0.03)[distance.argmin(1)]
    assert np.isclose(colors[left], colors[mirror]).all(1).mean() > 0.98


def test_clothes_vary_and_are_reproducible(body):
    clothes = PaintedClothes()
    one, again, other = (vertex_colors(body, clothes.sample(body, np.random.default_rng(s))) for s in (0, 0, 1))
    assert (one == again).all() and not np.isclose(one, other).all(1).any()


@pytest.mark.parametrize('seed', range(3))
def test_patterns_use_two_colours(body, tmp_path, seed):
    content = copy.deepcopy(read_clothes_file('smpl_clothes'))
    content['layers'] = [layer | dict(patterned=1.0, chance=1.0) for layer in content['layers']
                         if layer['name'] == 'shirt']
    (tmp_path / 'c.json').write_text(json.dumps(content))
    surface = PaintedClothes(str(tmp_path / 'c.json')).sample(body, np.random.default_rng(seed))
    assert len(np.unique(vertex_colors(body, surface), axis=0)) == 3


def test_missing_file():
    with pytest.raises(FileNotFoundError, match='smpl_clothes'):
        read_clothes_file('nowhere')
