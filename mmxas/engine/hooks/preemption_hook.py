"""Handle preemption by a cluster: SIGTERM saves and ends the run."""
import functools
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmxas.engine.hooks.atomic_checkpoint_hook import check_weights
from mmxas.engine.optim.autocast_optim_wrapper import is_between_steps
from mmxas.io.atomic_writes import write_atomically
from mmxas.registry import HOOKS

STATUS = 128 + signal.SIGTERM
SECONDS = 2.0  # interval in which a worker checks that its parent exists


@contextmanager
def sigterm_given_back() -> Iterator[None]:
    """Restore the previous SIGTERM handler afterwards, even if an error ends training without ``after_train``."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


@HOOKS.register_module()
class PreemptionHook(Hook):
    """On SIGTERM, finish the step, save ``preempted_iter_<n>.pth``, update ``last_checkpoint``, and exit with 143.

    ``--resume`` continues from there, inside the epoch. With several processes, a signal to one of them is enough.
    Workers of data loaders, which a scheduler signals as well, end with their parent (:func:`bind_workers`), in testing
    too.

    Several processes vote asynchronously on their CPUs, and read a vote when they cast the next one, so that no process
    waits for another one or a GPU.

    Args:
        interval: Iterations between votes of several processes; a single process checks in each. Defaults to 1.
    """

    priority = 'LOWEST'

    def __init__(self, interval: int = 1) -> None:
        self.interval, self.asked = interval, False
        self._before: Any = None
        self._group: torch.distributed.ProcessGroup | None = None
        self._vote: tuple[torch.Tensor, torch.distributed.Work] | None = None

    def before_train(self, runner: Runner) -> None:
        """Install the signal handler."""
        owner = os.getpid()
        if get_world_size() > 1:
            self._group = torch.distributed.new_group(backend='gloo')
        bind_workers(runner.train_dataloader)
        if runner.val_loop is not None:
            bind_workers(runner.val_loop.dataloader)

        def ask(*_args) -> None:
            self.asked = self.asked or os.getpid() == owner

        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, ask)

    def before_test(self, runner: Runner) -> None:
        """Let workers end with this process."""
        bind_workers(runner.test_dataloader)

    def after_train(self, runner: Runner) -> None:
        """Restore the previous signal handler."""
        self._last_vote()
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)
            self._before = None

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None,
                         outputs: dict | None = None) -> None:
        """Save and exit, if signalled."""
        if is_between_steps(runner.optim_wrapper) and self._is_asked(runner.iter):
            self._leave(runner, runner.iter + 1)

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None,
                       outputs: list | None = None) -> None:
        """Save and exit, if signalled, without finishing the evaluation."""
        if self._before is not None and self._is_asked(batch_idx):
            self._leave(runner, runner.iter)

    def _is_asked(self, count: int) -> bool:
        if get_world_size() == 1:
            return self.asked
        if count % self.interval:
            return False
        decided, asked = self._last_vote(), torch.tensor(float(self.asked))
        self._vote = asked, torch.distributed.all_reduce(
            asked, torch.distributed.ReduceOp.MAX, group=self._group, async_op=True)
        return decided

    def _last_vote(self) -> bool:
        if self._vote is None:
            return False
        (asked, work), self._vote = self._vote, None
        work.wait()
        return bool(asked)

    def _leave(self, runner: Runner, done: int) -> None:
        name = f'preempted_iter_{done}.pth'
        folder = Path(runner.work_dir)
        check_weights(runner.model, str(folder / name))
        loop = runner.train_loop
        loop._iter, iteration = done - 1, loop._iter  # mmengine saves this value + 1
        try:
            runner.save_checkpoint(runner.work_dir, name, by_epoch=False, backend_args=dict(backend='atomic_local'))
        finally:
            loop._iter = iteration
        if is_main_process():
            write_atomically(folder / 'last_checkpoint', lambda file: file.write(str(folder / name).encode()))
            for outdated in set(folder.glob('preempted_iter_*.pth')) - {folder / name}:
                outdated.unlink()
        runner.logger.log(logging.WARNING, 'SIGTERM: saved %s after %d iterations; continue with --resume', name, done)
        self.after_train(runner)
        sys.exit(STATUS)


def bind_workers(loader: DataLoader) -> None:
    """Let a loader's workers accept SIGTERM from their parent only, and end when the parent is gone.

    By default, torch's workers die by a scheduler's SIGTERM to the whole group, which raises in the parent at any
    point, even while saving. If the parent is killed, they wait forever, keeping their memory, to deliver batches.
    Changes ``worker_init_fn`` in place, once; does nothing without ``sigtimedwait`` (macOS).

    Args:
        loader: The loader, before its workers start.
    """
    before = loader.worker_init_fn
    if hasattr(signal, 'sigtimedwait') and loader.num_workers and getattr(before, 'func', None) is not _start_worker:
        loader.worker_init_fn = functools.partial(_start_worker, before)


def _start_worker(also: Callable[[int], None] | None, worker: int) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    if also is not None:
        also(worker)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        told = signal.sigtimedwait({signal.SIGTERM}, SECONDS)
        if told is not None and told.si_pid == parent:
            break
    os._exit(0)
