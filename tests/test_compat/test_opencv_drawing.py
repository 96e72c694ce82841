import numpy as np
from mmpose.visualization import PoseLocalVisualizer
from mmpose.visualization.opencv_backend_visualizer import OpencvBackendVisualizer

from mmxas.compat.opencv_drawing import support_array_radius


def test_circles_take_a_radius_of_one_element():
    visualizer = PoseLocalVisualizer(name='circles')
    visualizer.set_image(np.zeros((20, 20, 3), dtype=np.uint8))
    visualizer.draw_circles(np.array([10.0, 10.0, 300.0]), radius=np.array([4]), face_colors=(255, 0, 0))
    image = visualizer.get_image()
    assert image[10, 10].tolist() == [255, 0, 0]
    assert image[10, 15].tolist() == [0, 0, 0]


def test_a_second_call_changes_nothing():
    before = OpencvBackendVisualizer.draw_circles
    support_array_radius()
    assert OpencvBackendVisualizer.draw_circles is before
