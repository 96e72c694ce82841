import cv2
import numpy as np
import pytest

from mmxas.masks.geodesic import geodesic_distance, inside_box, otsu_threshold


def test_pixels_whose_centre_is_inside():
    assert np.argwhere(inside_box(np.array([1, 0.6, 3, 2]), (3, 4))).tolist() == [[1, 1], [1, 2]]


def test_the_distance_is_the_step_into_the_body():
    image = np.full((20, 20, 3), 100, np.uint8)
    image[8:12, 8:12] = 180
    step = abs(float(cv2.cvtColor(image, cv2.COLOR_BGR2LAB)[9, 9, 0]) - float(
        cv2.cvtColor(image, cv2.COLOR_BGR2LAB)[0, 0, 0]))
    distance = geodesic_distance(image, np.array([4, 4, 16, 16]))
    assert distance[9, 9] == pytest.approx(step, abs=0.2) and distance[2, 2] == 0
    assert 0 < distance[6, 6] < 0.1, 'flat background costs its length only'


def test_a_stripe_that_leaves_the_box_is_background():
    """The stripe is as unlike its surroundings as the body, but outside the box it goes on."""
    image = np.full((40, 40, 3), 60, np.uint8)
    image[:, 10:14] = 200
    image[15:25, 20:26] = 200
    distance = geodesic_distance(image, np.array([5, 5, 35, 35]))
    assert distance[20, 12] < 1 < 50 < distance[20, 23]


def test_a_box_as_large_as_the_image_has_its_border_outside():
    image = np.full((10, 10, 3), 60, np.uint8)
    image[4:6, 4:6] = 220
    distance = geodesic_distance(image, np.array([0, 0, 10, 10]))
    assert distance[0].max() == 0 and distance[5, 5] > 50


def test_two_groups_are_split():
    values = np.concatenate([np.full(50, 2.0), np.full(50, 40.0)])
    assert 2 <= otsu_threshold(values) < 40
    assert otsu_threshold(np.zeros(9)) == 0
