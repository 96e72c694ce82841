"""The sampler's keys name sample, epoch and seed."""
from mmxas.datasets.samplers import SampleKey, SeededSampler


def test_keys():
    sampler = SeededSampler(list('abcd'), shuffle=True, seed=5)
    sampler.set_epoch(2)
    keys = list(sampler)
    assert sorted(k.index for k in keys) == [0, 1, 2, 3]
    assert all(k[1:] == (2, 5) and isinstance(k, SampleKey) for k in keys)
    assert list(sampler) == keys
    sampler.set_epoch(3)
    assert [k.index for k in sampler] != [k.index for k in keys] or next(iter(sampler)).epoch == 3


def test_one_pass_begins_where_a_resumed_run_stood():
    sampler = SeededSampler(list('abcde'), shuffle=True, seed=5)
    whole = list(sampler)
    sampler.start_at(3)
    assert list(sampler) == whole[3:]
    assert list(sampler) == whole
    assert len(sampler) == 5
