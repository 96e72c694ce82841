import pytest

from mmxas.synthesis.weights import check_weights


def test_equal_chances_are_the_default():
    assert check_weights('A', None, 3) == [1.0, 1.0, 1.0] and check_weights('A', (0, 2), 2) == [0, 2]


@pytest.mark.parametrize('weights', [[1.0], [1.0, -1.0], [0, 0]])
def test_bad_weights(weights):
    with pytest.raises(ValueError, match=r'Owner: weights=.*, expected 2 numbers >= 0 with a positive sum'):
        check_weights('Owner', weights, 2)
