"""Trainings, renderings and conversions in processes of their own, which can be killed at a named moment.

A fork server imports the stack once. A moment is a place in the code; the process kills itself there, so that each
place is hit and not merely likely to be.
"""
import contextlib
import datetime
import gc
import json
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModule
from mmengine.registry import DefaultScope
from mmengine.runner import FlexibleRunner, Runner

import mmxas.engine.hooks.atomic_checkpoint_hook as checkpoint_hook
import mmxas.synthesis.shards as shards
from mmxas.compat.distributed import join_cpu_processes
from mmxas.datasets.converters import frames
from mmxas.datasets.converters.sequences import Recording, convert_sequences
from mmxas.datasets.shared_parts import share_config
from mmxas.engine.optim import autocast_optim_wrapper
from mmxas.models.pose_estimators import XASPoseEstimator
from mmxas.registry import HOOKS, MODELS
from mmxas.synthesis.synthesize import synthesize

_CONTEXT = multiprocessing.get_context('forkserver')
RENDER = dict(name='synthetic', epochs=5, lr=0.01, loss_weights=dict(render=1.0))
FULL = dict(name='full', epochs=5, lr=0.002, loss_weights=dict(render=0.5, mask=1.0, adversarial=1.0))
GENERATOR = dict(skeleton='h36m18', body_model=dict(type='SMPLBodyModel'),
                 pose_source=dict(type='TruncatedGaussianPrior'), image_size=32,
                 light=dict(type='RandomLight'), background=dict(type='NoiseBackground'))


@MODELS.register_module(force=True)
class FrozenEstimator(XASPoseEstimator):
    """The estimator with fixed batch statistics and no dropout, in single precision."""

    def train(self, mode: bool = True) -> 'FrozenEstimator':
        """Never in training mode."""
        return super().train(False)


@MODELS.register_module(force=True)
class SpareStage(BaseModule):
    """A backbone whose last stage is trainable, and read by nobody."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.spare = (torch.nn.Conv2d(before, 8, 3, stride=4, padding=1) for before in (3, 8))

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The first stage's map."""
        maps = self.layer(inputs).relu()
        self.spare(maps)
        return (maps, )


@HOOKS.register_module(force=True)
class DrawNumbers(Hook):
    """Draws from every generator between the iterations."""

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        """One of each."""
        random.random()
        np.random.rand()
        torch.rand(1)


@HOOKS.register_module(force=True)
class Break(Hook):
    """Something breaks in the last process.

    Args:
        fault: What: see :meth:`before_train_iter`.
        at: In which iteration (from 0). Defaults to 3.
        path: What is taken away, for the faults of files. Defaults to None.
    """

    def __init__(self, fault: str, at: int = 3, path: str | None = None) -> None:
        self.fault, self.at, self.path = fault, at, path and Path(path)

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        """Break."""
        if runner.iter != self.at or runner.rank != runner.world_size - 1:
            return
        if self.fault == 'dies':
            last_words()
        if self.fault == 'exits':
            os._exit(9)
        if self.fault == 'hangs':
            time.sleep(3600)
        if self.fault == 'memory':
            raise MemoryError('no memory is left for this batch')
        if self.fault == 'raises':
            raise ValueError('the sample of this process is broken')
        if self.fault == 'a loss is NaN':
            data_batch['data_samples'][-1].gt_instance_labels.keypoint_norm[0, 3] = float('nan')
        if self.fault == 'gone':
            self.path.rename(self.path.with_name(f'{self.path.name} elsewhere'))
        if self.fault == 'cut off':
            os.truncate(self.path, 60)
        if self.fault == 'locked':
            lock(self.path)


def lock(folder: Path, locked: bool = True) -> bool:
    """Forbid new files in a folder, or allow them again; whether that worked. Root may write wherever it likes."""
    if os.geteuid():
        folder.chmod(0o555 if locked else 0o755)
        return True
    return not subprocess.run(['chattr', '+i' if locked else '-i', str(folder)], capture_output=True,
                              check=False).returncode


class Child:
    """A function in a process of its own, or in several of one gloo group.

    Args:
        function: A function of this module, by name.
        log: Where its output goes; a rank is appended.
        processes: How many. Defaults to 1: no group.
        kwargs: The function's arguments.
    """

    def __init__(self, function: str, log: Path, processes: int = 1, /, **kwargs) -> None:
        _CONTEXT.set_forkserver_preload(['mmxas', __name__])
        self.logs = [log.with_name(f'{log.name}.{rank}') for rank in range(processes)]
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            port = probe.getsockname()[1]
        self.processes = []
        for rank, path in enumerate(self.logs):
            environment = dict(OMP_NUM_THREADS='1', LOCAL_RANK=str(rank))
            if processes > 1:
                environment.update(WORLD_SIZE=str(processes), RANK=str(rank), MASTER_ADDR='127.0.0.1',
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

    def check(self, seconds: float = 300) -> None:
        """Wait, and fail with the output if one failed."""
        statuses = self.wait(seconds)
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
           batch_size: int = 4, interval: int = 3, world: int = 1, data: dict | None = None, workers: int = 0,
           kind: str = 'Float64Estimator', **more) -> Config:
    """A complete training of a tiny estimator, on pairs in memory unless ``data`` says otherwise."""
    import test_engine.conftest  # noqa: F401  registers the data set
    from test_models.conftest import estimator_config
    from test_runs import tiny_mocap  # noqa: F401  registers Float64Estimator
    preprocessor = dict(type='PoseDataPreprocessor', mean=[127.0] * 3, std=[60.0] * 3)
    hook = dict(type='AtomicCheckpointHook', interval=interval, by_epoch=False, max_keep_ckpts=2)
    return Config(dict(
        model=estimator_config(**{'data_preprocessor': preprocessor, 'type': kind, **(model or {})}), work_dir=work_dir,
        train_dataloader=dict(
            batch_size=batch_size, num_workers=workers, sampler=dict(type='SeededSampler'),
            collate_fn=dict(type='collate_pairs'), dataset={'type': 'PairsInMemory', **(data or {})}),
        train_cfg=dict(type='StagedTrainLoop', **dict(dict(stages=[RENDER, FULL]), **(train_cfg or {}))),
        optim_wrapper=optim_wrapper or dict(optimizer=dict(type='Adam', lr=0.01)),
        default_hooks=dict(timer=None, checkpoint=hook, preemption=dict(type='PreemptionHook')),
        default_scope='mmpose', log_level='WARNING', launcher='pytorch' if world > 1 else 'none',
        experiment_name=Path(work_dir).name, **{'randomness': dict(seed=0), **more}))


CROP = [dict(type='LoadXASImage'), dict(type='LoadMask'), dict(type='GetBBoxCenterScale', padding=1.25),
        dict(type='SquareCropAffine', input_size=(32, 32)),
        dict(type='GenerateNormTarget', encoder=dict(type='NormCodec')),
        dict(type='PackXASInputs')]


def files(folder: Path) -> dict:
    """Config of a data set of files: ``images``, ``masks`` and rendered ``pairs``."""
    return dict(type='PairedDataset', length=8,
                synthetic=dict(type='SyntheticPairDataset', data_root=str(folder / 'pairs'), pipeline=CROP,
                               skeleton='h36m18'),
                target=dict(type='ImageFolderDataset', data_root=str(folder / 'images'), masks=str(folder / 'masks'),
                            pipeline=CROP, skeleton='h36m18'))


def train(out: str | None = None, world: int = 1, moment: str | None = None, count: int = 1, bf16: bool = False,
          timeout: float | None = None, **kwargs) -> None:
    """Train; ``out`` gets the last weights, ``moment`` is where the process dies for the ``count``-th time.

    ``bf16`` has autocast work on a CPU that only imitates it; ``timeout`` is how many seconds processes wait for one
    another.
    """
    if bf16:
        autocast_optim_wrapper.cpu_has_bf16 = lambda: True
    if timeout:
        torch.distributed.init_process_group(backend='gloo', timeout=datetime.timedelta(seconds=timeout))
    cfg = config(world=world, **kwargs)
    torch.manual_seed(0)
    join_cpu_processes(cfg)
    runner = Runner.from_cfg(cfg)
    with die_at(moment, count):
        runner.train()
    assert getattr(runner.optim_wrapper, 'enabled', False) is bf16
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
def die_at(moment: str | None, count: int):
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


def render(root: str, moment: str | None = None, count: int = 1, workers: int = 0, num: int = 6) -> None:
    """So many pairs, two a shard."""
    with die_at(moment, count):
        synthesize(GENERATOR, root, num, workers, seed=3, shard_size=2, progress=False)


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
    from mmxas.datasets.samplers import SeededSampler, seeded
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


def shard(work_dir: str, world: int, out: str | None = None, **kwargs) -> None:
    """Train with the backbone in shards."""
    cfg = config(work_dir, world=world, env_cfg=dict(dist_cfg=dict(backend='gloo')),
                 strategy=dict(type='ShardedBackboneStrategy'), **kwargs)
    torch.manual_seed(0)
    join_cpu_processes(cfg)
    runner = FlexibleRunner.from_cfg(cfg)
    runner.train()
    whole = sum(parameter.numel() for parameter in runner.model.module.backbone.parameters())
    state = runner.model.state_dict()
    if out and runner.rank == 0:
        assert whole < sum(value.numel() for name, value in state.items() if name.startswith('backbone.')), 'no shards'
        torch.save(state, out)


# ----------------------------------------------------------------- long runs

def render_recipe(data: str) -> None:
    """Render what the miniature of the quick recipe trains on."""
    from test_runs.tiny_mocap import tiny_config

    from mmxas.datasets.rendered_sets import prepare_sets
    cfg = tiny_config(Path(data))
    share_config(cfg)
    with DefaultScope.overwrite_default_scope('mmpose'):
        prepare_sets(cfg, ['train', 'val'])


def resident_mb(pid: int | str) -> float:
    """Resident memory of a process in MB."""
    return int(Path(f'/proc/{pid}/status').read_text().partition('VmRSS:')[2].split()[0]) / 1024


class Measure(Hook):
    """Measures this process and its workers every so many iterations; the result is ``values``."""

    priority = 'LOWEST'

    def __init__(self, every: int) -> None:
        self.every, self.begun = every, time.monotonic()
        self.values: dict[str, list[float]] = {}

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """What there is."""
        if (runner.iter + 1) % self.every:
            return
        gc.collect()
        proc = Path('/proc/self')
        links = [os.readlink(link) for link in (proc / 'fd').iterdir() if link.is_symlink()]
        workers = (proc / 'task' / str(os.getpid()) / 'children').read_text().split()
        values = {
            'megabytes': resident_mb('self'), 'megabytes of workers': sum(map(resident_mb, workers)),
            'handles': len(links), 'workers': len(workers), 'hooks': len(runner.hooks),
            'threads': int((proc / 'status').read_text().partition('Threads:')[2].split()[0]),
            'sockets': sum(link.startswith('socket') for link in links),
            'files': sum(link.startswith('/') for link in links),
            'tensors': sum(isinstance(item, torch.Tensor) for item in gc.get_objects()),
            'log history': max(len(entry.data[0]) for entry in runner.message_hub.log_scalars.values()),
            'checkpoints': sum(path.stat().st_size for path in Path(runner.work_dir).glob('*.pth')),
            'log line': len(runner.log_processor.get_log_after_iter(runner, batch_idx, 'train')[1]),
            'seconds': time.monotonic() - self.begun}
        self.begun = time.monotonic()
        for name, value in values.items():
            self.values.setdefault(name, []).append(value)


def train_long(work_dir: str, out: str, data: str, iterations: int, every: int) -> None:
    """Train the miniature of the quick recipe for long, with a worker, checkpoints and evaluations, and measure it."""
    from test_runs.tiny_mocap import BATCH, PAIRS, STAGES, tiny_config
    cfg = tiny_config(Path(data))
    epochs = iterations * BATCH // PAIRS
    cfg.merge_from_dict(dict(work_dir=work_dir, log_level='WARNING', experiment_name='long'))
    cfg.custom_hooks.pop()  # RecordLosses
    cfg.train_cfg.update(stages=[dict(STAGES[0], epochs=epochs // 5), dict(STAGES[1], epochs=epochs - epochs // 5)],
                         val_begin=1, val_interval=epochs // 20)
    cfg.train_dataloader.update(num_workers=1, persistent_workers=True)
    cfg.default_hooks.checkpoint.update(by_epoch=False, interval=every)
    runner = Runner.from_cfg(cfg)
    measure = Measure(every)
    runner.register_hook(measure)
    runner.train()
    assert runner.iter == iterations, runner.iter
    torch.save(measure.values, out)


# ---------------------------------------------------------------- videos

def infer_clip(clip: str, out: str, memory: str | None = None) -> None:
    """Detect in a video with a tiny detector; ``memory`` gets the resident MB every 100 frames of each pass."""
    from tiny_clips import tiny_inferencer

    from mmxas.apis import video
    measured: dict[str, list[float]] = {}
    shown = video._shown

    def measuring(items, bars, what, total, done=0):
        for number, item in enumerate(shown(items, bars, what, total, done)):
            if number % 100 == 0:
                measured.setdefault(what, []).append(resident_mb('self'))
            yield item
    video._shown = measuring
    video.infer_video(tiny_inferencer(), clip, out)
    measured['end'] = [resident_mb('self')]
    if memory:
        Path(memory).write_text(json.dumps(measured))
