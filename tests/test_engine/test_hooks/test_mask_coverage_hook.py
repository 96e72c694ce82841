"""A training whose masks show nothing does not begin."""
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from mmxas.datasets.datasets import ImageFolderDataset, MixedDataset
from mmxas.engine.hooks import MaskCoverageHook

NUM = 10


def folder(root, masks):
    """A data set of images in boxes, with masks."""
    for name in ('images', 'masks'):
        (root / name).mkdir(parents=True)
    for number, mask in enumerate(masks):
        cv2.imwrite(str(root / f'images/{number}.png'), np.full((24, 32, 3), 90, np.uint8))
        cv2.imwrite(str(root / f'masks/{number}.png'), mask)
    boxes = {f'{number}.png': [4, 4, 20, 20] for number in range(len(masks))}
    return ImageFolderDataset(str(root / 'images'), str(root / 'masks'), boxes, skeleton='h36m18')


def shape(value=255):
    mask = np.zeros((24, 32), np.uint8)
    mask[6:16, 8:18] = value
    return mask


def begin(dataset, **arguments):
    loader = SimpleNamespace(dataset=dataset)
    MaskCoverageHook(**arguments).before_train(
        SimpleNamespace(train_dataloader=loader, cfg=SimpleNamespace(filename='my.py')))


@pytest.mark.parametrize('value', [0, 255])
def test_masks_that_are_nearly_all_empty_or_full_stop_it(tmp_path, value):
    same = [np.full((24, 32), value, np.uint8)] * (NUM - 1)
    counts = f'{NUM - 1} of 10 masks are empty, 0 full' if value == 0 else f'0 of 10 masks are empty, {NUM - 1} full'
    with pytest.raises(ValueError, match=rf'ImageFolderDataset .*masks: {counts}.*check-dataset my\.py'):
        begin(folder(tmp_path / 'bad', [*same, shape()]))
    begin(folder(tmp_path / 'good', [*same[1:], shape(), shape(1)]))


def test_each_data_set_of_a_mixture_is_looked_at(tmp_path):
    good, bad = folder(tmp_path / 'a', [shape()] * 30), folder(tmp_path / 'b', [shape(0)] * 4)
    mixture = MixedDataset([good, bad])
    with pytest.raises(ValueError, match='4 of 4 masks are empty'):
        begin(SimpleNamespace(parts=dict(target=mixture)))
    bad.domain = 'synthetic'
    begin(mixture)


def test_data_without_masks_goes_on(tmp_path):
    folder(tmp_path, [shape()])
    begin(ImageFolderDataset(str(tmp_path / 'images'), skeleton='h36m18'))
    begin([1, 2])
    with pytest.raises(ValueError, match='num=0'):
        MaskCoverageHook(0)
