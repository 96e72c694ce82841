import numpy as np
from body_model_building.shape_space import name_components, principal_shapes


def test_components_are_scaled_to_one_standard_deviation():
    rng = np.random.default_rng(0)
    tall, wide = np.zeros((5, 3)), np.zeros((5, 3))
    tall[:, 1], wide[:, 0] = np.arange(5), 1
    scores = rng.normal(size=(400, 2)) * [2.0, 0.5]
    shapes = 7 + scores[:, :1, None] * tall + scores[:, 1:, None] * wide
    space = principal_shapes(shapes, 2)
    np.testing.assert_allclose(space.mean, shapes.mean(0))
    first, second = space.components[..., 0], space.components[..., 1]
    np.testing.assert_allclose(first * np.sign(first[4, 1]), 2 * tall, rtol=0.1, atol=0.2)
    np.testing.assert_allclose(second * np.sign(second[0, 0]), 0.5 * wide, atol=0.06)
    assert 0.985 < space.explained[0] < space.explained[1] and space.explained[1] > 0.999999


def test_names_and_signs_follow_the_strongest_measure():
    measures = {'stature': np.array([1.5, 1.7, 1.9]), 'girth': np.array([0.10, 0.11, 0.12])}
    changes = {'stature': np.array([-0.16, 0.02, 0.0]), 'girth': np.array([0.001, 0.004, -0.001])}
    names, signs = name_components(measures, changes)
    assert names == ['stature', 'girth', 'girth'] and signs.tolist() == [-1, 1, -1]
