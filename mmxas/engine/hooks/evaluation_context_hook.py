"""Give metrics the evaluated model, its checkpoint and the data set."""
from __future__ import annotations

from typing import Any

from mmengine.dist import is_main_process
from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmxas.engine.config_knobs import refuse_unapplied
from mmxas.evaluation.context import EvaluationContext, checkpoint_facts, dataset_facts
from mmxas.registry import HOOKS


@HOOKS.register_module()
class EvaluationContextHook(Hook):
    """Give every metric with ``set_context`` the model, the checkpoint's hash and the data set's description.

    Metrics that run the model (:class:`~mmxas.evaluation.metrics.FlipRateMetric`,
    :class:`~mmxas.evaluation.metrics.DiscriminatorScoreMetric`) need it; the others write it into their result files.
    """

    def before_val_epoch(self, runner: Runner) -> None:
        """Describe the run so far."""
        if runner.val_evaluator is None:
            return
        checkpoint = {'file': None, 'sha256': None, 'run': runner.timestamp, 'epoch': runner.epoch,
                      'iteration': runner.iter}
        _tell(runner, runner.val_evaluator, checkpoint, runner.val_dataloader.dataset, 'val')

    def before_test_epoch(self, runner: Runner) -> None:
        """Describe the checkpoint that was loaded.

        Raises:
            ValueError: The config's knobs were not applied (:mod:`mmxas.engine.config_knobs`).
        """
        refuse_unapplied(runner.cfg)
        checkpoint = checkpoint_facts(runner._load_from) if is_main_process() else {}
        _tell(runner, runner.test_evaluator, checkpoint, runner.test_dataloader.dataset, 'test')


def _tell(runner: Runner, evaluator: Evaluator, checkpoint: dict[str, Any], dataset: Any, mode: str) -> None:
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    context = EvaluationContext(model, checkpoint, dataset_facts(dataset, mode))
    for metric in evaluator.metrics:
        if hasattr(metric, 'set_context'):
            metric.set_context(context)
