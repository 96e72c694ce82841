"""Sampling in which each draw carries its own seed, and blocks of code that are seeded by it."""
import random
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from mmengine.dataset import DefaultSampler

from mmxas.registry import DATA_SAMPLERS


class SampleKey(NamedTuple):
    """What a sampler asks a data set for: the sample, and what its randomness is a function of."""
    index: int
    epoch: int
    seed: int


@DATA_SAMPLERS.register_module()
class SeededSampler(DefaultSampler):
    """mmengine's ``DefaultSampler`` that yields :class:`SampleKey`.

    Augmentation then depends on (seed, epoch, index) alone: not on the number of workers, nor on what was drawn before,
    so that a resumed run sees what an unbroken one would have seen.
    """

    _begin = 0

    def start_at(self, position: int) -> None:
        """Begin the next pass behind this process' first ``position`` samples; later passes are whole again."""
        self._begin = position

    def __iter__(self) -> Iterator[SampleKey]:
        begin, self._begin = self._begin, 0
        return (SampleKey(int(index), self.epoch, int(self.seed)) for index in islice(super().__iter__(), begin, None))


@contextmanager
def seeded(*key: int) -> Iterator[None]:
    """Python's, NumPy's and torch's generators seeded by ``key`` inside the block, and as before behind it.

    mmcv's and mmpose's transforms draw from the global generators; this makes a sample a function of its key.
    """
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    seed = int(np.random.SeedSequence([k % 2**32 for k in key]).generate_state(1)[0])
    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(seed)  # torch.manual_seed would look at each device, and costs a millisecond
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
