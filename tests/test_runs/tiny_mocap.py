"""The quick recipe in little, and processes that train it.

Training runs in processes of its own: they can be killed, they can be two, and what they seed or register does not
reach other tests. A fork server imports the stack once for all of them.
"""
import json
import multiprocessing
import os
import resource
import runpy
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.hooks import Hook

import mmxas  # noqa: F401
from mmxas.apis.configs import load_config
from mmxas.models.pose_estimators import XASPoseEstimator
from mmxas.registry import HOOKS, MODELS

CHECKOUT = Path(__file__).parents[2]
TOOLS = CHECKOUT / 'tools'
SIZE, BATCH, PAIRS = 64, 4, 16
STAGES = [
    dict(name='synthetic', epochs=3, lr=1e-3, schedule='cosine', warmup_iters=3,
         loss_weights=dict(render=1.0, marginal=0.1)),
    dict(name='full', epochs=2, lr=5e-4, loss_weights=dict(render=1.0, marginal=0.1, mask=0.1, adversarial=0.05)),
]
ITERATIONS = sum(stage['epochs'] for stage in STAGES) * PAIRS // BATCH
_CONTEXT = multiprocessing.get_context('forkserver')


@MODELS.register_module(force=True)
class Float64Estimator(XASPoseEstimator):
    """The estimator in double precision."""

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.double()

    def train(self, mode: bool = True) -> 'Float64Estimator':
        """Training with fixed batch statistics and no dropout, so that samples do not depend on their batch."""
        return super().train(False)


@HOOKS.register_module(force=True)
class RecordLosses(Hook):
    """Writes every loss of every iteration, to the last digit.

    Args:
        kill_at: The process kills itself behind this iteration (from 1). Defaults to None.
        kill_in_checkpoint: The process dies halfway through writing the checkpoint of this epoch (from 1). Defaults
            to None.
        spoil_at: A label of this iteration's batch becomes NaN. Defaults to None.
    """

    def __init__(self, kill_at: int | None = None, kill_in_checkpoint: int | None = None,
                 spoil_at: int | None = None) -> None:
        self.kill_at, self.kill_in_checkpoint, self.spoil_at = kill_at, kill_in_checkpoint, spoil_at

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        """Spoil the batch."""
        if runner.iter + 1 == self.spoil_at:
            data_batch['data_samples'][-1].gt_instance_labels.keypoint_norm[0, 3] = float('nan')

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Prepare to die in the middle of the file: of a limit that is half of the file before."""
        if checkpoint['meta']['epoch'] == self.kill_in_checkpoint:
            size = max(path.stat().st_size for path in Path(runner.work_dir).glob('epoch_*.pth'))
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, size // 2))

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs: dict | None = None) -> None:
        """Append a line."""
        line = {'iter': runner.iter, 'lr': runner.optim_wrapper.get_lr()['lr'],
                **{name: value.item() for name, value in outputs.items()}}
        with open(Path(runner.work_dir) / f'losses_{runner.rank}.jsonl', 'a', encoding='utf-8') as file:
            file.write(json.dumps(line) + '\n')
        if runner.iter + 1 == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


def tiny_config(data: Path, backbone: dict | None = None) -> Config:
    """``configs/xas_mocap.py`` with a small network, few small images, and few iterations.

    Args:
        data: Folder of the rendered sets; what is missing is rendered on first use.
        backbone: Changes of the recipe's own backbone, which is kept then. Defaults to None: a thin ResNet-18.
    """
    cfg = load_config(str(CHECKOUT / 'configs' / 'xas_mocap.py'))
    cfg.merge_from_dict(dict(model=dict(
        neck=dict(out_channels=16),
        head=dict(in_channels=16, depth_bins=8, conv_out_channels=(16, ), decoder=dict(decoding=dict(window=3))),
        physique=dict(channels=(2, 4, 4)), discriminator=dict(width=16, head_channels=32), mask_size=16,
        grad_log_interval=4)))
    if backbone is None:
        cfg.model.backbone = dict(type='ResNet', depth=18, stem_channels=8, base_channels=8, out_indices=(1, 2, 3))
        cfg.model.neck.in_channels = (16, 32, 64)
    else:
        cfg.model.backbone.update(backbone)
    cfg.train_cfg.update(stages=STAGES, val_begin=100)
    cfg.optim_wrapper.type = 'OptimWrapper'
    cfg.train_dataloader.dataset.length = None
    loaders = [cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader]
    for loader in loaders:
        loader.update(batch_size=BATCH, num_workers=0, persistent_workers=False)
    sets = [cfg.train_dataloader.dataset.synthetic, cfg.train_dataloader.dataset.target,
            cfg.val_dataloader.dataset, cfg.test_dataloader.dataset]
    for dataset, num in zip(sets, (PAIRS, PAIRS, 6, 4), strict=True):
        dataset.update(num=num, workers=0)
        dataset.data_root = str(data / ('synthetic' if dataset is sets[0] else 'mocap'))
        dataset.generator.update(body_model=dataset.generator.body_model[:1], image_size=SIZE)
        for transform in dataset.pipeline:
            if 'input_size' in transform:
                transform.input_size = (SIZE, SIZE)
    cfg.default_hooks.logger.interval = 4
    cfg.vis_backends = cfg.visualizer.vis_backends = [dict(type='LocalVisBackend')]
    cfg.custom_imports.imports.append('test_runs.tiny_mocap')
    cfg.custom_hooks.append(dict(type='RecordLosses'))
    return cfg


def write_config(cfg: Config, folder: Path, options: dict | None = None) -> Path:
    """Write a config, with changes, into a folder."""
    cfg = Config(cfg.to_dict(), format_python_code=False)
    cfg.merge_from_dict(options or {})
    folder.mkdir(parents=True, exist_ok=True)
    cfg.dump(folder / 'config.py')
    return folder / 'config.py'


def read_losses(work_dir: Path, rank: int = 0) -> list[dict]:
    """What RecordLosses wrote."""
    return [json.loads(line) for line in (work_dir / f'losses_{rank}.jsonl').read_text().splitlines()]


def weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    """State dict of a checkpoint."""
    return torch.load(checkpoint)['state_dict']


class ToolRun:
    """``python SCRIPT ARGUMENTS`` in one process or several, started at once.

    Args:
        script: A script of ``tools/``, or an absolute path.
        arguments: Its command line.
        log: Where its output goes; several processes append their rank.
        processes: Number of processes of one gloo group. Defaults to 1: no group.
    """

    def __init__(self, script: str | Path, arguments: Sequence, log: Path, processes: int = 1) -> None:
        _CONTEXT.set_forkserver_preload(['mmxas', 'tensorboard'])
        log.parent.mkdir(parents=True, exist_ok=True)
        self.logs = [log.with_name(f'{log.name}.{rank}') for rank in range(processes)]
        environment = {'LOCAL_RANK': '0', 'OMP_NUM_THREADS': '1'}
        if processes > 1:
            environment.update(WORLD_SIZE=str(processes), MASTER_ADDR='127.0.0.1', MASTER_PORT=str(_free_port()))
            arguments = [*arguments, '--launcher', 'pytorch']
        command = [str(TOOLS / script), *map(str, arguments)]
        self.processes = []
        for rank, path in enumerate(self.logs):
            own = environment if processes == 1 else {**environment, 'RANK': str(rank), 'LOCAL_RANK': str(rank)}
            self.processes.append(_CONTEXT.Process(target=_run_script, args=(command, own, str(path))))
            self.processes[-1].start()

    def wait(self, seconds: float = 120) -> list[int | None]:
        """Exit statuses; processes that take longer are killed."""
        for process in self.processes:
            process.join(seconds)
            if process.is_alive():
                process.kill()
                process.join()
        return [process.exitcode for process in self.processes]

    def output(self) -> str:
        """What the processes printed."""
        return '\n'.join(path.read_text() for path in self.logs)

    def check(self) -> None:
        """Wait, and fail with the output if a process failed."""
        statuses = self.wait()
        assert not any(statuses), f'{statuses}\n{self.output()[-6000:]}'


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def _run_script(command: list[str], environment: dict[str, str], log: str) -> None:
    with open(log, 'wb', buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.update(environment)
    torch.set_num_threads(1)
    sys.argv = command
    runpy.run_path(command[0], run_name='__main__')
