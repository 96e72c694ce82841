"""Sampling in which each draw carries its own seed."""
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

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
