import json

import cv2
import numpy as np
import pytest

from mmxas.registry import APPEARANCES
from mmxas.synthesis.appearance.varied_texture import VariedTexture, marking_field, read_varied_texture


class Square:
    """Two triangles; the left edge (x = 0) belongs to 'head', the right one to 'tail'."""

    v_template = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    skinning_weights = np.array([[1, 0], [0, 1], [0, 1], [1, 0]], np.float32)
    joint_template = np.array([[0, 0, 0], [1, 0, 0]], np.float32)
    joint_names = ('head', 'tail')
    uv = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    uv_faces = faces


@pytest.fixture
def write(tmp_path):
    grey = np.full((8, 8, 3), 128, np.uint8)
    grey[:, :4] = 64  # the left half is half as bright as the median... of the whole: 96
    cv2.imwrite(str(tmp_path / 'grey.png'), grey)

    def write_(**changes) -> str:
        content = dict(textures=['grey.png'], keep=0.0, tones=[[200, 100, 50]], contrast=[1, 1], markings=[])
        (tmp_path / 'coats.json').write_text(json.dumps({**content, **changes}))
        return str(tmp_path / 'coats.json')

    return write_


def colors(surface, places) -> np.ndarray:
    """Colours at (x, y) places of the first face's plane."""
    x, y = np.asarray(places, np.float32).T
    bary = np.stack([1 - x, x - y, y], axis=1)
    return surface.colors(np.repeat(Square.faces[:1], len(x), 0), np.zeros(len(x), int), bary)


def test_the_tone_keeps_the_pictures_detail(write):
    surface = APPEARANCES.build(dict(type='VariedTexture', file=write())).sample(Square(), np.random.default_rng(0))
    dark, bright = colors(surface, [[0.2, 0.1], [0.8, 0.1]])
    np.testing.assert_allclose(bright / dark, 2, rtol=0.02)
    np.testing.assert_allclose(bright / bright[0], [1, 0.5, 0.25], rtol=1e-4)
    assert surface.brightness == pytest.approx(96 / 255, abs=0.002)


def test_some_bodies_keep_the_pictures_own_colours(write):
    surface = VariedTexture(write(keep=1.0)).sample(Square(), np.random.default_rng(0))
    np.testing.assert_allclose(colors(surface, [[0.8, 0.1]]), 128 / 255, atol=1e-5)


def test_a_marking_covers_its_parts(write):
    marking = dict(name='tail', parts=['tail'], chance=1.0, edge=[0.5, 0.5], roughness=0.0, softness=0.01,
                   tones=[[0, 0, 250]])
    surface = VariedTexture(write(markings=[marking])).sample(Square(), np.random.default_rng(0))
    head, tail = colors(surface, [[0.4, 0.1], [0.6, 0.1]])
    assert head[0] > head[2] and tail[0] == 0 < tail[2]
    never = VariedTexture(write(markings=[{**marking, 'chance': 0}])).sample(Square(), np.random.default_rng(0))
    assert (colors(never, [[0.6, 0.1]])[0] > 0).all()


def test_a_marking_ends_along_a_direction():
    spec = {'name': 'back', 'parts': 'all', 'from': 'head', 'direction': [0, 1, 0], 'range': [0.0, 2.0]}
    field = marking_field(spec, Square.v_template, Square.skinning_weights, Square.joint_template, Square.joint_names)
    np.testing.assert_allclose(field, [0, 0, 0.5, 0.5])


def test_draws_depend_on_the_source_of_chance_alone(write):
    texture = VariedTexture(write(tones=[[10, 20, 30], [200, 150, 90]], keep=0.5, markings=[
        dict(name='spots', parts='all', chance=0.5, edge=[1, 1.5], roughness=0.8)]))
    places = [[0.3, 0.1], [0.7, 0.4], [0.9, 0.2]]
    drawn = [colors(texture.sample(Square(), np.random.default_rng(seed)), places) for seed in (1, 1, 2, 3, 4)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert len({d.tobytes() for d in drawn}) >= 4
    assert all((d >= 0).all() and (d <= 1).all() for d in drawn)


def test_bad_files_are_named(write, tmp_path):
    with pytest.raises(FileNotFoundError, match='no such file of tones'):
        read_varied_texture('none.json')
    with pytest.raises(ValueError, match='coats.json: tones missing'):
        read_varied_texture(write(tones=[]))
    with pytest.raises(FileNotFoundError, match='other.png does not exist'):
        read_varied_texture(write(textures=['other.png']))
    with pytest.raises(ValueError, match=r"marking 'a': unknown keys \['colour'\], missing keys \['edge'\]"):
        read_varied_texture(write(markings=[dict(name='a', parts='all', chance=1, colour=3)]))
    texture = VariedTexture(write(markings=[dict(name='a', parts=['wing'], chance=1, edge=[0, 1])]))
    with pytest.raises(ValueError, match="marking 'a': the body has no joint wing; it has"):
        texture.sample(Square(), np.random.default_rng(0))
    body = Square()
    body.uv = None
    with pytest.raises(ValueError, match='no texture coordinates'):
        texture.sample(body, np.random.default_rng(0))
    (tmp_path / 'bad.png').write_text('no picture')
    with pytest.raises(FileNotFoundError, match='bad.png is not a readable picture'):
        VariedTexture(write(textures=['bad.png']))
