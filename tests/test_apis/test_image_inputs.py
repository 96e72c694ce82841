from pathlib import Path

import numpy as np
import pytest
from tiny_videos import number_of, write_video

from mmxas.apis.image_inputs import as_image_inputs, boxes_by_image, check_boxes, list_images
from mmxas.datasets.transforms import UnreadableImageError


def test_a_folder_gives_its_images_only(photos):
    assert [Path(path).name for path in list_images(photos)] == ['a.JPG', 'b.png', 'cut.jpg']


def test_a_folder_without_images_is_named(photos):
    with pytest.raises(FileNotFoundError, match=r'deeper: no image in this folder \(0 other entries'):
        list_images(photos / 'deeper')


def test_names_are_stems_and_never_collide(image):
    names = [entry.name for entry in as_image_inputs(['x/a.jpg', 'x/b.jpg', 'x/b.png', 'y/a.jpg', image])]
    assert names == ['000000_a.jpg', 'b.jpg', 'b.png', '000003_a.jpg', '000004']


def test_every_form_of_input(photos, image):
    assert [entry.name for entry in as_image_inputs(photos)] == ['a', 'b', 'cut']
    assert as_image_inputs(str(photos / 'b.png'))[0].load().shape == image.shape
    assert as_image_inputs(image)[0].load() is image
    with pytest.raises(ValueError, match='at least one image expected'):
        as_image_inputs([])
    with pytest.raises(TypeError, match='paths and arrays expected, found int'):
        as_image_inputs([3])


def test_unreadable_files_and_odd_arrays_are_named(photos):
    with pytest.raises(UnreadableImageError, match=r'cut.jpg: .*truncated'):
        as_image_inputs(photos / 'cut.jpg')[0].load()
    with pytest.raises(UnreadableImageError, match=r'none.jpg: no such file'):
        as_image_inputs(photos / 'none.jpg')[0].load()
    with pytest.raises(ValueError, match=r'\(h, w, 3\) of uint8 expected, found shape \(4, 4\) of float64'):
        as_image_inputs(np.zeros((4, 4)))[0].load()


def test_a_video_is_its_frames(tmp_path, image):
    images = as_image_inputs([write_video(tmp_path / 'clip.mp4', 5), image])
    assert [entry.name for entry in images[3:]] == ['clip_000003', 'clip_000004', '000001']
    assert images[4].path == f'{tmp_path}/clip.mp4:4'
    assert [number_of(entry.load()) for entry in images[4:1:-1]] == [4, 3, 2]
    blue, _, red = images[2].load()[40, 12]  # what moves is reddish
    assert red > 150 > 100 > blue
    found = boxes_by_image({'clip.mp4:3': [1, 2, 3, 4]}, images[:5])
    assert [None if boxes is None else boxes.tolist() for boxes in found] == [None] * 3 + [[[1, 2, 3, 4]], None]


def test_boxes_of_one_image_in_any_nesting(image):
    one = as_image_inputs(image)
    for boxes in ([1, 2, 3, 4], [[1, 2, 3, 4]], [[[1, 2, 3, 4]]], np.array([[1, 2, 3, 4]])):
        np.testing.assert_array_equal(boxes_by_image(boxes, one)[0], [[1, 2, 3, 4]])
    assert boxes_by_image(None, one) == [None]


def test_boxes_of_several_images(photos):
    images = as_image_inputs(photos)
    assert [None if b is None else len(b) for b in boxes_by_image([[[1, 2, 3, 4]] * 2, None, [1, 2, 3, 4]], images)] \
        == [2, None, 1]
    assert [None if b is None else len(b) for b in boxes_by_image({'b.png': [1, 2, 3, 4]}, images)] == [None, 1, None]
    with pytest.raises(ValueError, match='found 2 for 3 images'):
        boxes_by_image([None, None], images)
    with pytest.raises(ValueError, match="boxes: 'd.png' is not among the 3 images"):
        boxes_by_image({'d.png': [1, 2, 3, 4]}, images)
    found = boxes_by_image({'C:\\photos\\b.png': [[1, 2, 3, 4], [5, 6, 7, 8]], str(photos / 'a.JPG'): []}, images)
    assert found[0].shape == (0, 4) and found[1].shape == (2, 4) and found[2] is None
    found = boxes_by_image({'b.png#2': [5, 6, 7, 8], 'b.png#1': [1, 2, 3, 4]}, images)
    assert found[0] is None and found[1].tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    twice = as_image_inputs(['x/a.jpg', 'y/a.jpg'])
    with pytest.raises(ValueError, match="boxes: 'a.jpg' may be 'x/a.jpg' or 'y/a.jpg'"):
        boxes_by_image({'a.jpg': [1, 2, 3, 4]}, twice)
    assert [len(b) for b in boxes_by_image({'y/a.jpg': [1, 2, 3, 4], 'x/a.jpg': []}, twice)] == [0, 1]


def test_a_bad_box_names_the_file_or_the_frame(photos, tmp_path):
    with pytest.raises(ValueError, match=rf'{photos}/b\.png: box .* has no area'):
        boxes_by_image([None, [5, 5, 5, 9], None], as_image_inputs(photos))
    with pytest.raises(ValueError, match=rf'{tmp_path}/clip\.mp4:1: boxes \(N, 4\)'):
        boxes_by_image([None, [5]], as_image_inputs(write_video(tmp_path / 'clip.mp4', 2)))


@pytest.mark.parametrize(('boxes', 'message'), [
    ([5, 5, 5, 9], r'a: box \[5.0, 5.0, 5.0, 9.0\] has no area'),
    ([0, 0, np.nan, 9], r'has no area'),
    ([[1, 2, 3]], r'found shape \(1, 3\)'),
    (['left'], r'boxes are numbers'),
    ([], r'found shape'),
])
def test_bad_boxes_are_named(boxes, message):
    with pytest.raises(ValueError, match=message):
        check_boxes(boxes, 'a')
