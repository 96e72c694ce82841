"""The sampler's keys name sample, epoch and seed."""
import random

import numpy as np
import torch

from mmxas.datasets.samplers import SampleKey, SeededSampler, seeded


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


def _draw():
    return random.random(), np.random.rand(), torch.rand(1).item()


def test_block_is_a_function_of_its_key_and_leaves_the_states():
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    outside = _draw()
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    with seeded(1, 2):
        inside = _draw()
    assert _draw() == outside
    with seeded(1, 2):
        assert _draw() == inside
    with seeded(2, 1):
        assert _draw() != inside
