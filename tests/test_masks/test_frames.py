import json

import cv2
import numpy as np
import pytest

from mmxas.masks.frames import LazyImages, group_frames, list_frames, split_bodies, spread


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


def test_bad_folders_and_patterns_are_named(folder, tmp_path):
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


def test_images_of_several_boxes_are_listed_body_by_body(folder):
    box, other = [1, 2, 30, 40], [50, 2, 90, 40]
    (folder / 'two.json').write_text(json.dumps({'C:\\photos\\b.png': [box, other], 'a.jpg': [box], 'c.jpg': []}))
    frames, boxes = split_bodies(list_frames(folder / 'images'), folder / 'two.json')
    assert [(f.name, f.mask_name) for f in frames] == [
        ('a.jpg', 'a.png'), ('b.png#1', 'b.1.png'), ('b.png#2', 'b.2.png'), ('sub/c.jpg', 'sub/c.png')]
    assert boxes == {'b.png#1': box, 'b.png#2': other, 'a.jpg': box, 'sub/c.jpg': []}
    assert frames[2].load().shape == (90, 120, 3) and frames[2].shape == (90, 120)
    again = split_bodies(list_frames(folder / 'images'), {'b.png#2': other})
    assert [f.mask_name for f in again[0]] == ['a.png', 'b.2.png', 'sub/c.png'] and again[1] == {'b.png#2': other}
    with pytest.raises(ValueError, match="boxes: 'gone.jpg' is not among the 3 images"):
        split_bodies(list_frames(folder / 'images'), {'gone.jpg': box})


def test_images_of_several_masks_are_listed_body_by_body(folder, tmp_path):
    (tmp_path / 'mine').mkdir()
    for name in ('a.1.png', 'a.2.png', 'b.jpg'):
        (tmp_path / 'mine' / name).touch()
    frames, boxes = split_bodies(list_frames(folder / 'images'), {}, tmp_path / 'mine')
    assert boxes == {} and [(f.name, f.mask_name) for f in frames] == [
        ('a.jpg#1', 'a.1.png'), ('a.jpg#2', 'a.2.png'), ('b.png', 'b.jpg'), ('sub/c.jpg', 'sub/c.png')]
    frames, boxes = split_bodies(list_frames(folder / 'images'), {'a.jpg': []}, tmp_path / 'mine')
    assert [f.name for f in frames] == ['a.jpg', 'b.png', 'sub/c.jpg'] and boxes == {'a.jpg': []}


def test_frames_come_by_number_without_what_macos_leaves(folder):
    for name in ('10.jpg', '9.jpg', '._9.jpg'):
        (folder / 'images' / name).write_bytes((folder / 'images/a.jpg').read_bytes())
    assert [f.name for f in list_frames(folder / 'images')][:3] == ['9.jpg', '10.jpg', 'a.jpg']
