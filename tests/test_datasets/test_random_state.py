"""Seeded blocks."""
import random

import numpy as np
import torch

from mmxas.datasets.random_state import seeded


def _draw():
    return random.random(), np.random.rand(), torch.rand(1).item()


def test_block_is_a_function_of_its_key_and_leaves_the_states():
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    outside = _draw()
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    with seeded(1, 2):
        inside = _draw()
    assert _draw() == outside
    with seeded(1, 2):
        assert _draw() == inside
    with seeded(2, 1):
        assert _draw() != inside
