"""Mixture of several data sets in given ratios."""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from mmxas.datasets.samplers import SampleKey, seeded
from mmxas.registry import DATASETS

from .xas_dataset import XASDataset

_KEEP = 16  # orders in memory


@DATASETS.register_module()
class MixedDataset(Dataset):
    """Samples of several data sets in fixed shares per epoch (the paper's Figure 5).

    The positions of an epoch form one block per data set, in the order of ``datasets``; a sampler or
    :class:`PairedDataset` shuffles them. Each data set is traversed in a random order that continues across epochs and
    is redrawn after each full pass. A data set larger than its share thus provides other samples every epoch; in a
    smaller one, counts per sample differ by at most one. The sample at a position depends on (seed, epoch, position)
    only.

    Args:
        datasets: Configs of the data sets, or data sets.
        ratios: One positive number per data set: the shares of an epoch. Defaults to None: each sample once per epoch.
        length: Number of samples per epoch. Defaults to None: the total of all data sets.
        metainfo: Unused; see :class:`PairedDataset`. Defaults to None.

    Raises:
        ValueError: There is no data set, one is empty, their numbers of keypoints differ, the ratios are invalid, or an
            epoch is too short for one of the shares.
    """

    METAINFO: dict = XASDataset.METAINFO

    def __init__(self, datasets: Sequence[Mapping[str, Any] | Dataset], ratios: Sequence[float] | None = None,
                 length: int | None = None, metainfo: dict | None = None) -> None:
        self.datasets = [DATASETS.build(part) if isinstance(part, Mapping) else part for part in datasets]
        self.names = [type(part).__name__ for part in self.datasets]
        self.sizes = [len(part) for part in self.datasets]
        if not self.datasets or 0 in self.sizes:
            raise ValueError(f'samples of {self.names}: {self.sizes}, expected at least one data set, and none empty')
        keypoints = [part.metainfo.get('num_keypoints') for part in self.datasets]
        if len(set(keypoints)) > 1:
            raise ValueError(f'different numbers of keypoints: {dict(zip(self.names, keypoints))}; give all data sets '
                             'one skeleton')
        self.counts = shares(ratios or self.sizes, length or sum(self.sizes), len(self.datasets))
        self._ends = np.cumsum(self.counts)
        self._orders: OrderedDict[tuple[int, int, int], np.ndarray] = OrderedDict()

    @property
    def metainfo(self) -> dict:
        """Meta information of the first data set."""
        return self.datasets[0].metainfo

    def __len__(self) -> int:
        """Return the number of samples per epoch."""
        return int(self._ends[-1])

    def __getitem__(self, key: SampleKey | int) -> Any:
        """Return the sample of a key; a plain index means epoch 0 and seed 0."""
        if not isinstance(key, tuple):
            return self.sample(int(key), 0, 0)
        with seeded(key.seed, key.epoch, key.index):
            return self.sample(key.index, key.epoch, key.seed)

    def sample(self, position: int, epoch: int, seed: int) -> Any:
        """Return the sample at a position of an epoch; its augmentation draws from the global generators.

        Args:
            position: Position in the epoch, from 0.
            epoch: Number of the epoch, from 0.
            seed: Seed of the run.
        """
        part, index = self.locate(position, epoch, seed)
        return self.datasets[part][index]

    def locate(self, position: int, epoch: int, seed: int) -> tuple[int, int]:
        """Return the number of the data set and the index in it for a position of an epoch.

        Args:
            position: Position in the epoch, from 0.
            epoch: Number of the epoch, from 0.
            seed: Seed of the run.

        Raises:
            IndexError: The position lies outside the epoch.
        """
        if not 0 <= position < len(self):
            raise IndexError(f'position {position} of {len(self)}')
        part = int(np.searchsorted(self._ends, position, side='right'))
        within = position - (int(self._ends[part - 1]) if part else 0)
        lap, place = divmod(epoch * self.counts[part] + within, self.sizes[part])
        return part, int(self._order(part, lap, seed)[place])

    def _order(self, part: int, lap: int, seed: int) -> np.ndarray:
        key = part, lap, seed
        if key not in self._orders:
            rng = np.random.default_rng([seed % 2**32, lap, part])
            self._orders[key] = rng.permutation(self.sizes[part])
            while len(self._orders) > _KEEP * len(self.sizes):
                self._orders.popitem(last=False)
        self._orders.move_to_end(key)
        return self._orders[key]


def shares(ratios: Sequence[float], length: int, num: int) -> list[int]:
    """Return whole numbers in the given ratios, by the largest remainder method.

    Args:
        ratios: One positive number per share.
        length: Sum of the shares.
        num: Expected number of ratios.

    Raises:
        ValueError: The number of ratios is wrong, one is not positive, or a share is 0.
    """
    weights = np.asarray(ratios, dtype=np.float64)
    if weights.shape != (num, ) or not (np.isfinite(weights) & (weights > 0)).all():
        raise ValueError(f'ratios={list(ratios)}: {num} positive numbers expected, one per data set')
    exact = length * weights / weights.sum()
    counts = np.floor(exact).astype(int)
    rest = np.argsort(counts - exact, kind='stable')[:length - counts.sum()]
    counts[rest] += 1
    if (counts == 0).any():
        raise ValueError(f'length={length}: too short for the ratios {list(ratios)}, which give {counts.tolist()}')
    return counts.tolist()
