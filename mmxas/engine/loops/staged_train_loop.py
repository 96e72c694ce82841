"""Training loop through the stages of a config."""
import logging
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import EpochBasedTrainLoop, FlexibleRunner, Runner, set_random_seed
from torch.utils.data import DataLoader

from mmxas.datasets.inspection import inner_datasets
from mmxas.datasets.rendered_sets import prepare_sets
from mmxas.datasets.shared_parts import share
from mmxas.engine.batch_dump import dump_batch
from mmxas.engine.config_knobs import refuse_unapplied
from mmxas.engine.hooks.preemption_hook import sigterm_given_back
from mmxas.engine.hooks.update_gate_hook import UpdateGateHook
from mmxas.engine.optim.autocast_optim_wrapper import begin_epoch
from mmxas.engine.optim.staged_lr import StagedLR
from mmxas.engine.stages import Stage, parse_stages, stage_at
from mmxas.engine.wrappers import ShardedBackboneDataParallel
from mmxas.registry import LOOPS
from mmxas.structures import Skeleton, require_same_skeleton


def transforms_of(dataset: Any) -> Iterator[Any]:
    """Yield the transforms of a data set's pipeline and of its nested data sets."""
    for part in inner_datasets(dataset):
        yield from transforms_of(part)
    yield from getattr(getattr(dataset, 'pipeline', None), 'transforms', ())


def read_together(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return logged scalars, copied to the CPU at once: mmengine would synchronise the GPU for each of them."""
    on_gpu = {name: value.detach() for name, value in outputs.items()
              if isinstance(value, torch.Tensor) and value.device.type != 'cpu'}
    if not on_gpu:
        return dict(outputs)
    return {**outputs, **dict(zip(on_gpu, torch.stack(list(on_gpu.values())).cpu(), strict=True))}


@LOOPS.register_module()
class StagedTrainLoop(EpochBasedTrainLoop):
    """Epoch-based training whose losses, data and learning rate follow ``stages``; resumes inside any of them,
    and inside an epoch if the checkpoint was saved there (``CheckpointHook(by_epoch=False)``).

    At the start of a stage, the losses of the model (``model.set_stage(loss_weights)``) and the domains of the paired
    data set are set. :class:`StagedLR` sets the learning rate, unless the config has a ``param_scheduler``.
    The random states of each iteration are a function of (seed, iteration, rank), so that an uninterrupted run and a
    resumed one draw the same numbers, whatever else draws some in between (such as a data loader that starts workers).

    Args:
        runner: The runner; data sets take skeleton and codec from ``model`` in its config
            (:func:`mmxas.datasets.shared_parts.share`).
        dataloader: The training data loader or its config.
        stages: See :class:`mmxas.engine.stages.Stage`.
        alternate: Alternating updates: ``dict(discriminator=1, detector=1)`` updates the discriminator in one step and
            everything else in the next, and so on. Defaults to None: both in every iteration.
        **kwargs: ``EpochBasedTrainLoop``'s ``val_begin``, ``val_interval``, ``dynamic_intervals``.

    Raises:
        ValueError: The data set's skeleton, or ``align_corners`` of its encoder, differs from the model's; a stage
            weighs a loss that the model lacks, or one whose network, data or masks are missing; or the config's knobs
            were not applied.
    """

    def __init__(self, runner: Runner, dataloader: DataLoader | dict, stages: Sequence[dict | Stage],
                 alternate: dict | None = None, **kwargs) -> None:
        refuse_unapplied(runner.cfg)
        prepare_sets(runner.cfg, ['train', 'val'])
        self.stages = parse_stages(stages)
        kwargs.pop('max_epochs', None)
        dataloader = share(dataloader, runner.cfg.get('model'), 'train_dataloader')
        if isinstance(dataloader, dict) and torch.cuda.is_available():
            dataloader = {'pin_memory': True, **dataloader}
        super().__init__(runner, dataloader, max_epochs=sum(s.epochs for s in self.stages), **kwargs)
        self.current_stage: Stage | None = None
        if runner.param_schedulers is None:
            runner.param_schedulers = [
                dict(type='StagedLR', stages=list(self.stages), iters_per_epoch=len(self.dataloader))]
        runner.register_hook(UpdateGateHook(alternate), priority='VERY_HIGH')
        if isinstance(runner.model, torch.nn.Module):  # FlexibleRunner builds it later
            self._check_model()

    @property
    def model(self) -> torch.nn.Module:
        """The estimator, without its distributed wrapper."""
        model = self.runner.model
        return model.module if is_model_wrapper(model) else model

    def _check_model(self) -> None:
        self._check_skeletons(self.dataloader.dataset)
        self._check_align_corners()
        for stage in self.stages:
            self._set(stage)
            self._check_masks(stage)

    def _check_masks(self, stage: Stage) -> None:
        """Raise early if a stage needs masks that are missing; the paper's first such stage starts after 50 epochs."""
        dataset, model = self.dataloader.dataset, self.model
        reads = [name for name in model.loss_weights if model.criteria[name].reads == 'mask']
        if not reads or not hasattr(dataset, 'activate'):
            return
        sample = dataset[0][0]['data_samples']
        if 'gt_fields' not in sample or 'mask' not in sample.gt_fields:
            raise ValueError(f'stage {stage.name!r}: the loss {reads[0]!r} reads masks, but the target data set has '
                             f'none ({sample.metainfo.get("img_path")}); mmxas masks makes them')

    def _check_skeletons(self, dataset: Any) -> None:
        """Raise if a data set's skeleton differs from the model's."""
        for part in inner_datasets(dataset):
            self._check_skeletons(part)
        if isinstance(skeleton := getattr(dataset, 'skeleton', None), Skeleton):
            require_same_skeleton(skeleton, self.model.skeleton, type(dataset).__name__)
        given, wanted = (getattr(dataset, 'metainfo', None) or {}).get('num_keypoints'), self.model.head.num_keypoints
        if given is not None and given != wanted:
            raise ValueError(f'{type(dataset).__name__}: {given} keypoints, but model.head.num_keypoints is {wanted}: '
                             'set both to one skeleton')

    def _check_align_corners(self) -> None:
        """Raise if labels and head use different ``align_corners``, an offset of half a bin that causes no error."""
        wanted = getattr(self.model.head, 'align_corners', None)
        encoders = [step.encoder for step in transforms_of(self.dataloader.dataset) if hasattr(step, 'encoder')]
        for given in (getattr(encoder, 'align_corners', wanted) for encoder in encoders):
            if given != wanted:
                raise ValueError(f'the encoder of the training pipeline has align_corners={given!r}, but '
                                 f'model.head.decoder has {wanted!r}: leave the encoder out, so that the head\'s codec '
                                 'is used, or give both the same codec')

    def run(self) -> torch.nn.Module:
        """Train from the position that the runner was resumed at."""
        if isinstance(self.runner, FlexibleRunner):
            self._check_model()
        self._count_in_this_length()
        if self._iter and not self.runner._randomness_cfg.get('diff_rank_seed'):
            self.dataloader.sampler.seed = self.runner.seed  # the checkpoint's, if the config has none
        with sigterm_given_back():
            return super().run()

    def _count_in_this_length(self) -> None:
        """Convert the position to the new epoch length after a resume with another batch size or process count."""
        info, now = self.runner.message_hub.runtime_info, len(self.dataloader)
        before = info.get('iters_per_epoch', now)
        self.runner.message_hub.update_info('iters_per_epoch', now)
        if before == now:
            return
        done, self._iter = self._iter, round(self._iter * now / before)
        for scheduler in self.runner.param_schedulers or ():
            if isinstance(scheduler, StagedLR):
                scheduler.last_step = self._iter
        print_log(f'Epochs have {now} iterations, {before} before: iteration {done} becomes {self._iter}',
                  'current', logging.WARNING)

    def run_epoch(self) -> None:
        """Enter the epoch's stage and train the epoch, or the rest of it in a resumed run."""
        begin, stage = stage_at(self.stages, self._epoch)
        if stage is not self.current_stage:
            self._enter(stage, begin)
        self._bound_history()
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        done = max(self._iter - self._epoch * len(self.dataloader), 0)
        begin_epoch(self.runner.optim_wrapper, self.runner.model, done, len(self.dataloader))
        for idx, data_batch in self._batches(done):
            self.run_iter(idx, data_batch)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1

    def _bound_history(self) -> None:
        """Limit the history of logged numbers to what averages need: mmengine keeps a million, also in checkpoints."""
        processor = self.runner.log_processor
        windows = [processor.window_size, *(entry.get('window_size') for entry in processor.custom_cfg)]
        if 'global' in windows:
            return
        length = max(len(self.dataloader), *(window for window in windows if isinstance(window, int)))
        for history in self.runner.message_hub.log_scalars.values():
            history.max_length = length

    def _batches(self, done: int) -> Iterator[tuple[int, dict]]:
        """Yield number and content of each batch of the epoch after the first ``done`` ones."""
        sampler, size = self.dataloader.sampler, self.dataloader.batch_size
        if done and size and hasattr(sampler, 'start_at'):
            sampler.start_at(done * size)
            return enumerate(self.dataloader, start=done)
        return islice(enumerate(self.dataloader), done, None)

    def run_iter(self, idx: int, data_batch: dict) -> None:
        """Seed and train one iteration; dump the batch if a loss is not finite.

        Raises:
            FloatingPointError: A loss is not finite; the message has the dump's path for ``mmxas replay``.
        """
        key = np.random.SeedSequence([(self.runner.seed or 0) % 2**32, self._iter, get_rank()])
        seed = int(key.generate_state(1)[0])
        set_random_seed(seed)
        runner = self.runner
        try:
            runner.call_hook('before_train_iter', batch_idx=idx, data_batch=data_batch)
            outputs = read_together(runner.model.train_step(data_batch, optim_wrapper=runner.optim_wrapper))
            runner.call_hook('after_train_iter', batch_idx=idx, data_batch=data_batch, outputs=outputs)
        except FloatingPointError as error:
            raise FloatingPointError(f'{error}{self._dump(data_batch, seed, str(error))}') from error
        self._iter += 1

    def _dump(self, data_batch: dict, seed: int, error: str) -> str:
        wrapper = self.runner.optim_wrapper
        if isinstance(self.runner.model, ShardedBackboneDataParallel):  # gathering needs the other processes
            return '; the batch was not dumped: the weights are spread over several processes'
        autocast = [wrapper.device_type, str(wrapper.dtype).rpartition('.')[2]] if getattr(
            wrapper, 'enabled', False) and hasattr(wrapper, 'dtype') else None
        path = Path(self.runner.work_dir) / 'non_finite' / f'iter_{self._iter}_rank_{get_rank()}.pth'
        facts = dict(seed=seed, iteration=self._iter, error=error, autocast=autocast, loss_weights=dict(
            self.model.loss_weights), config=self.runner.cfg.pretty_text,
            device=next(self.model.parameters()).device.type)
        try:
            dump_batch(path, self.model, data_batch, facts)
        except OSError as failure:
            return f'; the batch could not be dumped ({failure})'
        return f'; dumped: {path}'

    def _set(self, stage: Stage) -> None:
        self.model.set_stage(stage.loss_weights)
        if hasattr(self.dataloader.dataset, 'activate'):
            self.dataloader.dataset.activate(self.model.domains)

    def _enter(self, stage: Stage, begin: int) -> None:
        self.current_stage = stage
        # The log averages over a window: terms of the previous stage would remain in it.
        scalars = self.runner.message_hub.log_scalars
        for name in [n for n in scalars if n.startswith(('train/loss', 'train/grad/'))]:
            del scalars[name]
        self._set(stage)
        # Persistent workers hold an old copy of the data set: start new ones.
        self.dataloader._iterator = None
        terms = ', '.join(f'{name} {weight:g}' for name, weight in stage.loss_weights.items())
        print_log(f'Stage {stage.name!r}: epochs {begin + 1}–{begin + stage.epochs}, lr {stage.lr:g} '
                  f'({stage.schedule}), losses: {terms}; data: {", ".join(sorted(self.model.domains))}', 'current')
