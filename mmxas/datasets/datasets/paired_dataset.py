"""Unlabelled target crops beside synthetic pairs."""
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
    """One target sample and one synthetic sample an index, as a training step takes them (design, step 1).

    Each epoch goes through both sets in a new order, so that partners change; through a set shorter than the epoch more
    than once. Each sample's randomness is a function of (seed, epoch, index) where the sampler is
    :class:`SeededSampler`.

    Args:
        synthetic: Config of the synthetic (labelled) data set.
        target: Config of the target data set, or None to train on synthetic pairs alone.
        length: Pairs an epoch, or ``'target'``: as many as there are targets. Defaults to None: the length of the
            larger set.
        metainfo: Not used here: mmpose's ``init_model`` looks for it in the config, and takes ``METAINFO`` where it is
            absent. Give it with another skeleton than the default one. Defaults to None.

    Raises:
        ValueError: The two have different numbers of keypoints, one is empty, or ``length='target'`` comes without
            targets.
    """

    METAINFO: dict = XASDataset.METAINFO

    def __init__(self, synthetic: dict, target: dict | None = None, length: int | str | None = None,
                 metainfo: dict | None = None) -> None:
        # The targets first: what is missing of them is said before hours of rendering.
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
        """Load only these domains from now on: a stage without a loss on the targets need not read them.

        Raises:
            ValueError: A domain that there is no data set for.
        """
        missing = sorted(set(domains) - set(self.parts))
        if missing:
            raise ValueError(f'a loss needs {missing[0]} samples, but train_dataloader.dataset has no {missing[0]!r}')
        self.active = tuple(d for d in DOMAINS if d in domains)

    def __len__(self) -> int:
        return self.length or max(len(part) for part in self.parts.values())

    def __getitem__(self, key: SampleKey | int) -> list[dict]:
        """Packed samples of the active domains, target first."""
        if not isinstance(key, tuple):
            key = SampleKey(int(key), 0, 0)
        samples = []
        for number, domain in enumerate(self.active):
            with seeded(key.seed, key.epoch, key.index, number):
                samples.append(self._sample(domain, key))
        return samples

    def _sample(self, domain: str, key: SampleKey) -> dict:
        part, position = self.parts[domain], self._position(domain, key)
        if isinstance(part, MixedDataset):  # which sample stands at a position changes with the epoch
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
    """Samples of :class:`PairedDataset` to mmpose's batch: all targets, then all synthetic samples.

    A worker hands each tensor over by a file of its own, which costs more than the pixels. So the crops become one
    tensor (2 N, 3, S, S), and masks and labels arrays, which travel with the samples.
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
