from types import SimpleNamespace

import numpy as np
import pytest

from mmxas.body_models import SMPLBodyModel
from mmxas.synthesis.appearance import DressedBody, UVTexture
from mmxas.synthesis.appearance.dressed_body import DressedSurface
from mmxas.synthesis.appearance.wardrobe import Garment

SKIN = dict(type='UVTexture', folder='free_human_wardrobe/skins')
# Two faces of a body, and a garment of one face that hangs 5 cm above the first and hides it.
CORNERS = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]])
FACES = np.array([[0, 1, 2], [1, 3, 2]])
PATCH = Garment('patch', 'suit', np.zeros(3, np.int64), np.eye(3, dtype=np.float32),
                np.tile(np.float32([0, 0, 0.05]), (3, 1)), np.array([[0, 1, 2]]), np.float32([[0, 0], [1, 0], [0, 1]]),
                np.array([[0, 1, 2]]), np.array([True, True, True, False]), np.zeros((2, 2, 3), np.uint8))
GREEN, BLUE = (np.full((2, 2, 3), color, np.uint8) for color in ([0, 255, 0], [0, 0, 255]))


class Red:
    def colors(self, corners, face, bary):
        assert set(face) <= {1}, 'the hidden face is never seen'
        return np.tile(np.float32([1, 0, 0]), (len(face), 1))


@pytest.fixture(scope='module')
def body():
    return SMPLBodyModel('free', gender='neutral')


@pytest.mark.parametrize('below, expected', [([False, True], [0, 1, 0]), ([True, False], [0, 0, 1])])
def test_the_mesh_that_is_worn_and_its_colours(below, expected):
    surface = DressedSurface(Red(), FACES, [(PATCH, (GREEN, BLUE))], np.array(below))
    vertices, faces, labels = surface.dress(CORNERS * 1000, np.array([3, 4, 5, 6]))
    np.testing.assert_allclose(vertices[4:], CORNERS[:3] * 1000 + [0, 0, 50])
    assert faces.tolist() == [[1, 3, 2], [4, 5, 6]] and labels.tolist() == [3, 4, 5, 6, 3, 4, 5]
    middle = np.full((2, 3), 1 / 3, np.float32)
    np.testing.assert_allclose(surface.colors(faces, np.arange(2), middle), [[1, 0, 0], expected])


def test_chances_are_kept(body):
    rng = np.random.default_rng(0)
    looks = DressedBody(dict(type='PartSegmentation'), chances=dict(suit=0.25, hair=1.0))
    worn = [[garment.kind for garment, _ in looks.sample(body, rng).worn] for _ in range(300)]
    assert all('hair' in kinds for kinds in worn)
    assert np.mean(['suit' in kinds for kinds in worn]) == pytest.approx(0.25, abs=0.08)


def test_hair_has_a_colour_of_hair_and_its_textures_shades(body):
    looks = DressedBody(dict(type='PartSegmentation'), chances=dict(hair=1.0))
    (garment, (texture, _)), = looks.sample(body, np.random.default_rng(1)).worn
    gray = garment.texture.astype(float).mean(2).ravel()
    assert np.corrcoef(gray, texture.astype(float).mean(2).ravel())[0, 1] > 0.9
    assert texture[..., 0].mean() >= texture[..., 2].mean() - 2, 'no blue hair'


def test_each_skin_is_darker_around_the_eyes_than_on_the_cheeks(body):
    rest, faces = np.asarray(body.v_template), np.asarray(body.faces)
    centres = rest[faces].mean(1)
    with np.load(body.model_path) as file:
        eye = rest[file['vertex_index'][file['vertex_names'].tolist().index('leye')]]
    near = [np.flatnonzero(np.linalg.norm(centres - place, axis=1) < 0.025) for place in (eye, eye + [0.01, -0.05, 0])]
    skins, seen = UVTexture(SKIN['folder']), set()
    assert len(skins.files) == 22
    for seed in range(40):
        skin = skins.sample(body, np.random.default_rng(seed))
        dark, light = (skin.colors(faces[i], i, np.full((len(i), 3), 1 / 3, np.float32)).mean() for i in near)
        assert dark < 0.96 * light
        seen.add(float(light))
    assert len(seen) > 15 and max(seen) > 2 * min(seen), 'skins of many tones'


def test_clear_errors(body):
    with pytest.raises(ValueError, match=r"has no \['cape'\]"):
        DressedBody(dict(type='PartSegmentation'), chances=dict(cape=1.0))
    other = SimpleNamespace(v_template=np.zeros((6890, 3)), faces=FACES)
    with pytest.raises(ValueError, match='5999 vertices, the body has 6890'):
        DressedBody(dict(type='PartSegmentation')).sample(other, np.random.default_rng(0))
