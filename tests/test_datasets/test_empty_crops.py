import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmpose.structures import PoseDataSample

from mmxas.datasets.empty_crops import empty_crops, is_empty

SIZE = 128


def body(value=1.0):
    """A mask (1, S, S) of a body that covers a ninth of the crop."""
    mask = np.zeros((1, SIZE, SIZE), np.float32)
    mask[:, 40:83, 40:83] = value
    return mask


def crop(colour=(0, 0, 0), shown=None):
    """A crop of one colour, and noise where a mask is."""
    noise = torch.randint(0, 256, (3, SIZE, SIZE), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    plain = torch.tensor(colour, dtype=torch.uint8)[:, None, None].expand(3, SIZE, SIZE)
    return plain.clone() if shown is None else torch.where(torch.from_numpy(shown > 0.5), noise, plain)


@pytest.mark.parametrize('colour', [(0, 0, 0), (255, 255, 255), (20, 200, 90)])
def test_a_crop_of_one_colour_is_empty_whatever_the_mask_says(colour):
    for mask in (None, body(), torch.from_numpy(body())):
        assert is_empty(crop(colour), mask) is True
        assert is_empty(crop(colour, body()), mask) is False


@pytest.mark.parametrize('value', [0.0, 1 / 255, 0.5])
def test_a_scene_is_empty_where_its_mask_is(value):
    scene = crop(shown=np.ones((1, SIZE, SIZE), np.float32))
    assert is_empty(scene, body(value)) and is_empty(scene, torch.from_numpy(body(value)))
    assert not is_empty(scene, body(0.6)) and not is_empty(scene)


def test_what_a_mask_of_nearly_nothing_lets_through_is_empty():
    """Of 255 grey levels, a mask of 1 / 255 leaves 1."""
    shown = crop(shown=body())
    assert is_empty((shown / 255).byte()) and is_empty(shown.float() / 255)
    assert not is_empty((shown / 8).byte())


def test_a_speck_is_no_foreground():
    for side, empty in ((4, True), (8, False)):
        mask = np.zeros((1, SIZE, SIZE), np.float32)
        mask[:, 40:40 + side, 40:40 + side] = 1
        assert is_empty(crop(shown=mask)) is empty
        assert is_empty(crop(shown=np.ones((1, SIZE, SIZE), np.float32)), mask) is empty


def test_small_crops_are_looked_at_whole():
    small = torch.zeros(3, 8, 8)
    assert is_empty(small)
    small[1, 3, 5] = 100
    assert not is_empty(small)


def test_empty_ones_of_a_batch_are_named():
    samples = [PoseDataSample(metainfo=meta) for meta in (
        dict(img_path='a.jpg'), dict(img_path='b/b.jpg', sample_name='b.jpg'), dict(sample_name='train/000002'),
        dict(sample_name='train/000003'))]
    samples[0].gt_fields, samples[2].gt_fields = PixelData(mask=body()), PixelData(mask=body(0))
    crops = torch.stack([crop(shown=body()), crop(), crop(shown=body()), crop(shown=body())])
    assert empty_crops(crops, samples) == empty_crops(list(crops), samples) == ['b/b.jpg', 'train/000002']
