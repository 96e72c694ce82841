import numpy as np
import pytest

from mmxas.masks.segmenter import Segmenter, clip_box, inside_box, main_components


def test_a_box_is_cut_to_the_image():
    assert clip_box([-5, 2, 30, 12], (10, 20, 3)).tolist() == [0, 2, 20, 10]


@pytest.mark.parametrize('box', [[1, 2, 3], [0, 0, np.nan, 5], [5, 5, 5, 9], [30, 0, 40, 10], [4, 4, 2, 8]])
def test_no_box_is_refused_with_its_numbers(box):
    with pytest.raises(ValueError, match='box'):
        clip_box(box, (10, 20))


def test_pixels_whose_centre_is_inside():
    assert np.argwhere(inside_box(np.array([1, 0.6, 3, 2]), (3, 4))).tolist() == [[1, 1], [1, 2]]


def test_large_parts_are_kept():
    mask = np.zeros((10, 20), dtype=bool)
    mask[1:5, 1:5], mask[7:9, 7:9], mask[0, 19] = True, True, True
    assert [int(main_components(mask, share).sum()) for share in (1, 0.25, 0.05)] == [16, 20, 21]
    assert not main_components(np.zeros((4, 4), dtype=bool)).any()


def test_the_base_asks_for_segment():
    Segmenter().start_sequence([])
    with pytest.raises(NotImplementedError):
        Segmenter().segment(np.zeros((4, 4, 3), np.uint8))


def test_the_base_cannot_look_for_boxes():
    assert Segmenter().find_boxes(np.zeros((4, 4, 3), np.uint8)) is None
