import numpy as np
import pytest
from matplotlib import colormaps

from mmxas.synthesis.appearance.part_segmentation import PartColors, PartSegmentation, colormap_names, part_colors


def test_labels_are_normalised_over_the_colormap():
    values = part_colors('viridis', 24)
    np.testing.assert_allclose(values[[0, 23]], np.array([colormaps['viridis'](0.0), colormaps['viridis'](1.0)])[:, :3],
                               atol=1e-6)
    np.testing.assert_allclose(values[12], colormaps['viridis'](12 / 23)[:3], atol=1e-6)


def test_a_point_has_the_colour_of_its_nearest_corner():
    surface = PartColors(np.array([0, 1, 1]), np.eye(3, dtype=np.float32))
    colors = surface.colors(np.array([[0, 1, 2], [0, 1, 2]]), np.zeros(2, int), np.array([[.5, .3, .2], [.2, .5, .3]]))
    np.testing.assert_array_equal(colors, [[1, 0, 0], [0, 1, 0]])


def test_random_colormaps(body):
    drawn = [PartSegmentation().sample(body, np.random.default_rng(s)) for s in range(40)]
    assert len({d.values.tobytes() for d in drawn}) > 30
    again = PartSegmentation().sample(body, np.random.default_rng(0))
    np.testing.assert_array_equal(again.values, drawn[0].values)
    assert len(colormap_names()) > 70 and not any(name.endswith('_r') for name in colormap_names())


def test_chosen_colormaps_and_unknown_ones(body):
    gray = PartSegmentation(['gray']).sample(body, np.random.default_rng(1)).values
    assert (gray == gray[:, :1]).all()
    with pytest.raises(ValueError, match='nocolors'):
        PartSegmentation(['gray', 'nocolors'])
