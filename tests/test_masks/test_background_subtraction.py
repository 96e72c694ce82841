import numpy as np
import pytest

from mmxas.datasets.transforms.loading import UnreadableImageError
from mmxas.masks.background_subtraction import BackgroundSubtractor
from mmxas.masks.mask_checks import mask_iou


def sequence(num=15, noise=2.0):
    """A square of 20 px that walks before a fixed, noisy background."""
    rng = np.random.default_rng(0)
    background = rng.integers(60, 190, size=(60, 100, 3)).astype(float)
    images, masks = [], []
    for index in range(num):
        image, mask = background + rng.normal(0, noise, background.shape), np.zeros((60, 100), dtype=bool)
        mask[20:40, 4 * index:4 * index + 20] = True
        image[mask] = (20, 220, 30)
        images.append(image.clip(0, 255).astype(np.uint8))
        masks.append(mask)
    return images, masks


def test_what_moves_is_found():
    images, masks = sequence()
    segmenter = BackgroundSubtractor()
    segmenter.start_sequence(images)
    assert np.mean([mask_iou(segmenter.segment(i), m) for i, m in zip(images, masks, strict=True)]) > 0.9
    half = segmenter.segment(images[0], np.array([0, 0, 10, 60]))
    assert half[:, 10:].sum() == 0 and mask_iou(half, masks[0] & (np.arange(100) < 10)) > 0.85


def test_a_still_image_is_empty():
    images, _ = sequence()
    segmenter = BackgroundSubtractor(smallest=20)
    segmenter.start_sequence([images[0]] * 3)
    assert not segmenter.segment(images[0]).any()


class Partly(list):
    """Images of which some cannot be read."""

    def __init__(self, images, bad):
        super().__init__(images)
        self.bad = bad

    def __getitem__(self, index):
        if index in self.bad:
            raise UnreadableImageError(f'{index}.jpg: truncated')
        return super().__getitem__(index)


def test_images_that_cannot_be_read_are_not_part_of_the_background():
    images, masks = sequence()
    segmenter = BackgroundSubtractor()
    segmenter.start_sequence(Partly(images, {0, 7}))
    assert mask_iou(segmenter.segment(images[3]), masks[3]) > 0.8
    with pytest.raises(ValueError, match='2 of 3 images of this camera can be read'):
        segmenter.start_sequence(Partly(images[:3], {1}))


def test_mistakes_are_named():
    images, _ = sequence(3)
    with pytest.raises(RuntimeError, match='start_sequence'):
        BackgroundSubtractor().segment(images[0])
    with pytest.raises(ValueError, match='2 of 2 images of this camera can be read, at least 3'):
        BackgroundSubtractor().start_sequence(images[:2])
    with pytest.raises(ValueError, match='one size'):
        BackgroundSubtractor().start_sequence([*images, images[0][:30]])
    with pytest.raises(ValueError, match='num_frames=1'):
        BackgroundSubtractor(num_frames=1)
    segmenter = BackgroundSubtractor()
    segmenter.start_sequence(images)
    with pytest.raises(ValueError, match='another|of its camera'):
        segmenter.segment(images[0][:30])
