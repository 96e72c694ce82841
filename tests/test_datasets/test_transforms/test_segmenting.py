"""A mask where there is none: found in the box, never in place of a given one."""
import numpy as np
import pytest

from mmxas.registry import TRANSFORMS


@pytest.fixture
def sample():
    """A red ellipse on grey noise, with its box."""
    rng = np.random.default_rng(0)
    image = rng.integers(90, 120, (120, 100, 3)).astype(np.uint8)
    rows, columns = np.mgrid[:120, :100]
    body = ((columns - 50) / 18) ** 2 + ((rows - 60) / 35) ** 2 <= 1
    image[body] = (20, 20, 220)
    return dict(img=image, bbox=np.array([[32.0, 25.0, 69.0, 96.0]])), body


def test_body_is_found_in_its_box(sample):
    results, body = sample
    mask = TRANSFORMS.build(dict(type='SegmentInBox'))(results)['mask']
    assert mask.dtype == np.uint8 and set(np.unique(mask)) == {0, 255}
    found = mask > 0
    assert (found & body).sum() / (found | body).sum() > 0.9


def test_a_given_mask_stays(sample):
    results, _ = sample
    given = np.zeros((120, 100), np.uint8)
    results['mask'] = given
    assert TRANSFORMS.build(dict(type='SegmentInBox'))(results)['mask'] is given


def test_a_box_of_the_whole_image_gives_no_mask(sample):
    results, _ = sample
    results['bbox'] = np.array([[0.0, 0.0, 100.0, 120.0]])
    assert 'mask' not in TRANSFORMS.build(dict(type='SegmentInBox'))(results)
