"""Render a set of pairs in several processes; resumable, with the same bytes for any number of processes."""
import fcntl
import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import torch

from mmxas.processes import ProcessError, component_modules, run_in_processes
from mmxas.synthesis.pair_generator import PairGenerator
from mmxas.synthesis.parts import WHOLE, Part
from mmxas.synthesis.shards import (
    COMMAND,
    PairWriter,
    SetMeta,
    another_set,
    encode,
    fingerprint,
    missing_shards,
    read_meta,
    shard_path,
)

Progress = Callable[[int], Any]
UNNAMED_SKELETON = 'h36m18'  # of sets rendered before generators had to name one


def plain(config: Any) -> Any:
    """Convert a config to plain JSON types, with a unique text and no hidden state.

    Raises:
        TypeError: the config holds something that JSON cannot represent, such as a lambda.
    """
    if hasattr(config, 'to_dict'):
        config = config.to_dict()
    return json.loads(json.dumps(config))


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch and OpenCV on one thread: as fast for one image, with the same rounding on every machine."""
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
        seed: seed, in place of the generator's.
        shard_size: pairs per file.
        quality: quality of the JPEG images.
        files: data files that the pairs depend on.
        versions: versions of the generator's components (:attr:`PairGenerator.versions`). Defaults to none.

    Raises:
        ValueError: ``num`` or ``shard_size`` is below 1, or ``seed`` is below 0.
    """
    if num < 1 or shard_size < 1:
        raise ValueError(f'num={num}, shard_size={shard_size}: expected at least 1')
    if seed < 0:
        raise ValueError(f'seed={seed}: expected at least 0')
    config = {key: value for key, value in plain(generator).items() if key not in ('type', 'seed')}
    named = {key: value for key, value in config.items() if (key, value) != ('skeleton', UNNAMED_SKELETON)}
    mark = fingerprint(named, seed, shard_size, quality, files, versions)
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
    _worker.update(generator=PairGenerator.from_config(meta.generator, seed=meta.seed),
                   writer=PairWriter(root, meta), counter=counter)


def _work(shard: int) -> int:
    def count(step: int) -> None:
        with _worker['counter'].get_lock():
            _worker['counter'].value += step

    render_shard(_worker['generator'], _worker['writer'], shard, count)
    return shard


def _render_parallel(writer: PairWriter, shards: list[int], workers: int, bar: Any) -> None:
    counter, before = multiprocessing.get_context('forkserver').Value('l', 0), bar.n
    results = run_in_processes(
        _work, shards, workers, _start_worker, (str(writer.root), writer.meta, counter),
        component_modules(writer.meta.generator), lambda: bar.update(before + counter.value - bar.n))
    try:
        for _ in results:
            pass
    except ProcessError as error:
        raise ProcessError(f'{writer.root}: {error}; whole shards are kept, and the same command resumes') from error


def synthesize(generator_cfg: Any, out: str | Path, num: int, workers: int = 0, seed: int | None = None,
               shard_size: int = 256, quality: int = 95, progress: bool = True, part: Part | None = None) -> SetMeta:
    """Render a set of pairs into a folder, or complete it.

    Args:
        generator_cfg: config of a PairGenerator.
        out: the folder. For the same configuration and seed, a complete set is kept, an incomplete or shorter one is
            completed, and a longer one keeps its length. If another process renders into the folder, this one waits,
            unless both render parts.
        num: number of pairs.
        workers: number of processes; 0 renders in this process. GPU renderers always render in this process, because
            each process would take its own GPU memory. The files do not depend on it.
        seed: None takes the generator's ``seed`` entry, 0 without one.
        shard_size: pairs per file.
        quality: quality of the JPEG images.
        progress: show a bar on stderr.
        part: render only the shards of this part. Defaults to None: all.

    Returns:
        The description of the set.

    Raises:
        ValueError: the folder holds pairs of another configuration; a number is out of range.
        ProcessError: a worker was killed or could not start.
        RuntimeError: in a worker that runs the calling script again, which lacks ``if __name__ == '__main__':``.
    """
    if workers < 0:
        raise ValueError(f'workers={workers}: expected at least 0, which renders in this process')
    generator, meta = _describe(generator_cfg, num, seed, shard_size, quality)
    with _locked(Path(out), shared=part is not None):
        writer = PairWriter(out, meta)
        if part is None:
            writer.remove_remains()
        _render_missing(generator, writer, workers, progress, part)
    return writer.meta


def require_rendered(generator_cfg: Any, out: str | Path, num: int, seed: int | None = None, shard_size: int = 256,
                     quality: int = 95) -> SetMeta:
    """Return the description of a complete set, without rendering.

    Args:
        generator_cfg: config of a PairGenerator.
        out: the folder.
        num: number of pairs that must exist.
        seed: None takes the generator's ``seed`` entry, 0 without one.
        shard_size: pairs per file.
        quality: quality of the JPEG images.

    Raises:
        FileNotFoundError: shards are missing or broken; the message says how many, and how to render them.
        ValueError: the folder holds pairs of another configuration; a number is out of range.
    """
    meta = _describe(generator_cfg, num, seed, shard_size, quality)[1]
    found = read_meta(out, missing_ok=True)
    if found is not None and found.fingerprint != meta.fingerprint:
        raise ValueError(another_set(Path(out), found, meta))
    if found is not None and found.num > num:
        meta = found
    missing = missing_shards(out, meta)
    if missing:
        raise FileNotFoundError(f'{out}: {len(missing)} of {meta.num_shards} shards are missing or broken, the first '
                                f'is {shard_path(out, missing[0]).name}; render them by {COMMAND}, in one process or '
                                'in parts')
    return meta


def _describe(generator_cfg: Any, num: int, seed: int | None, shard_size: int,
              quality: int) -> tuple[PairGenerator, SetMeta]:
    """Build the generator, so that a wrong config fails early, and describe its set."""
    seed = int(generator_cfg.get('seed', 0)) if seed is None else int(seed)
    generator = PairGenerator.from_config(plain(generator_cfg), seed=seed)
    return generator, set_meta(generator_cfg, num, seed, shard_size, quality, generator.data_files, generator.versions)


@contextmanager
def _locked(folder: Path, shared: bool) -> Iterator[None]:
    """Lock a folder, so that only one of several runs renders the same pairs and the others wait.

    Runs that render parts share the lock. The operating system releases the lock when the process ends for any reason,
    and no file is left. On (network) file systems without locks nothing is locked.

    Raises:
        RuntimeError: A worker process runs the user's script again and would wait for its own parent.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle, kind = os.open(folder, os.O_RDONLY), fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if getattr(multiprocessing.current_process(), '_inheriting', False):  # as multiprocessing itself checks it
                raise RuntimeError('a worker process runs your script again, because it is not guarded: put its work '
                                   "under `if __name__ == '__main__':`") from None
            print(f'{folder}: another process renders into it; waiting', file=sys.stderr, flush=True)
            fcntl.flock(handle, kind)
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(handle)


def _render_missing(generator: PairGenerator, writer: PairWriter, workers: int, progress: bool,
                    part: Part | None) -> None:
    from tqdm import tqdm
    meta, wanted = writer.meta, set((part or WHOLE).shards(writer.meta))
    missing = [shard for shard in writer.missing() if shard in wanted]
    total, left = (sum(len(meta.shard_indices(shard)) for shard in shards) for shards in (wanted, missing))
    with tqdm(total=total, initial=total - left, desc=f'rendering {writer.root.name}', unit='img', disable=not progress,
              file=sys.stderr) as bar:
        if workers and missing and not generator.renderer.on_gpu:
            _render_parallel(writer, missing, workers, bar)
        else:
            with one_thread():
                for shard in missing:
                    render_shard(generator, writer, shard, bar.update)
