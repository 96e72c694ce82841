import cv2
import numpy as np
import pytest

from mmxas.synthesis.scene import (
    NoiseBackground,
    PhotoBackground,
    PlainBackground,
    RandomLight,
    jitter_colors,
    paint_over,
    random_window,
)


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize('background', [PhotoBackground(), NoiseBackground(), PlainBackground(color=None)])
def test_any_size_reproducible_and_varied(background):
    one, again, other = (background.sample(40, rng(s)) for s in (0, 0, 1))
    assert one.shape == (40, 40, 3) and one.dtype == np.uint8
    assert (one == again).all() and (one != other).any()


def test_the_default_is_the_eight_photos_whatever_else_ships():
    """Another list of files would be another set of pairs for the recipes that name no folder."""
    names = [path.stem for path in PhotoBackground().data_files]
    assert names == ['brick', 'cat', 'coffee', 'flower', 'grass', 'gravel', 'pavilion', 'rocket']
    named = PhotoBackground(folder='backgrounds')
    assert (named.sample(16, rng(3)) == PhotoBackground().sample(16, rng(3))).all()


def test_several_folders_are_one_list():
    both = PhotoBackground(folder=['backgrounds', 'environments'])
    assert [path.parent.name for path in both.data_files] == ['backgrounds'] * 8 + ['environments'] * 18


def test_window_is_a_part_of_the_photo():
    y, x = np.mgrid[:60, :80]
    image = np.stack([x, y, x * 0], -1).astype(np.uint8)
    window = random_window(image, 30, (0.5, 0.5), rng(3))
    assert window.shape == (30, 30, 3)
    assert abs(int(window[0, 0, 0]) - int(window[0, -1, 0])) == 29 and window[-1, 0, 1] - window[0, 0, 1] == 29


def test_jitter_of_strength_zero_changes_nothing():
    image = rng().integers(0, 256, (8, 8, 3), dtype=np.uint8)
    np.testing.assert_array_equal(jitter_colors(image, 0.0, rng()), image)
    assert (jitter_colors(image, 0.5, rng()) != image).any()


def test_plain_background_is_black_by_default():
    assert not PlainBackground().sample(8, rng()).any()
    assert (PlainBackground(color=(1, 2, 3)).sample(4, rng()) == [1, 2, 3]).all()


def test_own_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match='does not exist'):
        PhotoBackground(folder=str(tmp_path / 'none'))
    (tmp_path / 'sub').mkdir()
    for name, value in (('a.png', 10), ('sub/b.JPG', 200)):
        cv2.imwrite(str(tmp_path / name), np.full((20, 30, 3), value, np.uint8))
    background = PhotoBackground(folder=str(tmp_path), jitter=0, blur=0, keep=1)
    seen = {int(background.sample(8, rng(s))[0, 0, 0]) for s in range(12)}
    assert seen == {10, 200}


@pytest.mark.parametrize(('side', 'shape'), [(320, (60, 80, 3)), (40, (30, 40, 3))])
def test_a_body_is_painted_over_with_what_surrounds_it(side, shape):
    image, mask = np.full((60, 80, 3), (40, 90, 140), np.uint8), np.zeros((60, 80), np.uint8)
    mask[15:40, 30:50] = 255
    image[13:42, 28:52] = 255  # a mask that is a little too narrow
    painted = paint_over(image, mask, side, margin=0.05)
    assert painted.shape == shape
    assert (abs(painted.astype(int) - (40, 90, 140)) <= 5).all()


def test_lights_stay_in_their_ranges():
    light = RandomLight(ambient=(0.4, 0.5), diffuse=(0.2, 0.3), azimuth=60, elevation=(0, 45), tint=0.0)
    drawn = [light.sample(np.random.default_rng(s)) for s in range(200)]
    directions = np.stack([d.direction for d in drawn])
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1, atol=1e-6)
    assert (directions[:, 2] < 0).all(), 'light comes from the side of the camera'
    assert (directions[:, 1] <= 1e-6).all() and directions[:, 1].min() >= -np.sin(np.pi / 4) - 1e-6
    ambient = np.stack([d.ambient for d in drawn])
    assert ambient.min() >= 0.4 - 1e-6 and ambient.max() <= 0.5 + 1e-6
    assert (ambient == ambient[:, :1]).all(), 'without tint the light is white'


def test_tint_colours_the_light():
    drawn = RandomLight(tint=0.1).sample(np.random.default_rng(0))
    assert len(set(drawn.diffuse.tolist())) == 3
