"""``mmxas train``: train a detector.

Each metric's full result of the last validation is written to ``results/`` in the work directory, as in testing.
"""
import argparse
from contextlib import nullcontext

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmxas.apis.checkpoint_checks import check_begins
from mmxas.apis.checkpoint_files import check_newest_checkpoint, check_run_state, require_checkpoint
from mmxas.apis.configs import add_result_files, check_keys, check_stages, check_text, load_config, merge_options
from mmxas.compat.distributed import join_cpu_processes
from mmxas.errors import UsageError

from .options import CommandParser, add_run_options
from .run_options import enable_visualization, set_local_rank, set_work_dir
from .running import run_command
from .work_directory import check_unused, held, require_writable

PLAIN_WRAPPERS = ('OptimWrapper', 'AmpOptimWrapper', 'AutocastOptimWrapper')


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line, with mmpose's options for training."""
    parser = CommandParser('train', example='mmxas train mmxas::xas_mocap.py --work-dir work_dirs/xas_mocap')
    add_run_options(parser)
    parser.add_argument('--resume', nargs='?', const='auto', metavar='CHECKPOINT',
                        help='resume from this checkpoint; without a value: from the newest one in the work directory')
    parser.add_argument('--amp', action='store_true', help='mixed precision: bfloat16 if GPU or CPU supports it')
    parser.add_argument('--no-validate', action='store_true', help='do not evaluate during training')
    parser.add_argument('--auto-scale-lr', action='store_true',
                        help='scale the learning rate by the actual batch size over auto_scale_lr.base_batch_size')
    return parser.parse_args(arguments)


def apply_options(cfg: Config, args: argparse.Namespace) -> None:
    """Apply the command line to the config.

    Raises:
        UsageError: The config lacks something that an option needs, or a checkpoint does not exist.
    """
    cfg.launcher = args.launcher
    set_work_dir(cfg, args)
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.amp:
        use_autocast(cfg)
    if args.resume is not None:
        cfg.resume = True
        if args.resume == 'auto':
            check_newest_checkpoint(cfg.work_dir)
        cfg.load_from = None if args.resume == 'auto' else require_checkpoint(args.resume)
    if args.auto_scale_lr:
        if 'base_batch_size' not in (cfg.get('auto_scale_lr') or {}):
            raise UsageError(f'{args.config}: --auto-scale-lr needs auto_scale_lr=dict(base_batch_size=...)')
        cfg.auto_scale_lr.enable = True
    enable_visualization(cfg, args)
    if cfg.get('val_evaluator'):
        add_result_files(cfg, 'val_evaluator')
    merge_options(cfg, args.cfg_options)
    if cfg.get('load_from'):
        require_checkpoint(cfg.load_from)


def use_autocast(cfg: Config) -> None:
    """Replace a plain optimizer wrapper by one with autocast on GPU and CPU.

    Raises:
        UsageError: The config has a wrapper of another kind, or none.
    """
    wrapper = cfg.get('optim_wrapper')
    if wrapper is None or wrapper.get('type', 'OptimWrapper') not in PLAIN_WRAPPERS:
        kind = None if wrapper is None else wrapper.get('type')
        raise UsageError(f'--amp replaces optim_wrapper.type {", ".join(PLAIN_WRAPPERS)}; the config has {kind!r}')
    wrapper.type = 'AutocastOptimWrapper'
    wrapper.pop('loss_scale', None)


class CheckBeginsHook(Hook):
    """Raise for a checkpoint without a matching tensor or with non-finite values; mmengine only warns.

    Args:
        name: Name of the checkpoint in the message.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check before the weights are loaded.

        Raises:
            UsageError: The checkpoint is unusable.
        """
        try:
            check_begins(runner.model.module if is_model_wrapper(runner.model) else runner.model, checkpoint)
        except ValueError as error:
            raise UsageError(f'{self.name}: {error}') from error


def run(args: argparse.Namespace) -> None:
    """Train."""
    set_local_rank(args)
    cfg = load_config(args.config)
    apply_options(cfg, args)
    check_keys(cfg)
    check_text(cfg)
    check_stages(cfg)
    check_run_state(cfg)
    check_unused(cfg)
    require_writable(cfg.work_dir)
    join_cpu_processes(cfg)
    runner = RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
    runner.register_hook(CheckBeginsHook(cfg.get('load_from') or cfg.work_dir))
    with held(cfg.work_dir) if is_main_process() else nullcontext():
        runner.train()


def main(arguments: list[str] | None = None) -> int:
    """Train; return the exit status."""
    return run_command('train', parse_args, run, arguments)
