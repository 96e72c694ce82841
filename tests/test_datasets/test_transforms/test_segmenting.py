"""A mask where there is none: found in the box, never in place of a given one; bad ones are named."""
import numpy as np
import pytest

from mmxas.datasets.transforms import segmenting
from mmxas.masks import GrabCutSegmenter, SaliencySegmenter, Segmenter
from mmxas.registry import SEGMENTERS, TRANSFORMS

GRABCUT = dict(type='GrabCutSegmenter')


@pytest.fixture
def sample():
    """A red ellipse on grey noise, with its box."""
    rng = np.random.default_rng(0)
    image = rng.integers(90, 120, (120, 100, 3)).astype(np.uint8)
    rows, columns = np.mgrid[:120, :100]
    body = ((columns - 50) / 18) ** 2 + ((rows - 60) / 35) ** 2 <= 1
    image[body] = (20, 20, 220)
    return dict(img=image, img_path='red.png', bbox=np.array([[32.0, 25.0, 69.0, 96.0]])), body


@pytest.fixture
def said(monkeypatch):
    """The lines of the log."""
    lines = []
    monkeypatch.setattr(segmenting, 'print_log', lambda text, *_: lines.append(text))
    return lines


@pytest.mark.parametrize(('segmenter', 'kind'), [(None, SaliencySegmenter), (GRABCUT, GrabCutSegmenter)])
def test_body_is_found_in_its_box(sample, said, segmenter, kind):
    results, body = sample
    transform = TRANSFORMS.build(dict(type='SegmentInBox', segmenter=segmenter))
    assert isinstance(transform.segmenter, kind)
    found = transform(results)
    assert found['mask_source'] == kind.__name__
    mask = found['mask']
    assert mask.dtype == np.uint8 and set(np.unique(mask)) == {0, 255}
    found = mask > 0
    assert (found & body).sum() / (found | body).sum() > 0.9
    assert said == []


def test_a_given_mask_stays(sample):
    results, _ = sample
    given = np.zeros((120, 100), np.uint8)
    results['mask'] = given
    assert TRANSFORMS.build(dict(type='SegmentInBox', segmenter=GRABCUT))(results)['mask'] is given
    assert 'mask_source' not in results


def test_a_box_of_the_whole_image_counts_as_none(sample):
    results, body = sample
    results['bbox'] = np.array([[0.0, 0.0, 100.0, 120.0]])
    assert 'mask' not in TRANSFORMS.build(dict(type='SegmentInBox', segmenter=GRABCUT))(dict(results))
    found = TRANSFORMS.build(dict(type='SegmentInBox'))(results)['mask'] > 0
    assert (found & body).sum() / (found | body).sum() > 0.9


@pytest.fixture
def given():
    """Registers a segmenter that gives ``segmenter.mask`` and notes its boxes."""

    class Given(Segmenter):
        mask, boxes = None, []

        def segment(self, image, box=None):
            self.boxes.append(box)
            return self.mask

    SEGMENTERS.register_module(name='Given', module=Given)
    yield Given
    SEGMENTERS.module_dict.pop('Given')


@pytest.mark.parametrize(('x0', 'y0', 'x1', 'y1', 'problem'), [
    (0, 0, 0, 0, 'empty'), (50, 60, 51, 61, 'tiny'), (0, 0, 100, 120, 'full frame'), (32, 25, 69, 96, 'fills its box')])
@pytest.mark.parametrize('on_bad_mask', ['keep', 'skip'])
def test_a_bad_mask_is_named_and_kept_or_skipped(sample, said, given, x0, y0, x1, y1, problem, on_bad_mask):
    results, _ = sample
    given.mask = np.zeros((120, 100), bool)
    given.mask[y0:y1, x0:x1] = True
    found = TRANSFORMS.build(dict(type='SegmentInBox', segmenter=dict(type='Given'), on_bad_mask=on_bad_mask))(results)
    kept = on_bad_mask == 'keep' and problem != 'empty'
    assert ('mask' in found) is kept and (not kept or (found['mask'] > 0).sum() == given.mask.sum())
    assert said == [f'red.png, box [32.0, 25.0, 69.0, 96.0]: the mask is bad ({problem}); '
                    f'{"kept" if kept else "not used"}']


def test_a_bad_mask_of_a_whole_image_is_named(sample, said, given):
    results, _ = sample
    results['bbox'] = np.array([[0.0, 0.0, 100.0, 120.0]])
    given.mask = np.ones((120, 100), bool)
    TRANSFORMS.build(dict(type='SegmentInBox', segmenter=dict(type='Given')))(results)
    assert given.boxes[-1] is None
    assert said == ['red.png, whole image: the mask is bad (full frame); kept']


def test_another_way_with_bad_masks_is_refused():
    with pytest.raises(ValueError, match="on_bad_mask='drop', expected 'keep' or 'skip'"):
        TRANSFORMS.build(dict(type='SegmentInBox', on_bad_mask='drop'))
