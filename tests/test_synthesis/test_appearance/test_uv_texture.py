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
    with pytest.raises(FileNotFoundError, match='no image in this folder'):
        UVTexture(str(tmp_path))
    (tmp_path / 'a.png').write_bytes(b'broken')
    with pytest.raises(ValueError, match='no texture coordinates'):
        UVTexture(str(tmp_path)).sample(SimpleNamespace(uv=None, uv_faces=None), np.random.default_rng(0))
    with pytest.raises(OSError, match='a.png'):
        UVTexture(str(tmp_path)).sample(SimpleNamespace(uv=UV, uv_faces=FACES), np.random.default_rng(0))


def colored_folder(folder):
    """Textures as SURREAL has them: by gender, with lists of paths that begin somewhere else."""
    for value, name in enumerate(('female/a.jpg', 'female/b.jpg', 'male/a.jpg', 'male/c.jpg')):
        (folder / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(folder / name), np.full((8, 8, 3), 60 * value, np.uint8))
    (folder / 'female_test.txt').write_text('textures/female/a.jpg\n')
    (folder / 'male_test.txt').write_text('textures/male/c.jpg\n\ntextures/male/unknown.jpg')
    return str(folder)


def seen_by(appearance, **body):
    body = SimpleNamespace(uv=UV, uv_faces=FACES, **body)
    return {int(appearance.sample(body, np.random.default_rng(s)).texture[0, 0, 0]) for s in range(24)}


def test_textures_by_gender_and_without_those_of_a_list(tmp_path):
    folder = colored_folder(tmp_path)
    lists = [f'{folder}/female_test.txt', f'{folder}/male_test.txt']
    assert seen_by(UVTexture(folder), gender='female') == {0, 60, 120, 180}
    split = UVTexture(folder, by_gender=True)
    assert seen_by(split, gender='female') == {0, 60} and seen_by(split, gender='male') == {120, 180}
    assert seen_by(split, gender='neutral') == seen_by(split) == {0, 60, 120, 180}
    left = UVTexture(folder, by_gender=True, exclude=lists)
    assert seen_by(left, gender='female') == {60} and seen_by(left, gender='male') == {120}
    assert [path.name for path in left.data_files] == ['b.jpg', 'a.jpg']
    assert seen_by(UVTexture(folder, exclude=lists[0]), gender='male') == {60, 120, 180}


def test_lists_and_genders_that_do_not_fit(tmp_path):
    folder = colored_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"the list '.*none.txt' does not exist"):
        UVTexture(folder, exclude=f'{folder}/none.txt')
    (tmp_path / 'other.txt').write_text('male/b.jpg')
    with pytest.raises(ValueError, match=r"other.txt' leaves out none of 4 textures"):
        UVTexture(folder, exclude=f'{folder}/other.txt')
    (tmp_path / 'all.txt').write_text('a.jpg\nb.jpg\nc.jpg')
    with pytest.raises(ValueError, match=r"all.txt' leaves out all of 4 textures"):
        UVTexture(folder, exclude=f'{folder}/all.txt')
    body = SimpleNamespace(uv=UV, uv_faces=FACES, gender='nobody')
    with pytest.raises(FileNotFoundError, match="no texture in '.*nobody', expected those of a body of this gender"):
        UVTexture(folder, by_gender=True).sample(body, np.random.default_rng(0))
