"""Stop a training with useless masks before it starts."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmxas.datasets.inspection import inner_datasets
from mmxas.io import foreground, nearly_all_bad, read_mask
from mmxas.io.images import UnreadableImageError
from mmxas.registry import HOOKS


@HOOKS.register_module()
class MaskCoverageHook(Hook):
    """Stop a training if nearly all masks of a target data set are empty or full, so that nothing can be learnt.

    Before the training, some raw masks of each data set with ``domain='target'`` are checked, including those inside
    pairs and mixtures. A mask is empty below 0.1 % of its image and full above 99 %; "nearly all" means 90 %.

    Args:
        num: Number of masks per data set to check, evenly spread. Defaults to 32.

    Raises:
        ValueError: ``num`` is less than 1, or, before the training, nearly all masks are empty or full.
    """

    def __init__(self, num: int = 32) -> None:
        if num < 1:
            raise ValueError(f'num={num}, expected 1 or more')
        self.num = num

    def before_train(self, runner: Runner) -> None:
        """Check the masks.

        Raises:
            ValueError: Nearly all masks of a data set are empty or full.
        """
        for dataset in _targets(runner.train_dataloader.dataset):
            bad = nearly_all_bad(_shares(dataset, self.num))
            if bad:
                where = getattr(dataset, 'masks', None) or getattr(dataset, 'data_root', None) or ''
                raise ValueError(f'{type(dataset).__name__} {where}: {bad}, nothing to learn from. To see the '
                                 'foreground masks: mmxas check-dataset '
                                 f'{runner.cfg.filename or "CONFIG"}')


def _targets(dataset: Any) -> Iterator[Any]:
    """Yield the target data sets in a data set."""
    inner = inner_datasets(dataset)
    for part in inner:
        yield from _targets(part)
    if not inner and isinstance(dataset, BaseDataset) and getattr(dataset, 'domain', None) == 'target':
        yield dataset


def _shares(dataset: BaseDataset, num: int) -> list[float]:
    """Return the share of the image that each mask covers; unreadable ones are left out (training reports them)."""
    shares = []
    for index in np.unique(np.linspace(0, len(dataset) - 1, num).round().astype(int)).tolist():
        record = BaseDataset.get_data_info(dataset, index)  # does not decode the frame of a video
        try:
            if record.get('mask_path'):
                mask = read_mask(record['mask_path'], record.get('mask_ids'))
            elif getattr(dataset, 'video', None) is not None:
                return []
            else:
                mask = dataset.get_data_info(index).get('mask')
        except (UnreadableImageError, ValueError):
            continue
        if mask is None:
            return []
        shares.append(float(foreground(mask).mask.mean()))
    return shares
