"""COCO's compressed run lengths: equal to pycocotools, and masks of another image refused."""
import numpy as np
import pytest
from pycocotools import mask as coco

from mmxas.io.run_lengths import run_length_mask, run_lengths


def encoded(mask):
    return coco.encode(np.asfortranarray(mask))['counts']


@pytest.mark.parametrize('share', [0.0, 0.02, 0.5, 1.0])
def test_pycocotools_has_the_same_masks(share):
    rng = np.random.default_rng(int(100 * share))
    for height, width in ((37, 64), (1, 1), (480, 7)):
        mask = (rng.random((height, width)) < share).astype(np.uint8)
        np.testing.assert_array_equal(run_length_mask(encoded(mask), height, width), mask)
        np.testing.assert_array_equal(run_length_mask(encoded(mask).decode(), height, width), mask)


def test_long_runs_need_several_groups():
    mask = np.zeros((2000, 3000), np.uint8)
    mask[500:1500, 1000:2900:7] = 1
    np.testing.assert_array_equal(run_length_mask(encoded(mask), 2000, 3000), mask)
    assert run_lengths(encoded(mask))[:2].tolist() == [1000 * 2000 + 500, 1000]


def test_a_mask_of_another_image_is_refused():
    mask = np.ones((20, 30), np.uint8)
    with pytest.raises(ValueError, match='620 px expected for an image of 31 x 20, got 600 px in 2 runs'):
        run_length_mask(encoded(mask), 20, 31)
    with pytest.raises(ValueError, match='got 0 px in 0 runs'):
        run_length_mask('', 20, 30)


@pytest.mark.parametrize(('text', 'message'), [
    ('5\x07', 'characters .* expected'), ('5z', "got 'z'"), ('5o', 'ends within a number'),
    ('o' * 13 + '0', 'more than 60 bits')])
def test_text_that_is_none_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        run_lengths(text)


def test_negative_runs_are_refused():
    with pytest.raises(ValueError, match='px expected'):
        run_length_mask('O6', 1, 5)  # -1 and 6
