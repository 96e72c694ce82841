import numpy as np
import pytest
from scipy.stats import multivariate_normal

from mmxas.masks.colour_models import (
    ColourModel,
    agree_with_neighbours,
    fit_colours,
    neighbour_weights,
    refine_by_colours,
)


def test_the_density_is_that_of_the_mixture():
    rng = np.random.default_rng(0)
    roots = rng.normal(size=(2, 3, 3))
    model = ColourModel(np.array([0.3, 0.7]), rng.normal(size=(2, 3)), roots @ roots.transpose(0, 2, 1) + np.eye(3))
    samples = rng.normal(size=(5, 3))
    expected = sum(w * multivariate_normal(m, c).pdf(samples)
                   for w, m, c in zip(model.weights, model.means, model.covariances, strict=True))
    np.testing.assert_allclose(np.exp(model.log_density(samples)), expected, rtol=1e-6)


def test_two_colours_are_found():
    rng = np.random.default_rng(1)
    samples = np.concatenate([rng.normal(50, 4, (300, 3)), rng.normal(150, 4, (100, 3))])
    model = fit_colours(samples, 2)
    order = model.means[:, 0].argsort()
    np.testing.assert_allclose(model.means[order].mean(1), [50, 150], atol=1)
    np.testing.assert_allclose(model.weights[order], [0.75, 0.25], atol=0.01)
    assert model.covariances[:, 0, 0].mean() == pytest.approx(16 + 9, abs=4)
    assert len(fit_colours(samples[:25], 8).weights) == 1
    with pytest.raises(ValueError, match='at least one'):
        fit_colours(samples[:0], 2)


def test_neighbours_of_one_colour_are_tied_and_the_border_to_nothing():
    image = np.zeros((4, 6, 3), np.uint8)
    image[:, 3:] = 200
    right, down, down_right, down_left = neighbour_weights(image)
    assert right[0, 1] == pytest.approx(1) and right[0, 2] < 0.2 and (right[:, -1] == 0).all()
    assert (down[-1] == 0).all() and down_right[0, 0] == pytest.approx(2**-0.5)
    assert (down_right[:, -1] == 0).all() and (down_left[:, 0] == 0).all() and (down_left[-1] == 0).all()


def test_a_lonely_pixel_gives_in_and_a_block_stays():
    logits = np.full((9, 9), -2.0)
    logits[4, 4] = 1.0
    logits[0:3, 0:3] = 2.0
    weights = neighbour_weights(np.zeros((9, 9, 3)))
    chance = agree_with_neighbours(logits, weights)
    assert chance[4, 4] < 0.1 and chance[0, 0] > 0.9
    np.testing.assert_allclose(agree_with_neighbours(logits, weights, strength=0), 1 / (1 + np.exp(-logits)))


def test_a_limb_that_was_cut_off_comes_back(scene):
    image, mask, _ = scene.make()
    first = mask.copy()
    first[62:] = False
    refined = refine_by_colours(image, first, np.ones_like(mask), np.zeros(mask.shape))
    assert (refined & mask).sum() / (refined | mask).sum() > 0.95 > first.sum() / mask.sum()
    few = np.zeros_like(mask)
    few[0, :5] = True
    assert (refine_by_colours(image, few, np.ones_like(mask), np.zeros(mask.shape)) == few).all()
