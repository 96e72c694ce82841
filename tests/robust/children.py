"""Trainings, renderings and conversions in processes of their own, which can be killed at a named moment.

A fork server imports the stack once. A moment is a place in the code; the process kills itself there, so that each
place is hit and not merely likely to be.
"""
import contextlib
import multiprocessing
import os
import random
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

import mmxas.engine.hooks.atomic_checkpoint_hook as checkpoint_hook
import mmxas.synthesis.shards as shards
from mmxas.compat.cpu_distributed import join_cpu_processes
from mmxas.datasets.converters import frames
from mmxas.datasets.converters.sequences import Recording, convert_sequences
from mmxas.models.pose_estimators import XASPoseEstimator
from mmxas.registry import HOOKS, MODELS
from mmxas.synthesis.synthesize import synthesize

_CONTEXT = multiprocessing.get_context('forkserver')
RENDER = dict(name='synthetic', epochs=5, lr=0.01, loss_weights=dict(render=1.0))
FULL = dict(name='full', epochs=5, lr=0.002, loss_weights=dict(render=0.5, mask=1.0, adversarial=1.0))
GENERATOR = dict(body_model=dict(type='SMPLBodyModel'), pose_source=dict(type='TruncatedGaussianPrior'), image_size=32,
                 light=dict(type='RandomLight'), background=dict(type='NoiseBackground'))


@MODELS.register_module(force=True)
class FrozenEstimator(XASPoseEstimator):
    """The estimator with fixed batch statistics and no dropout, in single precision."""

    def train(self, mode: bool = True) -> 'FrozenEstimator':
        """Never in training mode."""
        return super().train(False)


@HOOKS.register_module(force=True)
class DrawNumbers(Hook):
    """Draws from every generator between the iterations."""

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        """One of each."""
        random.random()
        np.random.rand()
        torch.rand(1)


class Child:
    """A function in a process of its own, or in several of one gloo group.

    Args:
        function: A function of this module, by name.
        log: Where its output goes; a rank is appended.
        world: Number of processes. Defaults to 1: no group.
        kwargs: The function's arguments.
    """

    def __init__(self, function: str, log: Path, world: int = 1, **kwargs) -> None:
        _CONTEXT.set_forkserver_preload(['mmxas', 'tests.robust.children'])
        self.logs = [log.with_name(f'{log.name}.{rank}') for rank in range(world)]
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            port = probe.getsockname()[1]
        self.processes = []
        for rank, path in enumerate(self.logs):
            environment = dict(OMP_NUM_THREADS='1', LOCAL_RANK=str(rank))
            if world > 1:
                environment.update(WORLD_SIZE=str(world), RANK=str(rank), MASTER_ADDR='127.0.0.1',
                                   MASTER_PORT=str(port))
            self.processes.append(_CONTEXT.Process(target=_run, args=(function, kwargs, environment, str(path))))
            self.processes[-1].start()

    def wait(self, seconds: float = 300) -> list[int | None]:
        """Exit statuses; processes that take longer are killed and have None."""
        statuses = []
        for process in self.processes:
            process.join(seconds)
            statuses.append(process.exitcode)
            if process.is_alive():
                process.kill()
                process.join()
        return statuses

    def output(self) -> str:
        """What they printed."""
        return '\n'.join(path.read_text() for path in self.logs if path.is_file())

    def check(self) -> None:
        """Wait, and fail with the output if one failed."""
        statuses = self.wait()
        assert not any(statuses) and None not in statuses, f'{statuses}\n{self.output()[-5000:]}'


def _run(function: str, kwargs: dict, environment: dict, log: str) -> None:
    with open(log, 'ab', buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.update(environment)
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        globals()[function](**kwargs)
    except Exception:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


# ---------------------------------------------------------------- training

def config(work_dir: str, model: dict | None = None, train_cfg: dict | None = None, optim_wrapper: dict | None = None,
           batch_size: int = 4, interval: int = 3, world: int = 1, randomness: dict | None = None,
           data: dict | None = None, workers: int = 0,
           kind: str = 'Float64Estimator', hooks: dict | None = None, **more) -> Config:
    """A complete training of a tiny estimator on pairs in memory."""
    import test_engine.conftest  # noqa: F401  registers the data set
    from test_models.conftest import estimator_config
    from test_runs import tiny_mocap  # noqa: F401  registers Float64Estimator
    preprocessor = dict(type='PoseDataPreprocessor', mean=[127.0] * 3, std=[60.0] * 3)
    hook = dict(type='AtomicCheckpointHook', interval=interval, by_epoch=False, max_keep_ckpts=2)
    return Config(dict(
        model=estimator_config(**{'data_preprocessor': preprocessor, 'type': kind, **(model or {})}), work_dir=work_dir,
        train_dataloader=dict(
            batch_size=batch_size, num_workers=workers, sampler=dict(type='SeededSampler'),
            collate_fn=dict(type='collate_pairs'), dataset=dict(type='PairsInMemory', **(data or {}))),
        train_cfg=dict(type='StagedTrainLoop', **dict(dict(stages=[RENDER, FULL]), **(train_cfg or {}))),
        optim_wrapper=optim_wrapper or dict(optimizer=dict(type='Adam', lr=0.01)),
        default_hooks=dict(timer=None, checkpoint=hook, preemption=dict(type='PreemptionHook'), **(hooks or {})),
        default_scope='mmpose', randomness=randomness or dict(seed=0), log_level='WARNING',
        launcher='pytorch' if world > 1 else 'none',
        experiment_name=Path(work_dir).name, **more))


def train(out: str | None = None, world: int = 1, moment: str | None = None, count: int = 1, spoil: str | None = None,
          **kwargs) -> None:
    """Train; ``out`` gets the last weights, ``moment`` is where the process dies for the ``count``-th time."""
    cfg = config(world=world, **kwargs)
    torch.manual_seed(0)
    join_cpu_processes(cfg)
    runner = Runner.from_cfg(cfg)
    with die_at(moment, count, runner), spoiled(spoil, runner):
        runner.train()
    if out and runner.rank == 0:
        model = runner.model.module if world > 1 else runner.model
        torch.save(model.state_dict(), out)


def last_words() -> None:
    """SIGKILL for this process."""
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def _dying(function: Callable, moment: str, behind: bool, left: list[int]) -> Callable:
    def wrapped(*args, **kwargs):
        if not behind:
            left[0] -= 1
            if left[0] == 0:
                last_words()
        result = function(*args, **kwargs)
        if behind:
            left[0] -= 1
            if left[0] == 0:
                last_words()
        return result
    return wrapped


class _HalfFile:
    """Writes half of what it is given, then dies."""

    def __init__(self, file) -> None:
        self.file = file

    def write(self, data) -> None:
        """Half, on the disk."""
        self.file.write(bytes(data)[:len(bytes(data)) // 2])
        self.file.flush()
        os.fsync(self.file.fileno())
        last_words()

    def __getattr__(self, name: str):
        return getattr(self.file, name)


# Moment: (object, attribute, whether behind it).
PLACES = {
    'in the forward pass': ('mmxas.models.heads.multi_hypothesis_head.MultiHypothesisHead', 'decode_volume', True),
    'before the losses': ('mmxas.models.pose_estimators.XASPoseEstimator', 'loss', False),
    'behind the losses': ('mmxas.models.pose_estimators.XASPoseEstimator', 'loss', True),
    'before backward': ('mmengine.optim.OptimWrapper', 'backward', False),
    'behind backward': ('mmengine.optim.OptimWrapper', 'backward', True),
    'before the step': ('torch.optim.Adam', 'step', False), 'behind the step': ('torch.optim.Adam', 'step', True),
    'behind zero_grad': ('mmengine.optim.OptimWrapper', 'zero_grad', True),
    'before an iteration': ('mmxas.engine.StagedTrainLoop', 'run_iter', False),
    'behind an iteration': ('mmxas.engine.StagedTrainLoop', 'run_iter', True),
    'before an epoch': ('mmxas.engine.StagedTrainLoop', 'run_epoch', False),
    'behind an epoch': ('mmxas.engine.StagedTrainLoop', 'run_epoch', True),
    "at a stage's start": ('mmxas.engine.StagedTrainLoop', '_enter', False),
    'behind the change of stage': ('mmxas.engine.StagedTrainLoop', '_enter', True),
    'while a batch is collated': ('test_engine.conftest.PairsInMemory', '__getitem__', False),
    'before the rate is set': ('mmxas.engine.StagedLR', 'step', False),
    'while the log is written': ('mmengine.runner.LogProcessor', 'get_log_after_iter', False),
    'before a checkpoint': ('mmxas.engine.AtomicCheckpointHook', '_save_checkpoint_with_step', False),
    'behind a checkpoint': ('mmxas.engine.AtomicCheckpointHook', '_save_checkpoint_with_step', True),
    'before its bytes': ('torch', 'save', False), 'behind its bytes': ('torch', 'save', True),
    'before it is moved into place': ('os', 'replace', False), 'behind it is moved into place': ('os', 'replace', True),
    'before its fsync': ('os', 'fsync', False),
    'before the oldest is removed': ('mmengine.fileio.LocalBackend', 'remove', False),
    'behind the oldest is removed': ('mmengine.fileio.LocalBackend', 'remove', True),
}


@contextlib.contextmanager
def die_at(moment: str | None, count: int, runner: Runner | None = None):
    """Have this process die at a moment."""
    if moment is None:
        yield
        return
    if moment.startswith('half of'):
        original, left = shards.write_atomically, [count]

        def half(path, write):
            wanted = {'half of a checkpoint': '.pth', 'half of last_checkpoint': 'last_checkpoint',
                      'half of a shard': '.npz',
                      'half of meta.json': 'meta.json', 'half of an image': '.jpg', 'half of a part': '.npz'}[moment]
            left[0] -= str(path).endswith(wanted)
            if left[0] == 0 and str(path).endswith(wanted):
                return original(path, lambda file: write(_HalfFile(file)))
            return original(path, write)

        for module in (shards, checkpoint_hook, frames):
            module.write_atomically = half
        yield
        return
    place, name, behind = {**PLACES, **RENDERING, **CONVERSION}[moment]
    owner = _find(place)
    setattr(owner, name, _dying(getattr(owner, name), moment, behind, [count]))
    yield


def _find(place: str):
    parts = place.split('.')
    for length in range(len(parts), 0, -1):
        try:
            found = __import__('.'.join(parts[:length]), fromlist=['x'])
        except ImportError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise ImportError(place)


@contextlib.contextmanager
def spoiled(what: str | None, runner: Runner):
    """Something breaks in one of the processes, at the fourth iteration."""
    if what and runner.rank == runner.world_size - 1:
        original, left = type(runner.train_loop).run_iter, [4]

        def run_iter(loop, idx, batch):
            left[0] -= 1
            if left[0] == 0:
                if what == 'dies':
                    last_words()
                if what == 'exits':
                    os._exit(9)
                if what == 'memory':
                    raise MemoryError('no memory is left for this batch')
                if what == 'loss':
                    batch['data_samples'][-1].gt_fields.mask[:] = float('nan')
                if what == 'raises':
                    raise ValueError('the sample of this process is broken')
            return original(loop, idx, batch)
        type(runner.train_loop).run_iter = run_iter
    yield


# ---------------------------------------------------- rendering, conversion

RENDERING = {
    'before the first pair': ('mmxas.synthesis.pair_generator.PairGenerator', 'generate', False),
    'behind a pair': ('mmxas.synthesis.pair_generator.PairGenerator', 'generate', True),
    'while a pair is encoded': ('mmxas.synthesis.synthesize', 'encode', False),
    'before a shard': ('mmxas.synthesis.shards.PairWriter', 'write', False),
    'behind a shard': ('mmxas.synthesis.shards.PairWriter', 'write', True),
    'while remains are removed': ('mmxas.synthesis.shards.PairWriter', 'remove_remains', False),
    'while the shards are counted': ('mmxas.synthesis.shards.PairWriter', 'missing', True),
    'while shards are packed': ('mmxas.synthesis.shards', 'pack', True),
}
CONVERSION = {
    'before an image': ('mmxas.datasets.converters.frames', 'write_image', False),
    'behind an image': ('mmxas.datasets.converters.frames', 'write_image', True),
    'before a part': ('mmxas.datasets.converters.sequences', 'write_arrays', False),
    'behind a part': ('mmxas.datasets.converters.sequences', 'write_arrays', True),
    'while a part is read': ('mmxas.datasets.converters.sequences', 'read_part', False),
}


def render(root: str, moment: str | None = None, count: int = 1, workers: int = 0) -> None:
    """Six pairs in three shards."""
    with die_at(moment, count):
        synthesize(GENERATOR, root, 6, workers, seed=3, shard_size=2, progress=False)


def convert(root: str, moment: str | None = None, count: int = 1) -> None:
    """Three videos of two frames, as the converters of data sets do."""
    folder = Path(root)

    def make(video: int) -> dict[str, np.ndarray]:
        names = [f'{video}_{frame}.jpg' for frame in range(2)]
        for number, name in enumerate(names):
            image = np.full((16, 16, 3), video * 40 + number * 10, np.uint8)
            frames.write_image(folder / 'images' / name, image)
        return {'imgname': np.array(names), 'S': np.full((2, 17, 4), float(video))}

    with die_at(moment, count):
        recordings = [Recording(f'video_{video}', lambda video=video: make(video)) for video in range(3)]
        arrays = convert_sequences(recordings, folder / 'parts', lambda name: [folder / 'images' / name])
        frames.write_arrays(folder / 'train.npz', arrays)


# -------------------------------------------------------------- distributed

def _join(world: int) -> int:
    torch.distributed.init_process_group(backend='gloo')
    assert torch.distributed.get_world_size() == world
    return torch.distributed.get_rank()


def evaluate(size: int, world: int, out: str, work_dir: str) -> None:
    """A metric over ``size`` samples that counts what it is given."""
    from mmengine.dataset import DefaultSampler
    from mmengine.dist import all_gather_object

    from mmxas.evaluation.metrics.context_metric import ContextMetric
    rank = _join(world)

    class Count(ContextMetric):
        """Number and sum of the samples."""

        def process(self, data_batch, data_samples) -> None:
            """Keep them."""
            self.results += [dict(sample_id=sample, value=float(sample)) for sample in data_samples]

        def compute_metrics(self, results) -> dict:
            """Count them."""
            return dict(count=len(results), total=sum(result['value'] for result in results))

    metric = Count(collect_device='cpu')
    metric.dataset_meta = {}
    for index in DefaultSampler(list(range(size)), shuffle=False):
        metric.process(None, [index])
    found = metric.evaluate(size)
    assert all_gather_object(rank) == list(range(world))
    if rank == 0:
        torch.save({name.rpartition('/')[2]: value for name, value in found.items()}, out)


def draw(out: str, world: int, seed: int) -> None:
    """The samples of three epochs, and numbers that augmentations would draw."""
    from mmxas.datasets.random_state import seeded
    from mmxas.datasets.samplers import SeededSampler
    rank = _join(world)
    sampler = SeededSampler(list(range(8)), seed=seed)
    samples, noise = [], []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        keys = list(sampler)
        samples.append([key.index for key in keys])
        for key in keys:
            with seeded(key.seed, key.epoch, key.index):
                noise.append(float(np.random.rand()))
    torch.save(dict(samples=samples, noise=noise), f'{out}.{rank}')


def synchronise(world: int) -> None:
    """SyncBatchNorm in training."""
    _join(world)
    torch.nn.SyncBatchNorm(3)(torch.zeros(2, 3, 4, 4))


def shard(work_dir: str, world: int, out: str) -> None:
    """Two epochs under FSDP."""
    from mmengine.runner import FlexibleRunner
    cfg = config(work_dir, world=world, kind='XASPoseEstimator', batch_size=2)
    join_cpu_processes(cfg)
    runner = FlexibleRunner(
        model=cfg.model.to_dict(), work_dir=work_dir, train_dataloader=cfg.train_dataloader.to_dict(),
        train_cfg=dict(by_epoch=True, max_epochs=2), optim_wrapper=cfg.optim_wrapper.to_dict(),
        strategy=dict(type='FSDPStrategy', state_dict_cfg='full'), launcher='pytorch', default_scope='mmpose',
        experiment_name='shard', log_level='WARNING')
    runner.train()
    if runner.rank == 0:
        torch.save(dict(steps=runner.iter), out)


# ----------------------------------------------------------------- long runs

def train_long(work_dir: str, out: str, iterations: int, every: int) -> None:
    """Train for long, and measure this process."""
    import gc
    import io
    import time

    from mmengine.hooks import Hook

    measured: dict[str, list] = {}

    class Measure(Hook):
        """Every so many iterations."""

        priority = 'LOWEST'
        begun = time.monotonic()

        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
            """What there is."""
            if (runner.iter + 1) % every:
                return
            gc.collect()
            proc = Path('/proc/self')
            links = [os.readlink(link) for link in (proc / 'fd').iterdir() if link.is_symlink()]
            status = (proc / 'status').read_text()
            buffer = io.BytesIO()
            torch.save(runner.message_hub.state_dict(), buffer)
            objects = gc.get_objects()
            values = {
                'megabytes': int(status.partition('VmRSS:')[2].split()[0]) / 1024, 'handles': len(links),
                'threads': int(status.partition('Threads:')[2].split()[0]),
                'children': len((proc / 'task' / str(os.getpid()) / 'children').read_text().split()),
                'tensors': sum(isinstance(item, torch.Tensor) for item in objects), 'hooks': len(runner.hooks),
                'sockets': sum(link.startswith('socket') for link in links),
                'files': sum(link.startswith('/') for link in links), 'message hub': len(buffer.getvalue()),
                'optimizer': sum(value.numel() for state in runner.optim_wrapper.optimizer.state.values()
                                 for value in state.values()),
                'checkpoint': max((path.stat().st_size for path in Path(work_dir).glob('*.pth')), default=0),
                'log line': len(runner.log_processor.get_log_after_iter(runner, batch_idx, 'train')[1]),
                'time': time.monotonic() - Measure.begun}
            Measure.begun = time.monotonic()
            for name, value in values.items():
                measured.setdefault(name, []).append(value)

    epochs = iterations // 2 // 2
    stages = [dict(RENDER, epochs=epochs // 4), dict(FULL, epochs=epochs * 2 - epochs // 4)]
    cfg = config(work_dir, kind='XASPoseEstimator', train_cfg=dict(stages=stages), interval=25)
    torch.manual_seed(0)
    runner = Runner.from_cfg(cfg)
    runner.register_hook(Measure())
    runner.train()
    assert runner.iter == iterations, runner.iter
    torch.save(measured, out)
