import json
import unicodedata
from contextlib import nullcontext

import numpy as np
import pytest

from mmxas.io.boxes import check_inside, match_bodies, match_boxes, read_boxes

BOX, OTHER = [1, 2, 3, 4], [5.5, 6, 7, 8]
NAMES = ['day1/a.jpg', 'day1/b.jpg', 'day2/a.jpg', 'c.jpg']


@pytest.mark.parametrize(('key', 'name'), [
    ('day1/a.jpg', 'day1/a.jpg'), ('b.jpg', 'day1/b.jpg'), ('/home/lab/photos/day2/a.jpg', 'day2/a.jpg'),
    ('day1\\a.jpg', 'day1/a.jpg'), ('C:\\lab\\photos\\day1\\a.jpg', 'day1/a.jpg'), ('./day1//b.jpg', 'day1/b.jpg'),
    ('photos/c.jpg', 'c.jpg')])
def test_a_key_that_means_one_image_is_matched(key, name):
    assert match_boxes({key: BOX}, NAMES) == {name: BOX}


def test_frames_of_a_video():
    assert match_boxes({'/films/clip.mp4:7': BOX}, ['clip.mp4:6', 'clip.mp4:7']) == {'clip.mp4:7': BOX}


@pytest.mark.parametrize('form', ['NFC', 'NFD'])
def test_composed_and_decomposed_letters_are_the_same(form):
    name = unicodedata.normalize(form, 'März/Rüde.jpg')
    for key in (unicodedata.normalize(other, 'Rüde.jpg') for other in ('NFC', 'NFD')):
        assert match_boxes({key: BOX}, [name, 'b.jpg']) == {name: BOX}


def test_absolute_paths_are_told_apart_by_the_folder_that_they_share():
    names = ['a.jpg', 'day1/a.jpg']
    assert match_boxes({'/x/photos/a.jpg': BOX, '/x/photos/day1/a.jpg': OTHER}, names) == {
        'a.jpg': BOX, 'day1/a.jpg': OTHER}
    with pytest.raises(ValueError, match="boxes: '/x/photos/day1/a.jpg' may be 'a.jpg' or 'day1/a.jpg'; call it"):
        match_boxes({'/x/photos/day1/a.jpg': BOX}, names)


@pytest.mark.parametrize(('boxes', 'message'), [
    ({'a.jpg': BOX}, "boxes: 'a.jpg' may be 'day1/a.jpg' or 'day2/a.jpg'"),
    ({'z.jpg': BOX}, "boxes: 'z.jpg' is not among the 4 images, which are called like 'day1/a.jpg'$"),
    ({'z.jpg': BOX, 'y.jpg': BOX}, "'z.jpg' is not among the 4 images, .*; nor are 1 more"),
    ({'xb.jpg': BOX}, "'xb.jpg' is not among"), ({'day3/b.jpg': BOX}, "'day3/b.jpg' is not among"),
    ({'b.jpg': BOX, 'day1/b.jpg': OTHER}, "boxes: 'b.jpg' and 'day1/b.jpg' are both the image 'day1/b.jpg'; keep one")])
def test_a_key_that_means_none_or_several_is_refused_by_name(boxes, message):
    with pytest.raises(ValueError, match=message):
        match_boxes(boxes, NAMES)


@pytest.mark.parametrize(('given', 'expected'), [
    (BOX, BOX), ([BOX], BOX), ([BOX, OTHER], [BOX, OTHER]), ([], []), (np.array(OTHER), OTHER), (np.empty((0, 4)), []),
    (tuple(BOX), BOX)])
def test_one_box_several_and_nobody(given, expected):
    assert match_boxes({'c.jpg': given}, NAMES) == {'c.jpg': expected}


def test_no_boxes_and_nobody_in_no_image():
    assert match_boxes(None, NAMES) == match_boxes({}, NAMES) == match_boxes({'gone.jpg': []}, NAMES) == {}


def test_boxes_of_bodies_are_numbered():
    boxes = {'c.jpg': BOX, 'b.jpg': [BOX, OTHER], 'day2\\a.jpg#2': OTHER, '/x/day2/a.jpg#1': BOX, 'day1/a.jpg': []}
    found = match_bodies(boxes, NAMES)
    assert found == {'c.jpg': {0: BOX}, 'day1/b.jpg': {1: BOX, 2: OTHER}, 'day2/a.jpg': {1: BOX, 2: OTHER},
                     'day1/a.jpg': {}}
    assert list(found['day2/a.jpg']) == [1, 2]
    assert match_bodies({'c.jpg#2': OTHER}, NAMES) == {'c.jpg': {2: OTHER}} and match_bodies(None, NAMES) == {}
    assert match_bodies({'c.jpg': np.float32([BOX, OTHER])}, NAMES) == {'c.jpg': {1: BOX, 2: OTHER}}


@pytest.mark.parametrize(('boxes', 'message'), [
    ({'c.jpg#1': [BOX, OTHER]}, 'boxes: c.jpg#1: one box expected, of one body'),
    ({'c.jpg#1': []}, 'boxes: c.jpg#1: one box expected'),
    ({'c.jpg': BOX, 'c.jpg#2': OTHER}, "boxes: 'c.jpg' has boxes by its own name and as 'c.jpg#2'; keep one"),
    ({'c.jpg': [], 'c.jpg#2': OTHER}, "'c.jpg' has boxes by its own name"),
    ({'z.jpg#2': BOX}, "boxes: 'z.jpg' is not among the 4 images"),
    ({'b.jpg#1': BOX, 'day1/b.jpg#1': OTHER}, "'b.jpg' and 'day1/b.jpg' are both the image 'day1/b.jpg'")])
def test_boxes_of_bodies_that_contradict_are_refused(boxes, message):
    with pytest.raises(ValueError, match=message):
        match_bodies(boxes, NAMES)


@pytest.mark.parametrize(('box', 'inside'), [
    ([-5, -5, 1, 1], True), ([59, 39, 99, 99], True), ([60, 0, 90, 40], False), ([0, 40, 5, 50], False),
    ([-9, -9, 0, 5], False), ([1, -9, 5, 0], False)])
def test_a_box_touches_its_image_or_names_it(box, inside):
    refused = pytest.raises(ValueError, match=r'^a.jpg: box .* lies outside the image of 60 x 40 px')
    with nullcontext() if inside else refused:
        check_inside(box, 'a.jpg', (40, 60))


@pytest.mark.parametrize('entry', [[1, 2, 3], [5, 5, 5, 9], [1, 2, 'c', 4], ['1', '2', '3', '4'], None, 7,
                                   [BOX, [1, 2]], [[]], {'x': 1}, [1, 2, float('nan'), 4], [[BOX]],
                                   [1, 2, 1 + 1e-9, 4], [1, 2, 1e300, 4]])
def test_what_is_no_box_is_named_with_the_file_and_the_image(tmp_path, entry):
    (tmp_path / 'boxes.json').write_text(json.dumps({'day1/a.jpg': BOX, 'c.jpg': entry}))
    for read in (read_boxes, lambda path: match_boxes(path, NAMES)):
        with pytest.raises(ValueError, match=r'boxes.json: c.jpg: box .*, expected \[x0, y0, x1, y1\] with an area'):
            read(tmp_path / 'boxes.json')


def test_files_are_read_with_a_byte_order_mark_and_named(tmp_path):
    path = tmp_path / 'boxes.json'
    path.write_bytes(b'\xef\xbb\xbf' + json.dumps({'b.jpg': [BOX]}).encode())
    assert read_boxes(path) == {'b.jpg': BOX} and match_boxes(str(path), NAMES) == {'day1/b.jpg': BOX}
    path.write_text('{"z.jpg": [1, 2, 3, 4]}')
    with pytest.raises(ValueError, match="boxes.json: 'z.jpg' is not among the 4 images"):
        match_boxes(path, NAMES)
    path.write_text('[1]')
    with pytest.raises(ValueError, match='boxes.json: .* expected, list found'):
        read_boxes(path)
    with pytest.raises(FileNotFoundError, match='gone.json'):
        read_boxes(tmp_path / 'gone.json')
