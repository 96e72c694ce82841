"""Fix mmpose's OpenCV drawing on numpy >= 2.4, where ``int()`` of an array with one element is an error.

``PoseLocalVisualizer`` passes the radius of a keypoint as ``np.array([radius])``, and its OpenCV backend calls
``int()`` on it.
"""
import functools

import numpy as np


def support_array_radius() -> None:
    """Let ``OpencvBackendVisualizer.draw_circles`` accept an array of one element as radius; idempotent."""
    from mmpose.visualization.opencv_backend_visualizer import OpencvBackendVisualizer
    original = OpencvBackendVisualizer.draw_circles
    if getattr(original, '_takes_array_radius', False):
        return

    @functools.wraps(original)
    def draw_circles(self, center, radius, *args, **kwargs):
        if self.backend == 'opencv':
            radius = np.asarray(radius).reshape(-1)[0]
        return original(self, center, radius, *args, **kwargs)

    draw_circles._takes_array_radius = True
    OpencvBackendVisualizer.draw_circles = draw_circles
