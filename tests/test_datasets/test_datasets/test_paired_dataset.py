"""Pairs: order in the batch, randomness as a function of the key, active domains, refusals."""
import io
import pickle

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample
from torch.utils.data import Dataset

from mmxas.datasets.datasets.paired_dataset import PairedDataset, collate_pairs
from mmxas.datasets.samplers import SampleKey
from mmxas.registry import DATASETS


@DATASETS.register_module()
class _NumberedDataset(Dataset):

    def __init__(self, name: str, size: int, num_keypoints: int = 18) -> None:
        self.name, self.size, self.metainfo = name, size, dict(num_keypoints=num_keypoints)

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        return dict(inputs=f'{self.name}{index}', data_samples=np.random.rand())


def _paired(target=3, synthetic=5, **kwargs):
    return PairedDataset(synthetic=dict(type='_NumberedDataset', name='s', size=synthetic, **kwargs),
                         target=dict(type='_NumberedDataset', name='t', size=target) if target is not None else None)


def test_each_epoch_pairs_anew_and_covers_both_sets():
    dataset = _paired()
    assert len(dataset) == 5
    partners = []
    for epoch in range(2):
        names = [[s['inputs'] for s in dataset[SampleKey(i, epoch, 7)]] for i in range(5)]
        assert {n[0] for n in names} == {'t0', 't1', 't2'}
        assert sorted(n[1] for n in names) == ['s0', 's1', 's2', 's3', 's4']
        partners.append([n[1] for n in names])
    assert partners[0] != partners[1]


def test_a_short_epoch_sees_other_samples_each_time():
    dataset = PairedDataset(synthetic=dict(type='_NumberedDataset', name='s', size=40),
                            target=dict(type='_NumberedDataset', name='t', size=40), length=4)
    assert len(dataset) == 4
    seen = [{s['inputs'] for i in range(4) for s in dataset[SampleKey(i, epoch, 0)]} for epoch in range(2)]
    assert len(seen[0]) == 8 and seen[0] != seen[1]


def test_an_epoch_may_be_as_long_as_the_targets():
    parts = dict(synthetic=dict(type='_NumberedDataset', name='s', size=40))
    assert len(PairedDataset(**parts, target=dict(type='_NumberedDataset', name='t', size=3), length='target')) == 3
    for wrong in (dict(length='target'), dict(length='pairs', target=dict(type='_NumberedDataset', name='t', size=3))):
        with pytest.raises(ValueError, match="length='.*': a number, None, or 'target' beside a target data set"):
            PairedDataset(**parts, **wrong)


def test_a_sample_is_a_function_of_its_key():
    dataset = _paired()
    first = dataset[SampleKey(2, 4, 7)]
    np.random.rand(10)
    assert dataset[SampleKey(2, 4, 7)] == first
    assert dataset[SampleKey(2, 5, 7)][0]['data_samples'] != first[0]['data_samples']
    assert dataset[SampleKey(2, 4, 8)][0]['data_samples'] != first[0]['data_samples']
    assert first[0]['data_samples'] != first[1]['data_samples']


def test_global_random_state_is_left_alone():
    np.random.seed(3)
    expected = np.random.rand()
    np.random.seed(3)
    _paired()[1]
    assert np.random.rand() == expected


def test_collate_puts_targets_first():
    dataset = _paired()
    batch = collate_pairs([dataset[i] for i in (0, 1)])
    assert [name[0] for name in batch['inputs']] == ['t', 't', 's', 's']
    assert len(batch['data_samples']) == 4


def _packed(domain: str, value: int) -> dict:
    sample = PoseDataSample(metainfo=dict(domain=domain))
    sample.gt_fields = PixelData(mask=torch.full((1, 4, 4), value / 8))
    if domain == 'synthetic':
        sample.gt_instance_labels = InstanceData(keypoint_norm=torch.full((1, 2, 3), value / 4))
    return dict(inputs=torch.full((3, 4, 4), value, dtype=torch.uint8), data_samples=sample)


def test_a_batch_crosses_processes_as_one_tensor():
    batch = collate_pairs([[_packed('target', 1), _packed('synthetic', 2)], [_packed('target', 3),
                                                                             _packed('synthetic', 4)]])
    assert batch['inputs'].shape == (4, 3, 4, 4) and batch['inputs'].dtype == torch.uint8
    assert batch['inputs'][:, 0, 0, 0].tolist() == [1, 3, 2, 4]
    masks = [sample.gt_fields.mask for sample in batch['data_samples']]
    assert all(isinstance(mask, np.ndarray) for mask in masks)
    assert [mask[0, 0, 0] for mask in masks] == [1 / 8, 3 / 8, 2 / 8, 4 / 8]
    labels = [sample.gt_instance_labels for sample in batch['data_samples'][2:]]
    assert [label.keypoint_norm[0, 0, 0] for label in labels] == [0.5, 1.0]
    tensors = []

    class Pickler(pickle.Pickler):
        """Counts the tensors, which a worker would hand over by files."""

        def persistent_id(self, item):
            """Not stored."""
            return tensors.append(item) or 'tensor' if isinstance(item, torch.Tensor) else None

    Pickler(io.BytesIO()).dump(batch)
    assert len(tensors) == 1


def test_active_domains():
    dataset = _paired()
    dataset.activate({'synthetic'})
    assert [s['inputs'][0] for s in dataset[0]] == ['s']
    with pytest.raises(ValueError, match="has no 'target'"):
        _paired(target=None).activate({'target', 'synthetic'})


def test_refusals():
    with pytest.raises(ValueError, match='target data set .* is empty'):
        _paired(target=0)
    with pytest.raises(ValueError, match='different numbers of keypoints'):
        _paired(num_keypoints=17)


def test_missing_targets_are_said_before_anything_is_rendered(tmp_path, monkeypatch):
    monkeypatch.setattr(_NumberedDataset, '__init__', lambda *_, **__: pytest.fail('the synthetic set was made first'))
    with pytest.raises(FileNotFoundError, match='no such folder of images'):
        PairedDataset(synthetic=dict(type='_NumberedDataset', name='s', size=5),
                      target=dict(type='ImageFolderDataset', data_root=str(tmp_path / 'none'), skeleton='h36m18'))
