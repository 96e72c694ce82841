import numpy as np
import pytest

from mmxas.ops.key_frames import interpolate_boxes, key_frames, move_mask


def test_key_frames_begin_and_end_the_clip():
    assert key_frames(31).tolist() == [0, 15, 30]
    assert key_frames(32).tolist() == [0, 15, 30, 31]
    assert key_frames(5, every=2).tolist() == [0, 2, 4] and key_frames(1).tolist() == [0] and key_frames(0).size == 0
    with pytest.raises(ValueError, match='every: a number above 0 expected, got 0'):
        key_frames(5, 0)


def test_each_side_moves_evenly():
    frames, boxes = np.array([15, 30, 45]), np.array([[0, 0, 10, 20], [30, 0, 40, 50], [30, 0, 40, 20]])
    found = interpolate_boxes(frames, boxes, np.array([15, 20, 30, 42]))
    np.testing.assert_allclose(found, [[0, 0, 10, 20], [10, 0, 20, 30], [30, 0, 40, 50], [30, 0, 40, 26]])


def test_there_is_no_box_outside_the_frames_and_in_long_gaps():
    frames, boxes = np.array([15, 30, 90]), np.array([[0, 0, 1, 1], [1, 0, 2, 1], [5, 0, 6, 1.0]])
    wanted = np.array([14, 15, 20, 30, 31, 89, 90, 91])
    there = np.isfinite(interpolate_boxes(frames, boxes, wanted)).all(axis=1)
    assert there.tolist() == [False, True, True, True, True, True, True, False]
    there = np.isfinite(interpolate_boxes(frames, boxes, wanted, max_gap=15)).all(axis=1)
    assert there.tolist() == [False, True, True, True, False, False, True, False]


def test_few_boxes():
    one = interpolate_boxes(np.array([3]), np.array([[0, 0, 1, 1]]), np.array([2, 3, 4]), max_gap=15)
    assert np.isfinite(one[:, 0]).tolist() == [False, True, False]
    assert np.isnan(interpolate_boxes(np.zeros(0), np.zeros((0, 4)), np.array([2, 3]))).all()


def test_interpolation_errors():
    with pytest.raises(ValueError, match=r'frames: shape \(2\) expected, got \(3,\)'):
        interpolate_boxes(np.arange(3), np.zeros((2, 4)), np.arange(3))
    with pytest.raises(ValueError, match=r'frames: expected strictly increasing numbers, got \[4, 4\]'):
        interpolate_boxes(np.array([4, 4]), np.zeros((2, 4)), np.arange(3))


def rectangle(x0, y0, x1, y1, shape=(60, 80)):
    mask = np.zeros(shape, dtype=bool)
    mask[y0:y1, x0:x1] = True
    return mask


def test_a_mask_moves_with_its_box():
    mask = rectangle(10, 20, 30, 50)
    assert (move_mask(mask, np.array([8, 16, 34, 54]), np.array([8, 16, 34, 54])) == mask).all()
    moved = move_mask(mask, np.array([8, 16, 34, 54]), np.array([19, 13, 45, 51]))
    assert (moved == rectangle(21, 17, 41, 47)).all() and moved.dtype == bool


@pytest.mark.parametrize('new, expected', [((5, 10, 25, 55), (5, 10, 25, 55)), ((20, 5, 60, 20), (20, 5, 60, 20)),
                                           ((4, 4, 14, 10), (4, 4, 14, 10))])
def test_a_mask_that_fills_its_box_fills_the_new_one(new, expected):
    mask = rectangle(10, 20, 30, 50)
    assert (move_mask(mask, np.array([10, 20, 30, 50]), np.array(new)) == rectangle(*expected)).all()


def test_what_leaves_the_image_is_cut_off():
    mask = rectangle(0, 20, 20, 50)
    moved = move_mask(mask, np.array([0, 20, 20, 50]), np.array([70, 20, 90, 50]))
    assert (moved == rectangle(70, 20, 80, 50)).all()
    back = move_mask(mask, np.array([0, 20, 20, 50]), np.array([5, 20, 25, 50]))
    assert (back == rectangle(5, 20, 25, 50)).all()  # nothing comes in at the edge


def test_mask_errors():
    with pytest.raises(ValueError, match=r'new_box: x0 < x1 and y0 < y1 expected, got \[5.0, 0.0, 5.0, 9.0\]'):
        move_mask(rectangle(0, 0, 5, 5), np.array([0, 0, 5, 5]), np.array([5, 0, 5, 9]))
    with pytest.raises(ValueError, match=r'box: shape \(4\) expected'):
        move_mask(rectangle(0, 0, 5, 5), np.array([0, 0, 5]), np.array([5, 0, 5, 9]))
    with pytest.raises(ValueError, match=r'mask: shape \(h, w\) expected'):
        move_mask(np.zeros((5, 5, 3), dtype=bool), np.array([0, 0, 5, 5]), np.array([0, 0, 5, 9]))
