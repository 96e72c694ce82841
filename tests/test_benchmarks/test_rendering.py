import cv2
import numpy as np

from benchmarks import rendering


def test_a_run_renders_the_next_pair():
    run = rendering.build('ours', 48)
    first, second = (cv2.imdecode(run()['image'], cv2.IMREAD_COLOR) for _ in range(2))
    assert first.shape == (48, 48, 3) and np.abs(first.astype(int) - second).max() > 50
