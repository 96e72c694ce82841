from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from mmxas.synthesis.appearance.uv_texture import TexturedSurface, UVTexture

UV = np.array([[0.0, 0], [1, 0], [0, 1]])
FACES = np.array([[0, 1, 2]])


def test_texture_lookup_has_v_upwards():
    texture = np.zeros((10, 10, 3), np.uint8)
    texture[0, 0] = 255          # top left: u = 0, v = 1
    texture[9, 9] = [255, 0, 0]  # bottom right: u = 1, v = 0
    bary = np.array([[0, 0, 1.0], [0, 1, 0], [1, 0, 0]], np.float32)
    colors = TexturedSurface(UV, FACES, texture).colors(FACES.repeat(3, 0), np.zeros(3, int), bary)
    np.testing.assert_allclose(colors, [[1, 1, 1], [1, 0, 0], [0, 0, 0]])


def test_random_texture_of_a_folder(tmp_path):
    body = SimpleNamespace(uv=UV, uv_faces=FACES)
    for name, value in (('a.png', (0, 0, 255)), ('b.png', (255, 0, 0))):
        cv2.imwrite(str(tmp_path / name), np.full((700, 20, 3), value, np.uint8))
    appearance = UVTexture(str(tmp_path), max_size=64)
    seen = {tuple(appearance.sample(body, np.random.default_rng(s)).texture[0, 0]) for s in range(12)}
    assert seen == {(255, 0, 0), (0, 0, 255)}, 'textures are RGB'
    assert max(appearance.sample(body, np.random.default_rng(0)).texture.shape) == 64


def test_clear_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match='does not exist'):
        UVTexture(str(tmp_path / 'none'))
    with pytest.raises(FileNotFoundError, match='holds no'):
        UVTexture(str(tmp_path))
    (tmp_path / 'a.png').write_bytes(b'broken')
    with pytest.raises(ValueError, match='no texture coordinates'):
        UVTexture(str(tmp_path)).sample(SimpleNamespace(uv=None, uv_faces=None), np.random.default_rng(0))
    with pytest.raises(OSError, match='a.png'):
        UVTexture(str(tmp_path)).sample(SimpleNamespace(uv=UV, uv_faces=FACES), np.random.default_rng(0))
