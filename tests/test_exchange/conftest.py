"""Tables of random poses with names that need quoting, and coordinates that only an exact copy keeps."""
from collections.abc import Callable

import numpy as np
import pytest

from mmxas.exchange import KeypointTable


@pytest.fixture(scope='session')
def make_table() -> Callable[..., KeypointTable]:
    """A table of two images; the second pose lacks a keypoint."""

    def make(dims: int = 3, hypotheses: int = 2, scores: bool = True, individuals: tuple[str, ...] = (),
             images: tuple[str, ...] = ('video a/img 1.png', 'b.png'), **changes) -> KeypointTable:
        rng = np.random.default_rng(0)
        count, names = len(images), ('nose', 'left, "ear"', 'tail')
        keypoints = 1000 * rng.random((count, hypotheses, 3, dims)) / 3
        keypoints[1, :, 2] = np.nan
        confidences = rng.random(keypoints.shape[:-1])
        confidences[1, :, 2] = np.nan
        return KeypointTable(names, images, keypoints, confidences if scores else None, individuals, **changes)

    return make


@pytest.fixture(scope='session')
def assert_equal() -> Callable[..., None]:
    """Compares tables to the last bit of every coordinate."""

    def compare(found: KeypointTable, expected: KeypointTable, *but: str) -> None:
        for name in {'names', 'images', 'individuals', 'scorers', 'links', 'units'} - set(but):
            assert getattr(found, name) == getattr(expected, name), name
        for name in {'keypoints', 'scores', 'boxes'} - set(but):
            one, other = getattr(found, name), getattr(expected, name)
            assert (one is None) == (other is None), name
            if one is not None:
                np.testing.assert_array_equal(one, other, err_msg=name)

    return compare
