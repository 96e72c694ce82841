"""Sampling with a seed per draw, and a context manager that applies it."""
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
    """Key that a sampler passes to a data set.

    Attributes:
        index: Index of the sample.
        epoch: Epoch of its randomness.
        seed: Seed of its randomness.
    """

    index: int
    epoch: int
    seed: int


@DATA_SAMPLERS.register_module()
class SeededSampler(DefaultSampler):
    """mmengine's ``DefaultSampler``, yielding :class:`SampleKey`.

    Augmentation then depends only on (seed, epoch, index), not on the number of workers or on earlier draws, so a
    resumed run gets the same samples as an uninterrupted one.
    """

    _begin = 0

    def start_at(self, position: int) -> None:
        """Skip this process's first ``position`` samples in the next pass; later passes are complete."""
        self._begin = position

    def __iter__(self) -> Iterator[SampleKey]:
        begin, self._begin = self._begin, 0
        return (SampleKey(int(index), self.epoch, int(self.seed)) for index in islice(super().__iter__(), begin, None))


@contextmanager
def seeded(*key: int) -> Iterator[None]:
    """Seed Python's, NumPy's and torch's generators by ``key`` inside the block, and restore them afterwards.

    mmcv's and mmpose's transforms draw from the global generators; this makes a sample depend on its key only.
    """
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    seed = int(np.random.SeedSequence([k % 2**32 for k in key]).generate_state(1)[0])
    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(seed)  # torch.manual_seed also seeds all devices, which takes 1 ms
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
