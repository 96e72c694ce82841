"""Atomic checkpoints, so that a run killed at any moment can resume."""
import os
from pathlib import Path

import torch
from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner
from torch import nn

from mmxas.engine.optim.autocast_optim_wrapper import is_between_steps
from mmxas.io.atomic_writes import write_atomically
from mmxas.registry import HOOKS


@register_backend('atomic_local')
class AtomicLocalBackend(LocalBackend):
    """mmengine's local backend with atomic writes: a temporary file is moved into place."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write a file atomically.

        Raises:
            OSError: The file cannot be written; an existing file stays as it was.
        """
        try:
            write_atomically(Path(filepath), lambda file: file.write(obj))
        except OSError as error:
            raise OSError(error.errno, f'not written ({error.strerror}), {len(obj)} bytes; earlier files '
                          'are complete: free space or allow writing there, then --resume', str(filepath)) from error


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """mmengine's ``CheckpointHook`` with atomic writes: at any moment there is a checkpoint to resume from.

    mmengine removes the oldest checkpoint before it writes the newest, writes that in place (and rewrites it after an
    evaluation that was the best so far), and truncates ``last_checkpoint`` before updating it. Here each file is moved
    into place when it is complete, and the oldest is removed last. Incomplete files of a killed run are removed when
    the next run starts.

    Weights that are not finite are not saved: the run ends, and the previous checkpoint stays the newest. With
    ``accumulative_counts``, a checkpoint that is due within a step is saved after that step.

    A resumed run reads from the checkpoint which file is the best so far, and removes it when a better one comes. If
    that file is not in ``out_dir`` or has another kind of name, it is not removed.

    Args:
        out_dir: As in ``CheckpointHook``; a remote one (``s3://…``) uses its own backend.
        backend_args: As in ``CheckpointHook``. Defaults to the atomic local backend.
        **kwargs: ``CheckpointHook``'s other arguments. ``save_best`` of one of the package's metrics needs no ``rule``.
    """

    # mmengine's 'top' means accuracy/top1; here each top-1 metric has it in its name.
    _default_greater_keys = [*(key for key in CheckpointHook._default_greater_keys if key != 'top'),
                             'mask_iou', 'PCK', 'pckh', 'discriminator_score']
    _default_less_keys = [
        *CheckpointHook._default_less_keys, 'MPJPE', '2d_error', 'asymmetry', 'flip_rate', 'ambiguity_ratio']

    def __init__(self, *args, out_dir: str | None = None, backend_args: dict | None = None, **kwargs) -> None:
        if backend_args is None and kwargs.get('file_client_args') is None and '://' not in (out_dir or ''):
            backend_args = dict(backend='atomic_local')
        super().__init__(*args, out_dir=out_dir, backend_args=backend_args, **kwargs)
        self._due = False

    def before_train(self, runner: Runner) -> None:
        """Prepare as mmengine does, and remove incomplete files of a killed run."""
        info = runner.message_hub.runtime_info
        if 'keep_ckpt_ids' in info:
            info['keep_ckpt_ids'] = [step for step in info['keep_ckpt_ids'] if isinstance(step, int)]
        super().before_train(runner)
        if self.save_best is not None and len(self.key_indicators) == 1:
            self.best_ckpt_path = self._own(self.best_ckpt_path)
        elif self.save_best is not None:
            self.best_ckpt_path_dict = {key: self._own(path) for key, path in self.best_ckpt_path_dict.items()}
        if is_main_process():
            folders = {Path(runner.work_dir), Path(self.out_dir)}
            for part in [path for folder in folders for path in folder.glob('.*.tmp')]:
                if '.pth.' in part.name or part.name.startswith('.last_checkpoint.'):
                    part.unlink(missing_ok=True)

    def _own(self, path: str | None) -> str | None:
        folder, name = os.path.split(str(path or ''))
        is_own = name.startswith('best_') and name.endswith('.pth')
        return path if is_own and os.path.normpath(folder) == os.path.normpath(self.out_dir) else None

    def every_n_train_iters(self, runner: Runner, n: int, start: int = 0) -> bool:
        """Return whether a checkpoint is due now, or was due within the step that ends now."""
        self._due = super().every_n_train_iters(runner, n, start) or self._due
        if not self._due or not is_between_steps(runner.optim_wrapper):
            return False
        self._due = False
        return True

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        check_weights(runner.model, self._path(step))
        outdated = []
        if self.max_keep_ckpts > 0 and step not in self.keep_ckpt_ids:
            outdated = [*self.keep_ckpt_ids, step][:-self.max_keep_ckpts]
            self.keep_ckpt_ids.append(step)  # its length is limited: the outdated entry is dropped
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        self.last_ckpt = self._path(step)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir, self.filename_tmpl.format(step), self.file_client_args, save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler, meta=meta, by_epoch=self.by_epoch,
            backend_args=self.backend_args, **self.args)
        if is_main_process():
            name = self.last_ckpt.encode()
            write_atomically(Path(runner.work_dir) / 'last_checkpoint', lambda file: file.write(name))
            for path in map(self._path, outdated):
                if self.file_backend.isfile(path):
                    self.file_backend.remove(path)

    def _path(self, step: int) -> str:
        return self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(step))


def check_weights(model: nn.Module, path: str) -> None:
    """Raise if a weight of a model is not finite, so that the last good checkpoint stays the newest.

    Raises:
        FloatingPointError: A weight is not finite; the message has its name and the checkpoint that was not written.
    """
    for name, value in model.state_dict().items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise FloatingPointError(f'{path}: not written, {name} of the model is not finite; the previous checkpoint '
                                     'is good: resume from it with a lower learning rate or clip_grad')
