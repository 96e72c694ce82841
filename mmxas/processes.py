"""Run work in several processes: number of CPUs, modules to import, and unchanged errors."""
import importlib
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import connection
from typing import Any

import cv2
import torch
from mmengine.registry import Registry

from mmxas import registry as mmxas_registry

INTERVAL = 0.2  # seconds between two progress updates
AHEAD = 4  # queued items per process


class ProcessError(RuntimeError):
    """Raised if a process was killed or could not start."""


def usable_cpus() -> int:
    """Return the number of CPUs available to this process, which a scheduler may have limited."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1


def component_modules(config: Any) -> list[str]:
    """Return the modules outside mmxas of all components that a config refers to by ``type``.

    New processes import these modules to register the components of a user's project.

    Args:
        config: Config of a component, possibly with nested configs of others.
    """
    found = set()
    for name in _types(config):
        for registry in vars(mmxas_registry).values():
            component = registry.module_dict.get(name) if isinstance(registry, Registry) else None
            if component is not None and component.__module__.partition('.')[0] not in ('mmxas', '__main__'):
                found.add(component.__module__)
    return sorted(found)


def _types(config: Any) -> Iterator[str]:
    if isinstance(config, Mapping):
        if isinstance(config.get('type'), str):
            yield config['type']
        config = config.values()
    elif not isinstance(config, list | tuple):
        return
    for value in config:
        yield from _types(value)


def run_in_processes(work: Callable[[Any], Any], items: Sequence[Any], workers: int, start: Callable[..., None],
                     arguments: tuple = (), modules: Sequence[str] = (),
                     look: Callable[[], Any] = lambda: None) -> Iterator[Any]:
    """Call ``work(item)`` for each item in several single-threaded processes, and yield the results in any order.

    The processes import mmxas and ``modules``, and exit with their parent.

    Args:
        work: A module-level function.
        items: Arguments of ``work``.
        workers: Number of processes.
        start: Called once in each process, with ``arguments``.
        arguments: Arguments of ``start``. Defaults to none.
        modules: Names of modules to import first. Defaults to none.
        look: Called about five times per second in the parent. Defaults to nothing.

    Raises:
        ProcessError: A process was killed, could not import a module or could not start; the message gives the reason.
            Errors of ``work`` are raised unchanged.
    """
    if not items:
        return
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['mmxas'])  # one import of the stack for all processes
    pool = ProcessPoolExecutor(min(workers, len(items)), context, _start, (start, arguments, modules))
    queue = iter(items)
    try:
        pending = {pool.submit(_call, work, item) for item in islice(queue, AHEAD * workers)}
        while pending:
            done, pending = wait(pending, timeout=INTERVAL, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
            pending |= {pool.submit(_call, work, item) for item in islice(queue, len(done))}
            look()
    except BrokenProcessPool as error:
        raise ProcessError('a process was killed (out of memory? fewer workers need less)') from error
    finally:
        pool.shutdown(cancel_futures=True)


_fault: list[str] = []


def _start(start: Callable[..., None], arguments: tuple, modules: Sequence[str]) -> None:
    """Prepare a new process; keep an error for the first call, as pools do not report errors of initialisers."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        importlib.import_module('mmxas')  # registers the components
        for module in modules:
            importlib.import_module(module)
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        start(*arguments)
    except Exception as error:
        _fault.append(f'{type(error).__name__}: {error}')


def _end_with_parent() -> None:
    """Exit when the parent has ended, even if it was killed."""
    connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def _call(work: Callable[[Any], Any], item: Any) -> Any:
    if _fault:
        raise ProcessError(f'a process could not start: {_fault[0]}')
    return work(item)
