"""Data loaders' workers that end with the process that started them, and at nobody else's word."""
import functools
import os
import signal
import threading
from collections.abc import Callable

from torch.utils.data import DataLoader

SECONDS = 2.0


def bind_workers(loader: DataLoader) -> None:
    """Have a loader's workers listen to SIGTERM from their parent only, and end when it is gone.

    torch's own die by a scheduler's SIGTERM to the whole group, and raise in the parent wherever it is, in the middle
    of saving too; and where the parent was killed they wait for ever, with their memory, for somebody to read the
    batches that lie in the pipe. Changes ``worker_init_fn`` in place, once; without ``sigtimedwait`` (macOS) nothing.

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
