import copy
import json

import numpy as np
import pytest

from mmxas.synthesis.appearance.painted_clothes import (
    PaintedClothes,
    Worn,
    draw_color,
    layer_fields,
    pattern_colors,
    read_clothes_file,
)
from mmxas.synthesis.pictures import find_pictures

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


def worn(pattern, picture=None):
    colors = np.array([[0, 0, 0], [1, 0.5, 0]], np.float32)
    return Worn(None, None, colors, pattern, np.array([0, 2 * np.pi / 0.1, 0], np.float32), picture)


def test_noise_runs_smoothly_from_one_colour_to_the_other():
    place = np.random.default_rng(0).uniform(-1, 1, (4000, 3)).astype(np.float32)
    colors = pattern_colors(place, worn('noise'))
    assert np.allclose(colors[:, 1], colors[:, 0] / 2) and (colors[:, 2] == 0).all()
    assert np.histogram(colors[:, 0], 4, (0, 1))[0].min() > 400
    near = pattern_colors(place + np.float32(1e-4), worn('noise'))
    assert np.abs(near - colors).max() < 0.02


def test_a_picture_is_projected_from_the_front_and_repeats_mirrored():
    """Five wavelengths of 0.1 m are its side."""
    picture = np.random.default_rng(0).random((4, 4, 3)).astype(np.float32)
    place = np.array([[0.06 + 0.125 * column, -0.06 - 0.125 * row, 0] for row in range(4) for column in range(4)])
    shown = pattern_colors(place, worn('picture', picture))
    np.testing.assert_array_equal(shown.reshape(4, 4, 3), picture[::-1, ::-1])
    for mirrored in (place * [-1, 1, 1], place * [1, -1, 1], place + [1.0, 0, 0]):
        np.testing.assert_array_equal(pattern_colors(mirrored, worn('picture', picture)), shown)


@pytest.mark.parametrize('file', ['smpl_photo_clothes', 'smpl_patchwork_clothes'])
def test_wardrobes_for_photos(body, file):
    """Patterns of every kind, bare limbs and covered ones."""
    clothes, patterns, elbows, knees = PaintedClothes(file), set(), [], []
    assert set(clothes.data_files[1:]) == {*find_pictures('backgrounds'), *find_pictures('environments')}
    label = np.array(body.joint_names)[body.part_labels]
    for seed in range(60):
        surface = clothes.sample(body, np.random.default_rng(seed))
        patterns |= {outfit.pattern for outfit in surface.layers}
        colors = vertex_colors(body, surface)
        assert colors.shape == (len(label), 3) and colors.min() >= 0 and colors.max() <= 1
        bare = np.isclose(colors, surface.base, atol=1e-6).all(1)
        elbows.append(bare[label == 'left_elbow'].mean() > 0.5)
        knees.append(bare[label == 'left_knee'].mean() > 0.5)
    assert patterns == {'plain', 'stripes', 'checks', 'noise', 'picture'}
    assert 0.03 < np.mean(elbows) < 0.95 and 0.03 < np.mean(knees) < 0.95


def test_the_default_wardrobe_draws_what_it_drew(body):
    """Rendered sets of the published recipes depend on each deviate and its order."""
    rng = np.random.default_rng(5)
    PaintedClothes().sample(body, rng)
    assert rng.random() == pytest.approx(0.640940141481311, abs=1e-12)


@pytest.mark.parametrize(('layer', 'message'), [
    (dict(patterns={'dots': 1}), r"layer 'shirt' has the patterns \['dots'\], expected some of"),
    (dict(patterns={'picture': 1}), "layer 'shirt' shows pictures, but the file has no \"pictures\"")])
def test_wrong_patterns_are_named(tmp_path, layer, message):
    content = dict(base='skin', layers=[spec(name='shirt', **layer)])
    (tmp_path / 'c.json').write_text(json.dumps(content))
    with pytest.raises(ValueError, match=message):
        PaintedClothes(str(tmp_path / 'c.json'))


def test_missing_file():
    with pytest.raises(FileNotFoundError, match='smpl_clothes'):
        read_clothes_file('nowhere')


@pytest.mark.parametrize('palette', ['skin', 'hair', 'cloth', 'trousers', 'shoes', 'vivid'])
def test_colours_are_valid_and_varied(palette):
    rng = np.random.default_rng(0)
    colors = np.stack([draw_color(palette, rng) for _ in range(300)])
    assert colors.min() >= 0 and colors.max() <= 1 and colors.std(0).min() > 0.1


def test_skin_is_redder_than_blue():
    rng = np.random.default_rng(0)
    colors = np.stack([draw_color('skin', rng) for _ in range(300)])
    assert (colors[:, 0] > colors[:, 2]).all()


def test_vivid_colours_are_far_from_grey():
    rng = np.random.default_rng(0)
    colors = np.stack([draw_color('vivid', rng) for _ in range(300)])
    assert (np.ptp(colors, axis=1) / colors.max(1)).min() > 0.59


def test_a_list_of_palettes_mixes_them():
    mixed = np.stack([draw_color(['skin', 'vivid'], np.random.default_rng(seed)) for seed in range(200)])
    share = (np.ptp(mixed, axis=1) / mixed.max(1) > 0.59).mean()
    assert 0.4 < share < 0.7


def test_unknown_palette_is_named():
    with pytest.raises(ValueError, match="'gold'.*skin"):
        draw_color('gold', np.random.default_rng(0))
