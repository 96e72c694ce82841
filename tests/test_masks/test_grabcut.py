import cv2
import numpy as np
import pytest

from mmxas.masks.grabcut import GrabCutSegmenter, grab_cut, initial_trimap
from mmxas.masks.mask_checks import mask_iou
from mmxas.registry import SEGMENTERS
from mmxas.synthesis import PairGenerator

TARGET = dict(
    skeleton='h36m18', body_model=dict(type='SMPLBodyModel', model_path='free', gender='neutral'),
    pose_source=dict(type='MocapPoses', clips=['run', 'dance_b']), appearance=dict(type='PaintedClothes'),
    light=dict(type='RandomLight'), background=dict(type='PhotoBackground'), image_size=144)


def test_the_body_and_its_thin_limbs_are_found(scene):
    for seed in range(2):
        image, mask, box = scene.make(seed)
        found = SEGMENTERS.build(dict(type='GrabCutSegmenter')).segment(image, box)
        assert found.dtype == bool and mask_iou(found, mask) > 0.9
        again = GrabCutSegmenter().segment(image, box)
        assert (again == found).all(), 'the same mask each time'


def test_nothing_lies_outside_the_box_and_large_images_are_shrunk(scene):
    image, mask, box = scene.make(size=(90, 120))
    large = cv2.resize(image, None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC)
    found = GrabCutSegmenter(size=100).segment(large, box * 5)
    y, x = np.nonzero(found)
    assert found.shape == large.shape[:2]
    assert x.min() >= box[0] * 5 and x.max() < box[2] * 5 and y.min() >= box[1] * 5 and y.max() < box[3] * 5
    assert mask_iou(found, cv2.resize(mask.astype(np.uint8), found.shape[::-1]) > 0) > 0.85


@pytest.mark.slow
def test_rendered_people_before_photos():
    """Some of the built-in target domain, before photos; docs/masks.md has the number of others."""
    generator = PairGenerator.from_config(TARGET, seed=3)
    segmenter = GrabCutSegmenter()
    overlaps = []
    for index in range(24):
        pair = generator.generate(index)
        overlaps.append(mask_iou(segmenter.segment(pair.image, pair.bbox), pair.mask > 127))
    assert np.mean(overlaps) >= 0.68


def test_the_trimap_is_an_ellipse_in_the_box():
    trimap = initial_trimap(np.array([10, 10, 30, 30]), (40, 40), ellipse=0.5, core=0.1)
    assert trimap[0, 0] == trimap[9, 20] == cv2.GC_BGD and trimap[20, 20] == cv2.GC_FGD
    assert trimap[20, 24] == trimap[20, 29] == cv2.GC_PR_FGD and trimap[11, 11] == cv2.GC_PR_BGD


def test_a_trimap_without_two_sides_needs_no_cut():
    image = np.zeros((5, 5, 3), np.uint8)
    assert grab_cut(image, np.full((5, 5), cv2.GC_FGD, np.uint8), 1).all()
    assert not grab_cut(image, np.full((5, 5), cv2.GC_BGD, np.uint8), 1).any()


def test_extreme_images_and_wrong_arguments(scene):
    flat = np.full((40, 40, 3), 128, np.uint8)
    assert GrabCutSegmenter().segment(flat, np.array([10, 10, 30, 30])).shape == (40, 40)
    assert GrabCutSegmenter().segment(scene.make()[0], np.array([0, 0, 120, 90])).shape == (90, 120)
    with pytest.raises(ValueError, match='there is none for this image'):
        GrabCutSegmenter().segment(flat)
    with pytest.raises(ValueError, match=r'box \[50.0, 50.0, 60.0, 60.0\]'):
        GrabCutSegmenter().segment(flat, np.array([50, 50, 60, 60]))
    with pytest.raises(ValueError, match='size=4'):
        GrabCutSegmenter(size=4)
