"""Warn if training reads crops without foreground."""
from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.structures import PoseDataSample

from mmxas.datasets.empty_crops import empty_crops
from mmxas.registry import HOOKS

NAMED = 5


@HOOKS.register_module()
class EmptyCropsHook(Hook):
    """Warn of batches in which many crops have no foreground (:func:`mmxas.datasets.empty_crops.is_empty`).

    A wrong pipeline step, such as a mask that is scaled twice, can blacken most crops without an error. Batches are
    checked before each step, up to the epoch's first warning, if they are crops (3, S, S) with a PoseDataSample.

    Args:
        share: Warn if more than this share of a batch is empty. Defaults to 0.05.

    Raises:
        ValueError: ``share`` is not in [0, 1).
    """

    def __init__(self, share: float = 0.05) -> None:
        if not 0 <= share < 1:
            raise ValueError(f'share={share}: a share of a batch in [0, 1) expected')
        self.share = share
        self._warned = False

    def before_train_epoch(self, runner: Runner) -> None:
        """Enable the check for this epoch."""
        self._warned = False

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict[str, Any] | None = None) -> None:
        """Check one batch."""
        if data_batch is None or self._warned or not _has_crops(data_batch):
            return
        samples = data_batch['data_samples']
        empty = empty_crops(data_batch['inputs'], samples)
        if len(empty) > self.share * len(samples):
            self._warned = True
            names = ', '.join(empty[:NAMED]) + (f' and {len(empty) - NAMED} more' if len(empty) > NAMED else '')
            runner.logger.warning(
                f'Epoch {runner.epoch + 1}, batch {batch_idx + 1}: {len(empty)} of {len(samples)} crops '
                f'({100 * len(empty) / len(samples):.0f} %) have no foreground: {names}. Look at what the network '
                f'sees: mmxas browse {runner.cfg.filename or "CONFIG"} (said once an epoch)')


def _has_crops(batch: Any) -> bool:
    """Return whether a batch consists of crops; a config of other data may inherit the hook."""
    if not isinstance(batch, dict) or not len(batch.get('inputs', ())):
        return False
    if not isinstance(batch.get('data_samples'), list) or not batch['data_samples']:
        return False
    return isinstance(batch['data_samples'][0], PoseDataSample) and tuple(batch['inputs'][0].shape[:-2]) == (3, )
