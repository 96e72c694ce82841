import os

import cv2
import numpy as np
import pytest
from matplotlib import _pylab_helpers

from mmxas.visualization.canvas import figure_to_rgb, new_figure, write_picture


def test_a_figure_becomes_pixels_of_its_size():
    figure = new_figure(2.0, 1.0, dpi=50)
    axes = figure.add_axes((0, 0, 0.5, 1))
    axes.set_axis_off()
    axes.imshow(np.array([[[255, 0, 0]]], dtype=np.uint8), aspect='auto')
    pixels = figure_to_rgb(figure)
    assert pixels.shape == (50, 100, 3) and pixels.dtype == np.uint8
    assert pixels[25, 25].tolist() == [255, 0, 0]
    assert pixels[25, 75].tolist() == [255, 255, 255]
    assert _pylab_helpers.Gcf.get_num_fig_managers() == 0


def test_a_picture_keeps_its_colours_and_leaves_no_other_file(tmp_path):
    picture = np.zeros((4, 6, 3), dtype=np.uint8)
    picture[..., 0] = 200
    path = write_picture(tmp_path / 'new' / 'red.png', picture)
    assert cv2.imread(str(path))[0, 0].tolist() == [0, 0, 200]
    assert os.listdir(path.parent) == ['red.png']


def test_a_name_without_an_image_suffix_is_refused(tmp_path):
    with pytest.raises(ValueError, match='picture.txt: a name that ends in .png or .jpg expected'):
        write_picture(tmp_path / 'picture.txt', np.zeros((2, 2, 3), dtype=np.uint8))
