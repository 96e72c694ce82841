"""Tables of random poses with names that need quoting, and coordinates that only an exact copy keeps."""
from collections.abc import Callable

import numpy as np
import pytest

from mmxas.interop import KeypointTable

FIELDS = {'names', 'images', 'individuals', 'scorers', 'links', 'units', 'sizes', 'bodies', 'extras', 'keypoints',
          'scores', 'boxes'}


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
def differences() -> Callable[[KeypointTable, KeypointTable], set[str]]:
    """Names of the fields in which two tables differ, to the last bit of every coordinate."""

    def compare(found: KeypointTable, expected: KeypointTable) -> set[str]:
        different = set()
        for name in FIELDS:
            one, other = getattr(found, name), getattr(expected, name)
            same = np.array_equal(one, other, equal_nan=True) if isinstance(one, np.ndarray) and \
                isinstance(other, np.ndarray) else one is other or (type(one) is type(other) and one == other)
            if not same:
                different.add(name)
        return different

    return compare
