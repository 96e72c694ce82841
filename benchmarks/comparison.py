"""Compare two implementations: time by alternating in one process, memory in fresh processes."""
from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from mmxas.engine.hooks.keep_memory_hook import keep_freed_memory

ROOT = Path(__file__).resolve().parents[1]
WAYS = ('plain', 'ours')
# Relative difference to the authors' time above which the plain implementation is not representative.
FAIR = 0.2
Build = Callable[..., Callable[[], Any]]


class CannotKeepMemory(Exception):
    """The C library is not glibc, or the environment configures its memory."""

    def __init__(self) -> None:
        super().__init__('freed memory is kept with glibc only, and without MALLOC_* and GLIBC_TUNABLES of malloc')


@dataclass(frozen=True)
class Contest:
    """A comparison of a plain and a fast implementation.

    Args:
        name: Key in the table.
        title: Title of the operation.
        build: Function of ``'plain'`` or ``'ours'`` that returns the callable to run and time.
        speedup: Aim: speedup factor.
        memory_ratio: Aim: peak of allocated bytes as a fraction of the plain one's. Defaults to None: not measured.
        at_most_ms: Aim: time of the fast implementation. Defaults to None.
        threads: Threads of torch. Defaults to None: those of the whole benchmark.
        after: Runs of the same side before each timed one, if a run leaves memory to the next. Defaults to 0.
        keeps_memory: Both sides keep freed memory, as in a training, instead of returning it to the system, the C
            library's default. Defaults to False.
        authors_ms: Time of the authors' code on 2 cores. Defaults to None: unknown.
        as_authors: Options of ``build`` for the authors' input size. Defaults to the contest's own.
    """

    name: str
    title: str
    build: Build
    speedup: float | None = None
    memory_ratio: float | None = None
    at_most_ms: float | None = None
    threads: int | None = None
    after: int = 0
    keeps_memory: bool = False
    authors_ms: float | None = None
    as_authors: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Result:
    """Measurements, with times as medians, and their aims."""

    speedup: float | None
    memory_ratio: float | None
    plain_ms: float | None
    ours_ms: float
    plain_mb: float | None = None
    ours_mb: float | None = None
    threads: int = 1
    repetitions: int = 0
    aim_speedup: float | None = None
    aim_memory_ratio: float | None = None
    aim_ms: float | None = None
    authors_ms: float | None = None
    plain_as_authors_ms: float | None = None

    @property
    def against_authors(self) -> float | None:
        """Relative difference of the plain implementation's time to the authors' code; None if unknown."""
        if self.authors_ms is None or self.plain_as_authors_ms is None:
            return None
        return self.plain_as_authors_ms / self.authors_ms - 1

    @property
    def holds(self) -> bool:
        """Whether all aims are reached; an unmeasured aim is not."""
        at_least = [(self.speedup, self.aim_speedup)]
        at_most = [(self.memory_ratio, self.aim_memory_ratio), (self.ours_ms, self.aim_ms)]
        return all(aim is None or (found is not None and found >= aim) for found, aim in at_least) and \
            all(aim is None or (found is not None and found <= aim) for found, aim in at_most)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields and ``holds``, rounded."""
        fields = {k: float(f'{v:.4g}') if isinstance(v, float) else v for k, v in asdict(self).items()}
        against = self.against_authors
        return dict(fields, against_authors=None if against is None else round(against, 3), holds=self.holds)


def take_turns(runs: dict[str, Callable[[], Any]], repetitions: int, seconds: float = 0.0,
               after: int = 0) -> dict[str, list[float]]:
    """Return the times of each function in ms, after one warm-up run.

    Args:
        runs: Functions by name; they alternate.
        repetitions: Minimum number of timed runs of each.
        seconds: Minimum total time. Defaults to 0.
        after: Untimed runs before each timed one. Defaults to 0.
    """
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    end, rounds = time.perf_counter() + seconds, 0
    while rounds < repetitions or time.perf_counter() < end:
        for name, run in runs.items():
            for _ in range(after):
                run()
            start = time.perf_counter()
            run()
            times[name].append(1e3 * (time.perf_counter() - start))
        rounds += 1
    return times


def alternate(runs: dict[str, Callable[[], Any]], repetitions: int) -> dict[str, float]:
    """Return medians of :func:`take_turns`, in ms."""
    return medians(take_turns(runs, repetitions))


def medians(times: Mapping[str, list[float]]) -> dict[str, float]:
    """Return the median of each."""
    return {name: statistics.median(values) for name, values in times.items()}


def settle(seconds: float = 3.0) -> None:
    """Run torch's threads until the system has given each its own core; for about a second they share one."""
    numbers, end = torch.rand(1 << 20), time.perf_counter() + seconds
    while time.perf_counter() < end:
        numbers.exp()


def peak_bytes(run: Callable[[], Any]) -> int:
    """Return the peak of bytes that torch allocates during a run, in addition to those before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        run()
    events = [(event.start_ns(), event.nbytes()) for event in profiler.profiler.kineto_results.events()
              if event.name() == '[memory]']
    level = peak = 0
    for _, size in sorted(events, key=lambda event: event[0]):
        level += size
        peak = max(peak, level)
    return peak


def fresh_peak(name: str, way: str, threads: int) -> int:
    """Return :func:`peak_bytes` of one side of a contest, measured in a new process."""
    command = [sys.executable, '-m', 'benchmarks', '--peak', name, way, '--threads', str(threads)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return int(json.loads(done.stdout.splitlines()[-1]))


def hold(contest: Contest, repetitions: int, threads: int, memory: bool = True, seconds: float = 0.0) -> Result:
    """Measure a contest.

    Args:
        contest: The contest.
        repetitions: Minimum number of timed runs of each side.
        threads: Threads of torch, if the contest does not define them.
        memory: Whether to measure memory.
        seconds: Minimum total time. Defaults to 0.

    Raises:
        CannotKeepMemory: The contest keeps freed memory, and this process cannot.
    """
    threads = contest.threads or threads
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        if contest.keeps_memory and not keep_freed_memory():
            raise CannotKeepMemory
        taken = take_turns(_runs(contest), repetitions, seconds, contest.after)
        times = medians(taken)
        as_authors = times.get('plain')
        if contest.as_authors:
            as_authors = alternate({'plain': contest.build('plain', **contest.as_authors)}, repetitions)['plain']
    finally:
        torch.set_num_threads(before)
        if contest.keeps_memory:
            keep_freed_memory(False)
    plain, ours = times.get('plain'), times['ours']
    result = Result(None if plain is None else plain / ours, None, plain, ours, threads=threads,
                    repetitions=len(taken['ours']), aim_speedup=contest.speedup, aim_memory_ratio=contest.memory_ratio,
                    aim_ms=contest.at_most_ms, authors_ms=contest.authors_ms,
                    plain_as_authors_ms=as_authors if contest.authors_ms else None)
    if memory and contest.memory_ratio is not None:
        plain, ours = (fresh_peak(contest.name, way, threads) for way in WAYS)
        result.plain_mb, result.ours_mb, result.memory_ratio = plain / 1e6, ours / 1e6, ours / plain
    return result


def _runs(contest: Contest) -> dict[str, Callable[[], Any]]:
    """Return both sides; without the plain one if it needs a package that is not installed."""
    runs = {'ours': contest.build('ours')}
    try:
        return {'plain': contest.build('plain'), **runs}
    except ImportError as error:
        print(f'{contest.name}: nothing to compare with: {error}', file=sys.stderr)
        return runs
