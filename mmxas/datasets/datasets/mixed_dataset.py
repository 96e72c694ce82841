"""Several data sets as one, in given shares."""
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
    """Samples of several data sets in fixed shares an epoch (the scale-up of Figure 5).

    The positions of an epoch belong to the data sets in blocks, in the order of ``datasets``: a sampler, or
    :class:`PairedDataset`, shuffles them. Each data set is gone through in a random order that goes on from epoch to
    epoch and is drawn anew whenever all its samples were seen: of a data set larger than its share every epoch sees
    others, of a smaller one each sample equally often up to one. Which sample stands at a position is a function of
    (seed, epoch, position).

    Args:
        datasets: Configs of the data sets, or data sets.
        ratios: One positive number a data set: the shares of an epoch. Defaults to None: each sample once an epoch.
        length: Samples an epoch. Defaults to None: as many as all data sets hold together.
        metainfo: Not used here; see :class:`PairedDataset`. Defaults to None.

    Raises:
        ValueError: There is no data set, one is empty, they have different numbers of keypoints, the ratios do not fit,
            or an epoch is too short for one of the shares.
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
        """Samples an epoch."""
        return int(self._ends[-1])

    def __getitem__(self, key: SampleKey | int) -> Any:
        """The sample of a key; of a plain index, that of the first epoch under seed 0."""
        if not isinstance(key, tuple):
            return self.sample(int(key), 0, 0)
        with seeded(key.seed, key.epoch, key.index):
            return self.sample(key.index, key.epoch, key.seed)

    def sample(self, position: int, epoch: int, seed: int) -> Any:
        """The sample at a position of an epoch; its augmentation draws from the global generators as they are.

        Args:
            position: From 0 to the length.
            epoch: From 0.
            seed: Of the run.
        """
        part, index = self.locate(position, epoch, seed)
        return self.datasets[part][index]

    def locate(self, position: int, epoch: int, seed: int) -> tuple[int, int]:
        """The number of the data set, and the index in it, at a position of an epoch.

        Args:
            position: From 0 to the length.
            epoch: From 0.
            seed: Of the run.

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
    """Whole numbers in the given ratios, by largest remainders.

    Args:
        ratios: One positive number a share.
        length: What they add up to.
        num: How many there have to be.

    Raises:
        ValueError: Another number of ratios, one that is not positive, or a share of 0.
    """
    weights = np.asarray(ratios, dtype=np.float64)
    if weights.shape != (num, ) or not (np.isfinite(weights) & (weights > 0)).all():
        raise ValueError(f'ratios={list(ratios)}: {num} positive numbers expected, one a data set')
    exact = length * weights / weights.sum()
    counts = np.floor(exact).astype(int)
    rest = np.argsort(counts - exact, kind='stable')[:length - counts.sum()]
    counts[rest] += 1
    if (counts == 0).any():
        raise ValueError(f'length={length}: too short for the ratios {list(ratios)}, which give {counts.tolist()}')
    return counts.tolist()
