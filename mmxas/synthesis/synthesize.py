"""Render a set of pairs once, with several processes, resumable, with the same bytes for any number of processes."""
import fcntl
import json
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection
from pathlib import Path
from typing import Any

import cv2
import torch

from mmxas.synthesis.pair_generator import PairGenerator
from mmxas.synthesis.shards import PairWriter, SetMeta, encode, fingerprint

Progress = Callable[[int], Any]


def plain(config: Any) -> Any:
    """A config as plain JSON types, so that it has one text and no hidden state.

    Raises:
        TypeError: for something that JSON cannot hold, such as a lambda.
    """
    if hasattr(config, 'to_dict'):
        config = config.to_dict()
    return json.loads(json.dumps(config))


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch and OpenCV on one thread: as fast for one image, and the same rounding everywhere."""
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])


def set_meta(generator: Any, num: int, seed: int, shard_size: int = 256, quality: int = 95,
             files: Sequence[Path] = (), versions: Mapping[str, int] | None = None) -> SetMeta:
    """Describe a set of pairs.

    Args:
        generator: config of a PairGenerator.
        num: number of pairs.
        seed: replaces the generator's.
        shard_size: pairs a file.
        quality: of the JPEG images.
        files: data files that the pairs depend on.
        versions: of the generator's components (:attr:`PairGenerator.versions`). Defaults to none.

    Raises:
        ValueError: if ``num`` or ``shard_size`` is below 1, or ``seed`` below 0.
    """
    if num < 1 or shard_size < 1:
        raise ValueError(f'num={num}, shard_size={shard_size}: expected at least 1')
    if seed < 0:
        raise ValueError(f'seed={seed}: expected at least 0')
    config = {key: value for key, value in plain(generator).items() if key not in ('type', 'seed')}
    mark = fingerprint(config, seed, shard_size, quality, files, versions)
    return SetMeta(num, shard_size, seed, quality, mark, config)


def render_shard(generator: PairGenerator, writer: PairWriter, shard: int, progress: Progress) -> None:
    """Render and write one shard."""
    encoded = []
    for index in writer.meta.shard_indices(shard):
        encoded.append(encode(generator.generate(index), writer.meta.quality))
        progress(1)
    writer.write(shard, encoded)


_worker: dict[str, Any] = {}


def _start_worker(root: str, meta: SetMeta, counter: Any) -> None:
    import mmxas  # noqa: F401  registers the components in the new process
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _worker.update(generator=PairGenerator.from_config(meta.generator, seed=meta.seed),
                   writer=PairWriter(root, meta), counter=counter)


def _end_with_parent() -> None:
    """Leave when the parent is gone, killed perhaps: nobody would stop a worker otherwise."""
    connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def _work(shard: int) -> int:
    def count(step: int) -> None:
        with _worker['counter'].get_lock():
            _worker['counter'].value += step

    render_shard(_worker['generator'], _worker['writer'], shard, count)
    return shard


def _render_parallel(writer: PairWriter, shards: list[int], workers: int, progress: Progress) -> None:
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['mmxas'])  # one import of the stack for all workers
    counter = context.Value('l', 0)
    pool = ProcessPoolExecutor(min(workers, len(shards)), context, _start_worker,
                               (str(writer.root), writer.meta, counter))
    try:
        pending, shown = {pool.submit(_work, shard) for shard in shards}, 0
        while pending:
            done, pending = wait(pending, timeout=0.2, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
            shown = _advance(progress, shown, counter.value)
    except BrokenProcessPool as error:
        raise RuntimeError(f'{writer.root}: a rendering process died (out of memory?); the whole shards are kept, the '
                           'same command resumes, with fewer workers if need be') from error
    finally:
        pool.shutdown(cancel_futures=True)


def _advance(progress: Progress, shown: int, done: int) -> int:
    if done > shown:
        progress(done - shown)
    return done


def synthesize(generator_cfg: Any, out: str | Path, num: int, workers: int = 0, seed: int | None = None,
               shard_size: int = 256, quality: int = 95, progress: bool = True) -> SetMeta:
    """Render a set of pairs into a folder, or the rest of it.

    Args:
        generator_cfg: config of a PairGenerator.
        out: the folder. A finished set of the same configuration and seed is left as it is; an unfinished one is
            finished; a shorter one is extended, a longer one keeps its length. While another process renders into it,
            this one waits.
        num: number of pairs.
        workers: processes; 0 renders in this one. The files do not depend on it.
        seed: None takes the generator's ``seed`` entry, 0 without one.
        shard_size: pairs a file.
        quality: of the JPEG images.
        progress: show a bar on stderr.

    Returns:
        The set's description.

    Raises:
        ValueError: the folder holds pairs of another configuration; a number is out of range.
    """
    if workers < 0:
        raise ValueError(f'workers={workers}: expected at least 0, which renders in this process')
    seed = int(generator_cfg.get('seed', 0)) if seed is None else int(seed)
    generator = PairGenerator.from_config(plain(generator_cfg), seed=seed)  # a wrong config fails here, not in a worker
    meta = set_meta(generator_cfg, num, seed, shard_size, quality, generator.data_files, generator.versions)
    with _alone_in(Path(out)):
        writer = PairWriter(out, meta)
        writer.remove_remains()
        _render_missing(generator, writer, workers, progress)
    return writer.meta


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Lock a folder, so that of two runs that need the same pairs one renders and the other waits.

    The system takes the lock from a process that ends, however it ends, and no file is left. Where a (network) file
    system has no locks there is none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f'{folder}: another process renders into it; waiting', file=sys.stderr, flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(handle)


def _render_missing(generator: PairGenerator, writer: PairWriter, workers: int, progress: bool) -> None:
    from tqdm import tqdm
    meta, missing = writer.meta, writer.missing()
    left = sum(len(meta.shard_indices(shard)) for shard in missing)
    with tqdm(total=meta.num, initial=meta.num - left, desc=writer.root.name, unit='img', disable=not progress,
              file=sys.stderr) as bar:
        if workers and missing:
            _render_parallel(writer, missing, workers, bar.update)
        else:
            with one_thread():
                for shard in missing:
                    render_shard(generator, writer, shard, bar.update)
