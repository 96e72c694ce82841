"""Label-free metrics: one number per sample, averaged, so that ``save_best`` works without labels."""
from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmxas.evaluation.protocol import Protocol
from mmxas.evaluation.report import background_of, backgrounds, grouped, sample_key, tables_by
from mmxas.structures import Skeleton, load_skeleton

from .context_metric import ContextMetric

NO_LABELS = Protocol(best_of_h_per_pose=False, best_of_h_per_joint=False, true_root_depth=False, true_intrinsics=False)


class LabelFreeMetric(ContextMetric):
    """Base of the label-free metrics: a subclass sets ``quantity`` and ``unit`` and returns one value per sample.

    Args:
        skeleton: Name, file or data of the skeleton. By default taken from ``model.skeleton``
            (:func:`mmxas.datasets.shared_parts.share`).
        group_by: As in :class:`~.xas_pose_metric.XASPoseMetric`. Defaults to ``('action', 'camera')``.
        **kwargs: Arguments of :class:`~.context_metric.ContextMetric`.
    """

    quantity = 'value'
    unit = ''
    needs = 'predictions'
    worst: float | None = None

    def __init__(self, skeleton: str | dict | Skeleton | None = None, group_by: Sequence[str] = ('action', 'camera'),
                 **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.skeleton, self.group_by = load_skeleton(skeleton), tuple(group_by)

    @abstractmethod
    def values(self, data_batch: Any, data_samples: Sequence[dict]) -> list[float | None]:
        """Return one value per sample, None where it is undefined."""

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Store one value per sample."""
        for sample, value in zip(data_samples, self.values(data_batch, data_samples)):
            self.results.append({
                self.quantity: None if value is None or np.isnan(value) else float(value),
                'box': sample.get('box_source'), 'clip': str(sample.get('clip') or ''),
                'background': background_of(sample),
                'keys': {name: sample_key(sample, name) for name in self.group_by}})

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Average over the samples that have a value; if none has one, return ``worst`` if defined.

        Raises:
            ValueError: No sample has a value, and there is no ``worst``; the message says what is missing.
        """
        values = np.array([np.nan if r[self.quantity] is None else r[self.quantity] for r in results], dtype=float)
        if np.isnan(values).all():
            if self.worst is None:
                raise ValueError(f'none of {len(results)} samples has {self.needs}')
            print_log(f'{self.quantity}: none of {len(results)} samples has {self.needs}; it counts as {self.worst:g}',
                      'current', logging.WARNING)
            values = np.full_like(values, self.worst)
        errors = {self.quantity: values}
        keys = {name: [r['keys'].get(name, '') for r in results] for name in self.group_by}
        self.write(NO_LABELS, any(r['box'] == 'root' for r in results), {
            'background': backgrounds(results), 'frame': 'crop', 'unit': self.unit, 'root': None,
            'skeleton': self.skeleton.name,
            'num_samples': len(results), 'num_counted': sum(r[self.quantity] is not None for r in results),
            'groups': grouped(errors, [r['clip'] for r in results], None),
            'tables': {name: tables_by(errors, found) for name, found in keys.items() if any(found)}})
        return {self.quantity: float(np.nanmean(values))}
