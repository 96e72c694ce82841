"""Pairs of an unlabelled target crop and a synthetic pair."""
from collections.abc import Collection, Sequence

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import FUNCTIONS
from torch.utils.data import Dataset, default_collate

from mmxas.datasets.samplers import SampleKey, seeded
from mmxas.registry import DATASETS

from .mixed_dataset import MixedDataset
from .xas_dataset import XASDataset

DOMAINS = ('target', 'synthetic')


@DATASETS.register_module()
class PairedDataset(Dataset):
    """One target sample and one synthetic sample per index, for a training step.

    Both sets are shuffled independently every epoch, so partners change; a set shorter than the epoch is repeated. With
    :class:`SeededSampler` each sample's randomness depends on (seed, epoch, index) only.

    Args:
        synthetic: Config of the synthetic (labelled) data set.
        target: Config of the target data set, or None to train on synthetic pairs alone.
        length: Number of pairs per epoch, or ``'target'``: the number of target samples. Defaults to None: the length
            of the larger set.
        metainfo: Unused here; mmpose's ``init_model`` reads it from the config, and uses ``METAINFO`` if it is missing.
            Set it for skeletons other than the default one. Defaults to None.

    Raises:
        ValueError: The numbers of keypoints differ, a data set is empty, or ``length='target'`` without a target data
            set.
    """

    METAINFO: dict = XASDataset.METAINFO

    def __init__(self, synthetic: dict, target: dict | None = None, length: int | str | None = None,
                 metainfo: dict | None = None) -> None:
        # Targets first, to report missing files before hours of rendering.
        self.parts = {} if target is None else {'target': DATASETS.build(target)}
        self.parts['synthetic'] = DATASETS.build(synthetic)
        for domain, part in self.parts.items():
            if len(part) == 0:
                raise ValueError(f'the {domain} data set ({type(part).__name__}) is empty')
        counts = {d: p.metainfo.get('num_keypoints') for d, p in self.parts.items()}
        if len(set(counts.values())) > 1:
            raise ValueError(f'different numbers of keypoints: {counts}; give both data sets one skeleton')
        self.active = tuple(d for d in DOMAINS if d in self.parts)
        if isinstance(length, str) and (length != 'target' or target is None):
            raise ValueError(f"length={length!r}: a number, None, or 'target' beside a target data set expected")
        self.length = len(self.parts['target']) if length == 'target' else length
        self._orders: dict[str, tuple[tuple[int, int], np.ndarray]] = {}

    @property
    def metainfo(self) -> dict:
        """Meta information of the synthetic set."""
        return self.parts['synthetic'].metainfo

    def activate(self, domains: Collection[str]) -> None:
        """Load only these domains from now on, for stages without a loss on the targets.

        Raises:
            ValueError: A domain has no data set.
        """
        missing = sorted(set(domains) - set(self.parts))
        if missing:
            raise ValueError(f'a loss needs {missing[0]} samples, but train_dataloader.dataset has no {missing[0]!r}')
        self.active = tuple(d for d in DOMAINS if d in domains)

    def __len__(self) -> int:
        return self.length or max(len(part) for part in self.parts.values())

    def __getitem__(self, key: SampleKey | int) -> list[dict]:
        """Return the packed samples of the active domains, target first."""
        if not isinstance(key, tuple):
            key = SampleKey(int(key), 0, 0)
        samples = []
        for number, domain in enumerate(self.active):
            with seeded(key.seed, key.epoch, key.index, number):
                samples.append(self._sample(domain, key))
        return samples

    def _sample(self, domain: str, key: SampleKey) -> dict:
        part, position = self.parts[domain], self._position(domain, key)
        if isinstance(part, MixedDataset):  # its sample at a position changes with the epoch
            return part.sample(position, key.epoch, key.seed)
        return part[position]

    def _position(self, domain: str, key: SampleKey) -> int:
        state = (key.seed, key.epoch)
        if self._orders.get(domain, (None, None))[0] != state:
            size = len(self.parts[domain])
            rng = np.random.default_rng([key.seed % 2**32, key.epoch, DOMAINS.index(domain)])
            order = np.concatenate([rng.permutation(size) for _ in range(-(-len(self) // size))])
            self._orders[domain] = (state, order)
        return int(self._orders[domain][1][key.index])


@FUNCTIONS.register_module()
def collate_pairs(batch: Sequence[list[dict]]) -> dict:
    """Collate samples of :class:`PairedDataset` to mmpose's batch: all targets, then all synthetic samples.

    Workers pass each tensor through a separate file, which costs more than copying its pixels. Therefore the crops
    become one tensor (2 N, 3, S, S), and masks and labels become arrays, which are pickled with the samples.
    """
    collated = pseudo_collate([sample for group in zip(*batch, strict=True) for sample in group])
    if isinstance(collated['inputs'][0], torch.Tensor):
        collated['inputs'] = default_collate(collated['inputs'])
    for sample in collated['data_samples']:
        for name in ('gt_fields', 'gt_instance_labels'):
            element = getattr(sample, name, None)
            if element is not None:
                setattr(sample, name, element.numpy())
    return collated
