import json
import unicodedata

import cv2
import numpy as np
import pytest

from mmxas.datasets.datasets import ImageFolderDataset
from mmxas.io.boxes import read_boxes
from mmxas.masks import BackgroundSubtractor, GrabCutSegmenter
from mmxas.masks.frames import list_frames
from mmxas.masks.mask_folder import MaskReport, generate_masks, inspect_masks, write_mask
from mmxas.masks.segmenter import Segmenter, clip_box
from mmxas.visualization.mask_sheet import mask_sheet


class BoxSegmenter(Segmenter):
    """Fills the box, counts, and breaks off where it is told to."""

    needs_box = True

    def __init__(self, stop_at=None):
        self.calls, self.stop_at = 0, stop_at

    def segment(self, image, box=None):
        if self.calls == self.stop_at:
            raise KeyboardInterrupt
        self.calls += 1
        x0, y0, x1, y1 = clip_box(box, image.shape).round().astype(int)
        mask = np.zeros(image.shape[:2], dtype=bool)
        mask[y0:y1, x0:x1] = True
        return mask


class SequenceSegmenter(Segmenter):
    """Notes the sequences that it is given."""

    needs_sequence = True

    def __init__(self):
        self.lengths = []

    def start_sequence(self, images):
        self.lengths.append(len(images))

    def segment(self, image, box=None):
        return np.zeros(image.shape[:2], dtype=bool)


class PickySegmenter(SequenceSegmenter):
    """Refuses its first sequence."""

    def start_sequence(self, images):
        super().start_sequence(images)
        if len(self.lengths) == 1:
            raise ValueError('these do not fit together')


CONFIG = dict(type='BoxSegmenter')


@pytest.fixture
def frames(folder):
    return list_frames(folder / 'images')


@pytest.fixture
def boxes(folder):
    return read_boxes(folder / 'boxes.json')


def make(frames, folder, segmenter, boxes, **kwargs):
    return generate_masks(frames, folder / 'masks', segmenter, CONFIG, boxes, progress=False, **kwargs)


def test_masks_are_made_once_and_fit_the_data_set(folder, frames, boxes):
    report = make(frames, folder, BoxSegmenter(), boxes)
    assert (report.made, report.kept, report.failed) == (3, 0, {})
    mask = cv2.imread(str(folder / 'masks/sub/c.png'), cv2.IMREAD_UNCHANGED)
    assert mask.shape == (90, 120) and set(np.unique(mask)) == {0, 255}
    again = BoxSegmenter()
    assert make(frames, folder, again, boxes).kept == 3 and again.calls == 0
    assert make(frames, folder, again, boxes, overwrite=True).made == 3
    dataset = ImageFolderDataset(str(folder / 'images'), masks=str(folder / 'masks'), skeleton='h36m18')
    assert [dataset.get_data_info(i)['bbox'][0].tolist() for i in range(3)] == list(boxes.values())


def test_a_run_that_broke_off_is_resumed(folder, frames, boxes):
    with pytest.raises(KeyboardInterrupt):
        make(frames, folder, BoxSegmenter(stop_at=2), boxes)
    (folder / 'masks/.c.png.xyz.tmp').write_bytes(b'half')
    (folder / 'masks/b.png').write_bytes((folder / 'masks/b.png').read_bytes()[:40])  # cut off by a full disk, say
    segmenter = BoxSegmenter()
    report = make(frames, folder, segmenter, boxes)
    assert (report.kept, report.made, segmenter.calls) == (1, 2, 2)
    files = sorted(path.name for path in (folder / 'masks').rglob('*') if path.is_file())
    assert files == ['a.png', 'b.png', 'c.png', 'meta.json']


def test_masks_of_another_segmenter_are_not_mixed_in(folder, frames, boxes):
    make(frames, folder, BoxSegmenter(), boxes)
    with pytest.raises(ValueError, match="holds masks of {'type': 'BoxSegmenter'}, not of {'type': 'Other'}"):
        generate_masks(frames, folder / 'masks', BoxSegmenter(), dict(type='Other'), boxes, progress=False)


def test_sequences_are_folders_or_what_a_pattern_finds(folder, frames):
    segmenter = SequenceSegmenter()
    make(frames, folder, segmenter, None)
    assert segmenter.lengths == [2, 1]
    segmenter = SequenceSegmenter()
    generate_masks(frames, folder / 'other', segmenter, CONFIG, sequence='[.]', progress=False)
    assert segmenter.lengths == [3]


def test_one_bad_image_or_box_does_not_stop_the_others(folder, frames, boxes):
    (folder / 'images/a.jpg').write_bytes(b'no image')
    report = make(frames, folder, BoxSegmenter(), {**boxes, 'b.png': [500, 500, 600, 600]})
    assert report.made == 1 and sorted(report.failed) == ['a.jpg', 'b.png']
    assert 'not an image' in report.failed['a.jpg'] and 'less than a pixel' in report.failed['b.png']
    assert 'a.jpg' not in inspect_masks(frames, folder / 'masks', report).wrong


def test_one_bad_sequence_does_not_stop_the_others(folder, frames):
    report = make(frames, folder, PickySegmenter(), None)
    assert report.made == 1 and set(report.failed.values()) == {'these do not fit together'}
    assert len(report.failed) == 2


def test_boxes_are_checked_first(folder, frames, boxes):
    with pytest.raises(ValueError, match=r"2 of 3 images have none, such as 'a\.jpg': give --boxes"):
        make(frames, folder, BoxSegmenter(), {'b.png': boxes['b.png']})
    with pytest.raises(ValueError, match=r"boxes: 'z\.jpg' is not among the 3 images, which are called like 'a\.jpg'"):
        make(frames, folder, BoxSegmenter(), {**boxes, 'z.jpg': [0, 0, 1, 1]})


def test_masks_are_looked_over_and_compared(folder, frames, boxes):
    report = make(frames, folder, BoxSegmenter(), boxes)
    write_mask(folder / 'masks/b.png', np.zeros((90, 120), dtype=bool))
    inspect_masks(frames, folder / 'masks', report, boxes, folder / 'known')
    assert report.wrong == {'a.jpg': ['fills its box'], 'b.png': ['empty'], 'sub/c.jpg': ['fills its box']}
    known = cv2.imread(str(folder / 'known/a.png'), 0) > 0
    x0, y0, x1, y1 = boxes['a.jpg']
    assert report.iou['a.jpg'] == pytest.approx(known.sum() / ((x1 - x0) * (y1 - y0)), abs=1e-4)
    assert report.iou['b.png'] == 0 and report.mean_iou == pytest.approx(np.mean(list(report.iou.values())))
    assert json.loads(json.dumps(report.to_dict()))['wrong']['b.png'] == ['empty']
    (folder / 'known/a.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'a\.png: no such mask to compare with'):
        inspect_masks(frames, folder / 'masks', MaskReport(), known=folder / 'known')


def test_known_masks_may_be_called_in_other_unicode(folder):
    image = cv2.imread(str(folder / 'known/a.png'))
    for sub, form in (('photos', 'NFC'), ('right', 'NFD')):
        path = folder / sub / unicodedata.normalize(form, 'ö/é.png')
        path.parent.mkdir(parents=True)
        path.write_bytes(cv2.imencode('.png', image)[1].tobytes())
    frames = list_frames(folder / 'photos')
    report = make(frames, folder, BoxSegmenter(), {frames[0].name: [0, 0, image.shape[1], image.shape[0]]})
    inspect_masks(frames, folder / 'masks', report, known=folder / 'right')
    assert report.iou == {'ö/é.png': pytest.approx((image[..., 0] > 0).mean(), abs=1e-4)}


def test_masks_of_others_that_can_be_misunderstood_look_wrong(folder, frames):
    ids = np.zeros((90, 120), np.uint8)
    ids[10:40, 10:40], ids[10:40, 60:90] = 1, 2
    for name, mask in (('a.png', ids), ('b.png', 255 - ids // 2 * 255), ('sub/c.png', ids // 2)):
        (folder / 'given' / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / 'given' / name), mask)
    wrong = inspect_masks(frames, folder / 'given', MaskReport()).wrong
    assert wrong == {'a.jpg': ['several ids', 'several parts'], 'b.png': ['inverted', 'full frame']}
    assert mask_sheet(frames, folder / 'given', MaskReport(wrong=wrong)).shape[2] == 3


def test_the_masks_do_not_depend_on_the_number_of_workers(folder, frames, boxes):
    (folder / 'images/b.png').write_bytes(b'broken')
    config, known = dict(type='GrabCutSegmenter', size=80), folder / 'known'
    reports = {}
    for workers in (0, 2):
        report = generate_masks(frames, folder / str(workers), GrabCutSegmenter(size=80), config, boxes, progress=False,
                                workers=workers)
        reports[workers] = inspect_masks(frames, folder / str(workers), report, boxes, known, workers=workers).to_dict()
    assert reports[0] == reports[2] and reports[2]['made'] == 2 and list(reports[2]['failed']) == ['b.png']
    assert len(reports[2]['iou']) == 2 and reports[2]['mean_iou'] > 0.5
    for name in ('a.png', 'sub/c.png'):
        assert (folder / '0' / name).read_bytes() == (folder / '2' / name).read_bytes()
    again = generate_masks(frames, folder / '2', GrabCutSegmenter(size=80), config, boxes, progress=False, workers=2)
    assert (again.made, again.kept) == (0, 2)


def test_a_sequence_stays_together_in_a_worker(folder, frames):
    """The two images of the first folder have another median than each alone."""
    config = dict(type='BackgroundSubtractor')
    reports = [generate_masks(frames, folder / str(workers), BackgroundSubtractor(), config, progress=False,
                              workers=workers).to_dict() for workers in (0, 1)]
    assert reports[0] == reports[1] and reports[0]['made'] + len(reports[0]['failed']) == 3


def test_masks_of_several_boxes_are_joined(frames, folder):
    two = {frame.name: [[2, 3, 10, 12], [40, 50, 60, 64]] for frame in frames}
    report = make(frames, folder, BoxSegmenter(), two)
    mask = cv2.imread(str(folder / 'masks/a.png'), cv2.IMREAD_GRAYSCALE)
    assert mask[3:12, 2:10].all() and mask[50:64, 40:60].all() and (mask > 0).sum() == 9 * 8 + 14 * 20
    inspect_masks(frames, folder / 'masks', report, two)
    assert all('does not fit its box' not in problems for problems in report.wrong.values())


def test_boxes_are_matched_and_where_nobody_is_the_mask_is_empty(folder, frames, boxes):
    found = {'C:\\photos\\sub\\c.jpg': boxes['sub/c.jpg'], 'a.jpg': [], 'b.png': boxes['b.png']}
    report = make(frames, folder, BoxSegmenter(), found)
    inspect_masks(frames, folder / 'masks', report, found)
    assert report.made == 3 and not report.failed and 'a.jpg' not in report.wrong
    areas = [np.count_nonzero(cv2.imread(str(folder / 'masks' / frame.mask_name), 0)) for frame in frames]
    assert areas[0] == 0 and areas[2] > 0
    cv2.imwrite(str(folder / 'masks/a.png'), np.full((90, 120), 255, np.uint8))
    assert inspect_masks(frames, folder / 'masks', report, found).wrong['a.jpg'] == ['full frame']
