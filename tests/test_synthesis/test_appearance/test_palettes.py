import numpy as np
import pytest

from mmxas.synthesis.appearance.palettes import draw_color


@pytest.mark.parametrize('palette', ['skin', 'hair', 'cloth', 'trousers', 'shoes'])
def test_colours_are_valid_and_varied(palette):
    rng = np.random.default_rng(0)
    colors = np.stack([draw_color(palette, rng) for _ in range(300)])
    assert colors.min() >= 0 and colors.max() <= 1 and colors.std(0).min() > 0.1


def test_skin_is_redder_than_blue():
    rng = np.random.default_rng(0)
    colors = np.stack([draw_color('skin', rng) for _ in range(300)])
    assert (colors[:, 0] > colors[:, 2]).all()


def test_unknown_palette_is_named():
    with pytest.raises(ValueError, match="'gold'.*skin"):
        draw_color('gold', np.random.default_rng(0))
