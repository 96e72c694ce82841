import numpy as np
import pytest
from tiny_clips import BrightSegmenter, film

from mmxas.apis.following import Follower, Found, GivenBoxes
from mmxas.io.clips import number_frames


def finder(image):
    boxes = BrightSegmenter().find_boxes(image)
    return Found(boxes, np.ones(len(boxes)), 'found')


def segment(frame, box):
    return BrightSegmenter().segment(frame.image, box)


def follow(images, every=5, given=None):
    return list(Follower(finder, segment, every, given).follow(number_frames(images, 25)))


def boxes_of(followed, identity=0):
    return {step.frame.index: body.box for step in followed for body in step.bodies if body.identity == identity}


def test_boxes_and_masks_move_between_key_frames():
    images = film(23, [dict(speed=2)])
    BrightSegmenter.finds = BrightSegmenter.segments = 0
    followed = follow(images)
    assert [step.frame.index for step in followed] == list(range(23))
    assert BrightSegmenter.finds == 6  # frames 0, 5, 10, 15, 20 and the last
    assert [step.frame.index for step in followed if step.found is not None] == [0, 5, 10, 15, 20]
    for step, image in zip(followed, images, strict=True):
        (body, ) = step.bodies
        np.testing.assert_allclose(body.box, finder(image).boxes[0], atol=1e-9)
        np.testing.assert_array_equal(body.mask, image.max(axis=2) > 100)


def test_a_mask_is_that_of_the_nearer_key_frame():
    images = film(11, [dict(speed=0)])
    images[10][8:18] = 0  # half of the body is left
    masks = [step.bodies[0].mask.sum() for step in follow(images, every=10)]
    areas = [140 if index > 5 else 280 for index in range(11)]  # px, of a box that shrinks evenly
    heights = [20 - index for index in range(11)]
    np.testing.assert_allclose(masks, [14 * height for height in heights], atol=8)
    assert masks[0] == areas[0] and masks[10] == areas[10]


def test_who_leaves_and_returns_keeps_the_number_and_has_no_box_between():
    images = film(60, [dict(speed=0, start=4, there=[*range(20), *range(40, 60)]), dict(speed=0, start=60)])
    followed = follow(images)
    assert sorted(boxes_of(followed, 1)) == list(range(60))
    assert sorted(boxes_of(followed, 0)) == [*range(16), *range(40, 60)]  # found in the key frames 0 to 15 and from 40
    assert {body.identity for step in followed for body in step.bodies} == {0, 1}


def test_what_is_found_in_one_key_frame_only_is_left_out():
    images = film(30, [dict(speed=0), dict(start=60, speed=0, there=range(8, 13))])
    followed = follow(images)
    assert all([body.identity for body in step.bodies] == [0] for step in followed)
    assert len(followed[10].found.boxes) == 2


def test_a_single_frame_has_its_bodies_and_an_empty_clip_none():
    assert [len(step.bodies) for step in follow(film(1))] == [1]
    assert follow([]) == []


@pytest.mark.parametrize('num', [16, 17, 21, 30])
def test_it_goes_on_at_a_key_frame_as_if_it_had_never_stopped(num):
    images = film(num, [dict(speed=1.5), dict(top=40, start=30, there=[*range(7), *range(11, num)])])
    whole = follow(images)
    for start in range(5, num, 5):
        again = Follower(finder, segment, 5)
        again.resume((step.frame.index, step.found.boxes) for step in whole[:start] if step.found is not None)
        rest = list(again.follow(frame for frame in number_frames(images, 25) if frame.index >= start))
        for one, other in zip(whole[start:], rest, strict=True):
            assert [body.identity for body in one.bodies] == [body.identity for body in other.bodies]
            np.testing.assert_array_equal([body.box for body in one.bodies], [body.box for body in other.bodies])


def test_given_boxes_are_taken_and_move_between_the_frames_that_have_some():
    names = [f'clip.mp4:{index}' for index in range(12)]
    given = GivenBoxes({'clip.mp4:2': [4, 8, 18, 28], 'clip.mp4:6': [8, 8, 22, 28], 'clip.mp4:9': []}, names, (64, 96))
    followed = follow(film(12, [dict(speed=1)]), given=given)
    boxes = boxes_of(followed)
    assert sorted(boxes) == [2, 3, 4, 5, 6] and boxes[4].tolist() == [6, 8, 20, 28]
    assert {body.source for step in followed for body in step.bodies} == {'given'}
    assert all(step.found is None for step in followed)


def test_boxes_of_no_frame_or_outside_the_image_are_named():
    with pytest.raises(ValueError, match=r"boxes: 'clip.mp4:9' is not among the 2 images"):
        GivenBoxes({'clip.mp4:9': [1, 1, 5, 5]}, ['clip.mp4:0', 'clip.mp4:1'], (64, 96))
    with pytest.raises(ValueError, match=r'clip.mp4:1: box \[200.* less than a pixel'):
        GivenBoxes({'clip.mp4:1': [200, 1, 250, 5]}, ['clip.mp4:0', 'clip.mp4:1'], (64, 96))
    with pytest.raises(ValueError, match='every=0'):
        Follower(finder, segment, 0)
