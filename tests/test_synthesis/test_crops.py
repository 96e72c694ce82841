import numpy as np
import pytest

from mmxas.ops.geometry import camera_to_image
from mmxas.synthesis.crops import crop_intrinsics, crop_window

K = np.array([[1000.0, 0, 499.5], [0, 1000, 499.5], [0, 0, 1]])
POINTS = np.array([[-300.0, -800, 4000], [300, 900, 4000], [0, 0, 3900]])
ROOT = np.array([50.0, 20, 4000])


def test_mask_window_is_the_box_times_the_margin():
    centre, side = crop_window(POINTS, ROOT, K, 'mask', 1.5, 2000)
    np.testing.assert_allclose(centre, [499.5, 499.5 + 12.5])
    np.testing.assert_allclose(side, 1700 / 4 * 1.5)


def test_root_window_spans_its_width_at_the_root_depth():
    centre, side = crop_window(POINTS, ROOT, K, 'root_box', 1.5, 2000)
    np.testing.assert_allclose(centre, [499.5 + 12.5, 499.5 + 5])
    assert side == pytest.approx(500)


def test_intrinsics_of_the_window_put_its_corners_on_the_image_edges():
    centre, side = crop_window(POINTS, ROOT, K, 'root_box', 1.5, 2000)
    inner = crop_intrinsics(K, centre, side, 128)
    corners = np.array([ROOT + [-1000, -1000, 0], ROOT + [1000, 1000, 0], ROOT])
    uv = camera_to_image(corners, inner)[:, :2]
    np.testing.assert_allclose(uv, [[-0.5, -0.5], [127.5, 127.5], [63.5, 63.5]])


def test_unknown_crop():
    with pytest.raises(ValueError, match="crop='box'"):
        crop_window(POINTS, ROOT, K, 'box', 1, 1)
