"""Which sets a config renders."""
import sys

import pytest

from mmxas.datasets.rendered_sets import find_sets, prepare_sets

GENERATOR = dict(pose_source=dict(type='MocapPoses'), image_size=64, skeleton='h36m18')
PAIRS = dict(type='SyntheticPairDataset', data_root='data/pairs', generator=GENERATOR, num=10, seed=3,
             pipeline=[dict(type='NoSuchTransform')], skeleton='h36m18')
MOCAP = dict(type='MocapHuman', split=('test', 'ood'), data_root='data/motions', generator=GENERATOR,
             num=dict(test=2, ood=4), skeleton='h36m18')


def config(synthetic, **entries):
    target = dict(type='ImageFolderDataset', data_root='nowhere', skeleton='h36m18')
    pairs = dict(type='PairedDataset', synthetic=synthetic, target=target)
    return dict(train_dataloader=dict(dataset=pairs), **entries)


def test_sets_that_data_sets_read_by_their_folders():
    sets = find_sets(config(PAIRS, test_dataloader=dict(dataset=MOCAP)))
    assert list(sets) == ['pairs', 'motions/test', 'motions/ood']
    assert sets['pairs'] == dict(generator=GENERATOR, num=10, out='data/pairs', seed=3)
    assert sets['motions/ood']['num'] == 4 and sets['motions/ood']['out'] == 'data/motions/ood'
    assert 'crawl' in sets['motions/ood']['generator']['pose_source']['clips']
    assert list(find_sets(config(PAIRS), 'pairs')) == ['pairs']


def test_entries_of_the_config_come_first_and_their_folders_once():
    entries = dict(own=dict(generator=GENERATOR, num=10, out='data/pairs'), bare=dict(generator=GENERATOR))
    sets = find_sets(config(PAIRS, synthesis=entries, val_dataloader=dict(dataset=dict(MOCAP, split='test'))))
    assert list(sets) == ['own', 'bare', 'motions/test'] and sets['own'] is entries['own']


def test_of_two_lengths_the_longer_one_is_rendered():
    for nums in ((3, 5), (5, 3)):
        first, second = (dict(PAIRS, num=num) for num in nums)
        sets = find_sets(config(first, val_dataloader=dict(dataset=second)))
        assert [entry['num'] for entry in sets.values()] == [5]


def test_pairs_that_are_only_read_and_configs_without_any():
    assert find_sets(config(dict(PAIRS, generator=None, num=None))) == {}
    assert find_sets(config(dict(PAIRS, data_root=None))) == {}  # rendered when they are asked for
    with pytest.raises(ValueError, match="no synthesis set 'x' in the config; it has none"):
        find_sets(config(dict(PAIRS, generator=None, num=None)), 'x')
    with pytest.raises(ValueError, match="no synthesis set 'x' in the config; it has motions/ood, motions/test"):
        find_sets(dict(test_dataloader=dict(dataset=MOCAP)), 'x')
    with pytest.raises(ValueError, match='the config renders nothing: neither `synthesis'):
        find_sets(dict(test_dataloader=dict(dataset=dict(type='ImageFolderDataset', data_root='x', skeleton='h36m18'))))


def test_what_the_data_sets_of_some_loaders_read_is_prepared(monkeypatch):
    made = []
    monkeypatch.setattr(sys.modules['mmxas.synthesis.synthesize'], 'synthesize',
                        lambda generator, out, num, workers, seed: made.append((out, num, seed)))
    both = config(PAIRS, test_dataloader=dict(dataset=MOCAP), synthesis=dict(other=dict(generator=GENERATOR)))
    prepare_sets(both, ['train', 'val'])
    assert made == [('data/pairs', 10, 3)]
    made.clear()
    prepare_sets(both, ['test'])
    assert made == [('data/motions/test', 2, 0), ('data/motions/ood', 4, 0)]
    made.clear()
    prepare_sets(config(dict(PAIRS, generator=None, num=None)))
    prepare_sets(config(dict(PAIRS, data_root=None)))
    prepare_sets(dict(train_dataloader=dict(dataset=[1, 2]), val_dataloader=None))  # built already
    assert made == []
