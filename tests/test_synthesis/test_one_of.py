import numpy as np
import pytest

from mmxas.registry import LIGHTS
from mmxas.synthesis.one_of import OneOf, OneOfBackgrounds, check_weights

COLORS = [dict(type='PlainBackground', color=(c, c, c)) for c in (10, 20, 30)]


def test_choices_follow_their_weights():
    background, rng = OneOfBackgrounds(COLORS, weights=[1, 0, 3]), np.random.default_rng(0)
    values = [int(background.sample(1, rng)[0, 0, 0]) for _ in range(2000)]
    assert 20 not in values
    np.testing.assert_allclose(np.mean(np.array(values) == 30), 0.75, atol=0.03)


@pytest.mark.parametrize('choices, weights', [([], None), (COLORS, [1, 2]), (COLORS, [1, -1, 1]), (COLORS, [0, 0, 0])])
def test_wrong_choices(choices, weights):
    with pytest.raises(ValueError, match='OneOf'):
        OneOfBackgrounds(choices, weights)


def test_lights_take_no_subject():
    lights = LIGHTS.build(dict(type='OneOf', choices=[dict(type='RandomLight', ambient=(a, a), tint=0.0)
                                                      for a in (0.1, 0.9)]))
    ambient = {round(float(lights.sample(np.random.default_rng(seed)).ambient[0]), 1) for seed in range(20)}
    assert ambient == {0.1, 0.9}


def test_choices_are_of_one_kind():
    with pytest.raises(KeyError, match='RandomLight is not in the mmpose::appearance registry'):
        OneOf([dict(type='PartSegmentation'), dict(type='RandomLight')])


def test_equal_chances_are_the_default():
    assert check_weights('A', None, 3) == [1.0, 1.0, 1.0] and check_weights('A', (0, 2), 2) == [0, 2]


@pytest.mark.parametrize('weights', [[1.0], [1.0, -1.0], [0, 0]])
def test_bad_weights(weights):
    with pytest.raises(ValueError, match=r'Owner: weights=.*, expected 2 numbers >= 0 with a positive sum'):
        check_weights('Owner', weights, 2)
