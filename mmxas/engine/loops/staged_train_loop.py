"""Training through the stages that a config declares."""
from collections.abc import Sequence

import torch
from mmengine.dist import get_rank
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import EpochBasedTrainLoop, set_random_seed

from mmxas.engine.hooks.update_gate_hook import UpdateGateHook
from mmxas.engine.stages import Stage, parse_stages, stage_at
from mmxas.registry import LOOPS


@LOOPS.register_module()
class StagedTrainLoop(EpochBasedTrainLoop):
    """Epoch-based training whose losses, data and learning rate follow ``stages``; resumes inside any of them.

    At a stage's start the model is told which losses are on (``model.set_stage(loss_weights)``) and the paired data
    set which domains to load. The learning rate is :class:`StagedLR`'s, unless the config has a ``param_scheduler``.
    Each epoch begins with random states that are a function of (seed, epoch, rank), so that an unbroken run and a
    resumed one draw the same numbers.

    Args:
        runner: The runner.
        dataloader: The training data loader or its config.
        stages: See :class:`mmxas.engine.stages.Stage`.
        alternate: Alternating updates: ``dict(discriminator=1, detector=1)`` steps the discriminator once, then
            everything else once, and so on. Defaults to None: both in every iteration.
        kwargs: ``EpochBasedTrainLoop``'s ``val_begin``, ``val_interval``, ``dynamic_intervals``.

    Raises:
        ValueError: The data set's number of keypoints is not the head's.
    """

    def __init__(self, runner, dataloader, stages: Sequence[dict | Stage], alternate: dict | None = None,
                 **kwargs) -> None:
        self.stages = parse_stages(stages)
        kwargs.pop('max_epochs', None)
        super().__init__(runner, dataloader, max_epochs=sum(s.epochs for s in self.stages), **kwargs)
        self.current_stage: Stage | None = None
        if runner.param_schedulers is None:
            runner.param_schedulers = [
                dict(type='StagedLR', stages=list(self.stages), iters_per_epoch=len(self.dataloader))]
        runner.register_hook(UpdateGateHook(alternate), priority='VERY_HIGH')
        self._check_keypoints()
        for stage in self.stages:
            self.model.check_stage(stage.loss_weights)

    @property
    def model(self) -> torch.nn.Module:
        """The estimator, out of its distributed wrapper."""
        model = self.runner.model
        return model.module if is_model_wrapper(model) else model

    def _check_keypoints(self) -> None:
        metainfo = getattr(self.dataloader.dataset, 'metainfo', None) or {}
        given, wanted = metainfo.get('num_keypoints'), self.model.head.num_keypoints
        if given is not None and given != wanted:
            raise ValueError(f'{type(self.dataloader.dataset).__name__}: {given} keypoints, but model.head.num_keypoints'
                             f' is {wanted}: set both to one skeleton')

    def run_epoch(self) -> None:
        """Enter the epoch's stage, seed it, train."""
        begin, stage = stage_at(self.stages, self._epoch)
        if stage is not self.current_stage:
            self._enter(stage, begin)
        seed = (self.runner.seed or 0) * 1_000_003 + self._epoch * 1009 + get_rank()
        set_random_seed(seed % 2**32)
        super().run_epoch()

    def _enter(self, stage: Stage, begin: int) -> None:
        self.current_stage = stage
        self.model.set_stage(stage.loss_weights)
        dataset = self.dataloader.dataset
        if hasattr(dataset, 'activate'):
            dataset.activate(self.model.domains)
            # Persistent workers hold a copy of the data set from before: let new ones start.
            self.dataloader._iterator = None
        terms = ', '.join(f'{name} {weight:g}' for name, weight in stage.loss_weights.items())
        print_log(f'Stage {stage.name!r}: epochs {begin + 1}–{begin + stage.epochs}, lr {stage.lr:g} '
                  f'({stage.schedule}), losses: {terms}; data: {", ".join(sorted(self.model.domains))}', 'current')
