import numpy as np
import pytest

from mmxas.ops.boxes import box_overlaps, is_whole_image, mask_box, root_box, square_crop_matrix
from mmxas.ops.geometry import apply_affine


def test_mask_box_has_pixel_edges():
    mask = np.zeros((6, 9), np.uint8)
    assert mask_box(mask) is None
    mask[2, 3] = 255
    assert mask_box(mask).tolist() == [3, 2, 4, 3]
    mask[4, 7] = 1
    assert mask_box(mask).tolist() == [3, 2, 8, 5]
    assert mask_box(mask > 0).tolist() == [3, 2, 8, 5]


def test_whole_image_is_copied():
    assert np.allclose(square_crop_matrix((32, 32), 64, 64), [[1, 0, 0], [0, 1, 0]])


@pytest.mark.parametrize(('box', 'whole'), [
    ([0, 0, 60, 40], True), ([1, 1, 59, 39], True), ([-5, 0, 70, 40], True), ([2, 0, 60, 40], False),
    ([0, 0, 58, 40], False), ([0, 0, 60, 38], False)])
def test_a_box_of_the_whole_image(box, whole):
    assert is_whole_image(np.array(box, dtype=np.float32), (40, 60, 3)) is whole


def test_halving_puts_pixel_centres_between():
    matrix = square_crop_matrix((32, 32), 64, 32)
    assert np.allclose(apply_affine(np.array([[0.5, 0.5], [62.5, 2.5]]), matrix), [[0, 0], [31, 1]])


def test_rotation_is_clockwise_about_the_centre():
    matrix = square_crop_matrix((10.5, 20.5), 8, 8, rotation=90)
    moved = apply_affine(np.array([[10.0, 20.0], [12.0, 20.0]]), matrix)
    assert np.allclose(moved, [[3.5, 3.5], [3.5, 5.5]])


def test_root_box_puts_the_root_in_the_middle_of_2000_mm():
    box = root_box(np.array([500.0, 300.0]), root_depth=5000.0, focal=1000.0, padding=1.25)
    side = 1.25 * (box[2] - box[0])
    assert side == pytest.approx(2000 * 1000 / 5000)
    matrix = square_crop_matrix(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), side, 256)
    crop = apply_affine(np.array([[500.0, 300.0]]), matrix)
    assert np.allclose((2 * crop + 1) / 256 - 1, 0, atol=1e-6)


def test_refusals():
    with pytest.raises(ValueError, match='depth -1.0 mm'):
        root_box(np.zeros(2), -1.0, 1000.0)
    with pytest.raises(ValueError, match='side 0 px'):
        square_crop_matrix((0, 0), 0, 8)


def test_overlaps_of_all_with_all():
    first, second = np.array([[0, 0, 4, 4], [10, 0, 12, 2]]), np.array([[2, 0, 6, 4], [0, 0, 4, 4], [4, 0, 8, 4.0]])
    assert np.allclose(box_overlaps(first, second), [[1 / 3, 1, 0], [0, 0, 0]])
    assert box_overlaps(first, np.zeros((0, 4))).shape == (2, 0)
