"""Shares of an epoch, what is seen over epochs, and that a sample is a function of its key."""
from collections import Counter

import cv2
import numpy as np
import pytest
from torch.utils.data import Dataset

from mmxas.datasets.datasets.mixed_dataset import MixedDataset, shares
from mmxas.datasets.datasets.paired_dataset import PairedDataset
from mmxas.datasets.samplers import SampleKey
from mmxas.registry import DATASETS


class _Named(Dataset):

    def __init__(self, name, size, num_keypoints=18):
        self.name, self.size, self.metainfo = name, size, dict(num_keypoints=num_keypoints)

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        return f'{self.name}{index}', np.random.rand()


def _mixed(**kwargs):
    return MixedDataset([_Named('a', 40), _Named('b', 7), _Named('c', 3)], **kwargs)


def _epoch(dataset, epoch, seed=5):
    return [dataset[SampleKey(i, epoch, seed)][0] for i in range(len(dataset))]


def test_shares_are_exact():
    assert shares([1, 1, 1], 10, 3) == [4, 3, 3]
    assert shares([2, 1], 9, 2) == [6, 3]
    assert shares([0.7, 0.2, 0.1], 1000, 3) == [700, 200, 100]
    with pytest.raises(ValueError, match='3 positive numbers expected'):
        shares([1, 1], 10, 3)
    with pytest.raises(ValueError, match='positive numbers'):
        shares([1, -1], 10, 2)
    with pytest.raises(ValueError, match=r'too short .* \[2, 0\]'):
        shares([100, 1], 2, 2)


def test_an_epoch_has_the_ratios():
    dataset = _mixed(ratios=[2, 1, 1], length=20)
    for epoch in range(3):
        assert Counter(name[0] for name in _epoch(dataset, epoch)) == {'a': 10, 'b': 5, 'c': 5}


def test_every_sample_is_seen_before_any_is_seen_again():
    dataset = _mixed(ratios=[2, 1, 1], length=20)
    seen = Counter(name for epoch in range(4) for name in _epoch(dataset, epoch))
    assert all(seen[f'a{i}'] == 1 for i in range(40))  # 4 * 10 of 40
    assert {seen[f'b{i}'] for i in range(7)} == {2, 3}  # 4 * 5 of 7
    assert {seen[f'c{i}'] for i in range(3)} == {6, 7}  # 4 * 5 of 3


def test_without_ratios_an_epoch_is_all_of_it():
    dataset = _mixed()
    assert len(dataset) == 50
    assert set(Counter(_epoch(dataset, 3)).values()) == {1} and len(set(_epoch(dataset, 3))) == 50


def test_a_sample_is_a_function_of_its_key():
    one, other = _mixed(ratios=[1, 1, 1], length=12), _mixed(ratios=[1, 1, 1], length=12)
    key = SampleKey(5, 7, 3)
    _epoch(one, 0)
    first = one[key]
    np.random.rand(3)
    assert other[key] == first
    assert _epoch(one, 0) != _epoch(one, 1) and _epoch(one, 0, seed=5) != _epoch(one, 0, seed=6)
    assert one[0] == other[0] or one[0][0] == other[0][0]
    with pytest.raises(IndexError, match='position 12 of 12'):
        one[12]


def test_refusals():
    with pytest.raises(ValueError, match='different numbers of keypoints'):
        MixedDataset([_Named('a', 3), _Named('b', 3, num_keypoints=17)])
    with pytest.raises(ValueError, match='none empty'):
        MixedDataset([_Named('a', 3), _Named('b', 0)])
    with pytest.raises(ValueError, match='at least one'):
        MixedDataset([])


def test_as_a_target_of_pairs_it_changes_with_the_epoch(tmp_path, pair_root):
    for name, count in (('one', 6), ('two', 2)):
        (tmp_path / name).mkdir()
        for i in range(count):
            cv2.imwrite(str(tmp_path / name / f'{name}{i}.png'), np.full((20, 20, 3), 40 * i, np.uint8))
    pipeline = [dict(type='LoadXASImage'), dict(type='GetBBoxCenterScale', padding=1.0),
                dict(type='RandomCropJitter'), dict(type='SquareCropAffine', input_size=(16, 16)),
                dict(type='PackXASInputs')]
    target = dict(type='MixedDataset', ratios=[1, 1], length=4, datasets=[
        dict(type='ImageFolderDataset', data_root=str(tmp_path / name), pipeline=pipeline, skeleton='h36m18')
        for name in ('one', 'two')])
    paired = DATASETS.build(dict(
        type='PairedDataset', target=target, length=4,
        synthetic=dict(type='SyntheticPairDataset', data_root=str(pair_root), pipeline=pipeline, skeleton='h36m18')))
    assert isinstance(paired, PairedDataset)

    def names(epoch):
        return [paired[SampleKey(i, epoch, 0)][0]['data_samples'].metainfo['sample_name'] for i in range(4)]

    seen = Counter(name for epoch in range(3) for name in names(epoch))
    assert all(seen[f'one{i}.png'] == 1 for i in range(6)) and seen['two0.png'] == seen['two1.png'] == 3
    assert names(1) == names(1)
    twice = [paired[SampleKey(2, 1, 0)][0]['data_samples'].metainfo['input_center'] for _ in range(2)]
    assert (twice[0] == twice[1]).all()
