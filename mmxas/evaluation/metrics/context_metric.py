"""Base class of the metrics: counts each sample once and writes results with their context."""
from __future__ import annotations

from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from mmengine.dist import all_gather_object, broadcast_object_list, get_world_size, is_main_process
from mmengine.evaluator import BaseMetric

from mmxas.evaluation.context import EvaluationContext
from mmxas.evaluation.protocol import Protocol
from mmxas.evaluation.result_file import result_header, write_result

_MISSING = object()


class ContextMetric(BaseMetric):
    """Base of the metrics.

    In a distributed evaluation process i mod P evaluates sample i, and some samplers repeat samples to give all
    processes the same number. mmengine joins the parts only up to the shortest one, which loses samples of a sampler
    that does not repeat any. Here the parts are joined completely and cut to the size of the data set.

    Args:
        out_file: Json file for the result. Defaults to None: not written.
        collect_device: As in mmengine. Defaults to ``'cpu'``.
        prefix: Prefix of the metric's names. Defaults to ``'xas'``.
    """

    default_prefix = 'xas'
    context = EvaluationContext()

    def __init__(self, out_file: str | None = None, collect_device: str = 'cpu', prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.out_file = out_file

    def set_context(self, context: EvaluationContext) -> None:
        """Set what is evaluated; called by :class:`~mmxas.engine.hooks.EvaluationContextHook`."""
        self.context = context

    def evaluate(self, size: int) -> dict[str, float]:
        """Compute the metrics over the samples of all processes, each counted once.

        Args:
            size: Number of samples in the data set.

        Raises:
            ValueError: There are fewer records than samples.
        """
        if get_world_size() == 1:
            return super().evaluate(size)
        parts = all_gather_object(self.results)
        self.results.clear()
        joined = [r for r in chain.from_iterable(zip_longest(*parts, fillvalue=_MISSING)) if r is not _MISSING]
        if len(joined) < size:
            raise ValueError(f'{type(self).__name__}: {len(joined)} records of {size} samples: the sampler of the '
                             'evaluation leaves samples out; use DefaultSampler with shuffle=False')
        metrics = [self._prefixed(self.compute_metrics(joined[:size])) if is_main_process() else None]
        broadcast_object_list(metrics)
        return metrics[0]

    def _prefixed(self, metrics: dict[str, float]) -> dict[str, float]:
        return {f'{self.prefix}/{name}': value for name, value in metrics.items()} if self.prefix else metrics

    def write(self, protocol: Protocol, crop_from_root: bool, content: dict[str, Any]) -> None:
        """Write a result with its header (:func:`~mmxas.evaluation.result_file.result_header`) if ``out_file`` is set.

        Args:
            protocol: The protocol.
            crop_from_root: Whether crops were cut around the true root.
            content: The remaining fields: frame, unit, root, numbers.
        """
        if self.out_file is not None:
            header = result_header(type(self).__name__, protocol, crop_from_root, self.context)
            write_result(Path(self.out_file), header | content)
