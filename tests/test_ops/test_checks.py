import numpy as np
import pytest
import torch

from mmxas.ops.checks import check_choice, check_positive, check_shape


def test_check_shape_returns_the_size_of_each_symbol() -> None:
    assert check_shape(torch.zeros(2, 17, 3), ('N', 'K', 3), 'keypoints') == {'N': 2, 'K': 17}
    assert check_shape(np.zeros((4, 5, 2, 17, 3)), ('...', 'K', 3), 'keypoints') == {'K': 17}
    assert check_shape(torch.zeros(3), ('...', 3), 'translation') == {}


@pytest.mark.parametrize(('shape', 'pattern'), [
    ((2, 17, 2), ('N', 'K', 3)), ((17, 3), ('N', 'K', 3)), ((3,), ('...', 'K', 3)), ((2, 3), ('N', 'N'))])
def test_check_shape_names_expected_and_actual(shape: tuple, pattern: tuple) -> None:
    with pytest.raises(ValueError, match='keypoints: shape .* expected, got') as error:
        check_shape(torch.zeros(shape), pattern, 'keypoints')
    assert str(shape) in str(error.value)
    assert ', '.join(map(str, pattern)) in str(error.value)


def test_check_shape_of_a_list() -> None:
    with pytest.raises(TypeError, match=r'points: an array of shape \(\*, 3\) expected, got list'):
        check_shape([[1, 2, 3]], (None, 3), 'points')


def test_check_choice_lists_the_choices() -> None:
    check_choice('a', ('a', 'b'), 'level')
    with pytest.raises(ValueError, match="level: one of 'a', 'b' expected, got 'c'"):
        check_choice('c', ('a', 'b'), 'level')


@pytest.mark.parametrize('value', [0, -1.0, float('nan')])
def test_check_positive(value: float) -> None:
    with pytest.raises(ValueError, match='width: a number above 0 expected'):
        check_positive(value, 'width')
