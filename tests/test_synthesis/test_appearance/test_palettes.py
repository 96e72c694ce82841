import numpy as np
import pytest

from mmxas.synthesis.appearance.palettes import draw_color


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
