import json

import cv2
import numpy as np
import pytest

from mmxas.segmentation.frames import LazyImages, group_frames, list_frames, read_boxes, split_bodies, spread


def test_images_are_listed_with_the_names_of_their_masks(folder):
    frames = list_frames(folder / 'images')
    expected = [('a.jpg', 'a.png'), ('b.png', 'b.png'), ('sub/c.jpg', 'sub/c.png')]
    assert [(f.name, f.mask_name) for f in frames] == expected
    assert len(LazyImages(frames)) == 3 and LazyImages(frames)[2].shape == (90, 120, 3)
    assert {key: len(group) for key, group in group_frames(frames).items()} == {'.': 2, 'sub': 1}
    assert list(group_frames(frames, r'([abc])\.(\w)')) == ['a/j', 'b/p', 'c/j']


def test_a_video_is_listed_by_its_frames(tmp_path):
    path = str(tmp_path / 'clip.avi')
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*'MJPG'), 5, (32, 24))
    for value in (0, 200):
        writer.write(np.full((24, 32, 3), value, np.uint8))
    writer.release()
    frames = list_frames(path)
    assert [(f.name, f.mask_name) for f in frames][1] == ('clip.avi:1', 'clip/000001.png')
    assert frames[1].load().mean() == pytest.approx(200, abs=3) and list(group_frames(frames)) == ['clip.avi']


def test_items_are_spread_from_the_first_on():
    assert spread(range(10), 4) == [0, 2, 5, 7]
    assert spread(range(10), 10) == spread(range(10), 99) == list(range(10))


def test_bad_folders_patterns_and_boxes_are_named(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match='absent'):
        list_frames(tmp_path / 'absent')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(FileNotFoundError, match='no image in this folder'):
        list_frames(tmp_path / 'empty')
    frames = list_frames(folder / 'images')
    with pytest.raises(ValueError, match=r"pattern '\('"):
        group_frames(frames, '(')
    with pytest.raises(ValueError, match="not found in 'a.jpg'"):
        group_frames(frames, 'camera')
    (folder / 'images/a.png').write_bytes((folder / 'images/b.png').read_bytes())
    with pytest.raises(ValueError, match=r'a\.jpg and a\.png would share the mask a\.png'):
        list_frames(folder / 'images')
    assert read_boxes(folder / 'boxes.json')['a.jpg'][0] > 0
    (tmp_path / 'nested.json').write_text('{"a": [[1, 2, 3, 4]], "b": [5, 6, 7, 8]}')
    assert read_boxes(tmp_path / 'nested.json') == {'a': [1, 2, 3, 4], 'b': [5, 6, 7, 8]}
    for text, message in (('{', 'not json'), ('[1]', 'found list'), ('{"a": [1, 2]}', r'box \[1, 2\] of a')):
        (tmp_path / 'bad.json').write_text(text)
        with pytest.raises(ValueError, match=message):
            read_boxes(tmp_path / 'bad.json')
    with pytest.raises(FileNotFoundError, match='no such file of boxes'):
        read_boxes(tmp_path / 'absent.json')


def test_images_of_several_boxes_are_listed_body_by_body(folder):
    box, other = [1, 2, 30, 40], [50, 2, 90, 40]
    (folder / 'two.json').write_text(json.dumps({'b.png': [box, other], 'a.jpg': [box], 'gone.jpg': box}))
    given = read_boxes(folder / 'two.json')
    assert given == {'b.png#1': box, 'b.png#2': other, 'a.jpg': box, 'gone.jpg': box}
    frames, boxes = split_bodies(list_frames(folder / 'images'), given)
    assert [(f.name, f.mask_name) for f in frames] == [
        ('a.jpg', 'a.png'), ('b.png#1', 'b.1.png'), ('b.png#2', 'b.2.png'), ('sub/c.jpg', 'sub/c.png')]
    assert boxes == given and frames[2].load().shape == (90, 120, 3)


def test_images_of_several_masks_are_listed_body_by_body(folder, tmp_path):
    (tmp_path / 'mine').mkdir()
    for name in ('a.1.png', 'a.2.png', 'b.jpg'):
        (tmp_path / 'mine' / name).touch()
    frames, boxes = split_bodies(list_frames(folder / 'images'), {}, tmp_path / 'mine')
    assert boxes == {} and [(f.name, f.mask_name) for f in frames] == [
        ('a.jpg#1', 'a.1.png'), ('a.jpg#2', 'a.2.png'), ('b.png', 'b.jpg'), ('sub/c.jpg', 'sub/c.png')]


def test_frames_come_by_number_without_what_macos_leaves(folder):
    for name in ('10.jpg', '9.jpg', '._9.jpg'):
        (folder / 'images' / name).write_bytes((folder / 'images/a.jpg').read_bytes())
    assert [f.name for f in list_frames(folder / 'images')][:3] == ['9.jpg', '10.jpg', 'a.jpg']
