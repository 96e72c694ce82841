"""``mmxas test``: evaluate a detector.

Each metric's full result, with its model, checkpoint and data, is written to ``results/`` in the work directory;
``mmxas compare`` compares such files.
"""
import argparse
import os
from pathlib import Path

import mmengine
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmxas.apis.checkpoint_checks import check_fits
from mmxas.apis.checkpoint_files import require_checkpoint
from mmxas.apis.configs import add_result_files, check_keys, check_text, load_config, merge_options
from mmxas.compat.distributed import join_cpu_processes
from mmxas.datasets.rendered_sets import prepare_sets
from mmxas.errors import UsageError

from .options import NO_CHECKPOINT, CommandParser, add_run_options
from .run_options import enable_visualization, require_windows, set_local_rank, set_work_dir
from .running import run_command
from .work_directory import require_writable, require_writable_file


class SaveMetricsHook(Hook):
    """Write the metrics of a test to a file, atomically.

    Args:
        path: ``.json``, ``.yaml`` or ``.pkl``.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def after_test_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """Write the file, on the first process only."""
        if metrics is None or not is_main_process():
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_name(f'.part-{self.path.name}')
        mmengine.dump(metrics, part, **({'indent': 2} if self.path.suffix == '.json' else {}))
        os.replace(part, self.path)


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line, with mmpose's options for testing."""
    parser = CommandParser('test', example='mmxas test mmxas::xas_mocap.py checkpoint.pth',
                           details="Each metric's full result is written to results/ in the work directory; mmxas "
                           'compare compares such files.')
    add_run_options(parser)
    parser.add_argument('checkpoint', help=f'a checkpoint file, or {NO_CHECKPOINT!r} for untrained weights')
    parser.add_argument('--out', help='write the metrics to this file (.json, .yaml or .pkl)')
    parser.add_argument('--dump', help='write all predictions to this file (.pkl)')
    parser.add_argument('--badcase', action='store_true', help="turn on the config's default_hooks.badcase")
    return parser.parse_args(arguments)


def apply_options(cfg: Config, args: argparse.Namespace) -> None:
    """Apply the command line to the config.

    Raises:
        UsageError: The config lacks something that an option needs, or the checkpoint does not exist.
    """
    cfg.launcher = args.launcher
    cfg.resume = False
    cfg.load_from = None if args.checkpoint == NO_CHECKPOINT else require_checkpoint(args.checkpoint)
    set_work_dir(cfg, args)
    if args.badcase:
        show_bad_cases(cfg, args)
    enable_visualization(cfg, args)
    if args.dump is not None:
        add_dump(cfg, args.dump)
    add_result_files(cfg, 'test_evaluator')
    if args.out is not None and Path(args.out).suffix not in ('.json', '.yaml', '.yml', '.pkl', '.pickle'):
        raise UsageError(f'--out {args.out}: expected a name that ends in .json, .yaml or .pkl')
    merge_options(cfg, args.cfg_options)


def show_bad_cases(cfg: Config, args: argparse.Namespace) -> None:
    """Enable mmpose's BadCaseAnalysisHook; ``--show`` then opens its window.

    Raises:
        UsageError: The config has no such hook, or no window can be opened.
    """
    if args.show:
        require_windows()
    hook = cfg.get('default_hooks', {}).get('badcase')
    if hook is None:
        raise UsageError(f'{args.config}: --badcase needs default_hooks.badcase=dict(type="BadCaseAnalysisHook", '
                         'metric_type=..., metric=...)')
    hook.update(enable=True, show=args.show)
    if args.show:
        hook.update(wait_time=args.wait_time, interval=args.interval)
        args.show = False


def add_dump(cfg: Config, path: str) -> None:
    """Add mmengine's DumpResults to the config's evaluators.

    Raises:
        UsageError: The file's name does not end in ``.pkl`` or ``.pickle``.
    """
    if not path.endswith(('.pkl', '.pickle')):
        raise UsageError(f'--dump {path}: expected a name that ends in .pkl')
    present = cfg.test_evaluator if isinstance(cfg.test_evaluator, list | tuple) else [cfg.test_evaluator]
    cfg.test_evaluator = [*present, dict(type='DumpResults', out_file_path=path)]


def check_outputs(cfg: Config, args: argparse.Namespace) -> None:
    """Check before the evaluation that its results can be written.

    Raises:
        UsageError: The work directory, ``--out`` or ``--dump`` cannot be written.
    """
    require_writable(cfg.work_dir)
    for option, name in (('--out', args.out), ('--dump', args.dump)):
        if name is not None:
            require_writable_file(name, option)


class CheckFitsHook(Hook):
    """Raise for a checkpoint that does not fit the detector; mmengine only warns."""

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check before the weights are loaded."""
        check_fits(runner.model.module if is_model_wrapper(runner.model) else runner.model, checkpoint)


def load_weights(runner: Runner, name: str) -> None:
    """Load the checkpoint before building the data, which takes longer.

    Raises:
        UsageError: The checkpoint is broken or does not fit the detector.
    """
    runner.register_hook(CheckFitsHook())
    try:
        runner.load_or_resume()
    except ValueError as error:
        raise UsageError(str(error) if name in str(error) else f'{name}: {error}') from error


def run(args: argparse.Namespace) -> None:
    """Evaluate."""
    set_local_rank(args)
    cfg = load_config(args.config)
    apply_options(cfg, args)
    check_keys(cfg)
    check_text(cfg)
    check_outputs(cfg, args)
    prepare_sets(cfg, ['test'])
    join_cpu_processes(cfg)
    runner = Runner.from_cfg(cfg)
    if cfg.load_from:
        load_weights(runner, cfg.load_from)
    if args.checkpoint == NO_CHECKPOINT:
        runner.logger.warning('checkpoint none: these are the metrics of untrained weights')
    if args.out is not None:
        runner.register_hook(SaveMetricsHook(args.out), 'LOWEST')
    runner.test()


def main(arguments: list[str] | None = None) -> int:
    """Evaluate; return the exit status."""
    return run_command('test', parse_args, run, arguments)
