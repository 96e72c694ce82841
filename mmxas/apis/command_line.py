"""What ``tools/train.py`` and ``tools/test.py`` share: their options, and how these change a config."""
import argparse
import os
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from mmengine.config import Config, DictAction

from mmxas.compat.config_paths import PREFIX, config_path

NO_CHECKPOINT = 'none'


class KeyValueAction(DictAction):
    """mmengine's ``KEY=VALUE`` options, with a message where a value is not understood."""

    def __call__(self, parser, namespace, values, option_string=None) -> None:
        try:
            super().__call__(parser, namespace, values, option_string)
        except (AssertionError, RecursionError, ValueError):
            parser.error(f'{option_string} {" ".join(values)}: expected KEY=VALUE with a number, a word, True, False, '
                         'None, or a list of these such as [1,2]; for anything else write a config that inherits this')


class UsageError(Exception):
    """Something on the command line, or in the config that it names, is wrong; shown without a traceback."""


def run_tool(main: Callable[[], None]) -> None:
    """Run a tool; end with status 2 and one line for a :class:`UsageError`."""
    try:
        main()
    except UsageError as error:
        print(f'error: {error}', file=sys.stderr)
        sys.exit(2)


def add_shared_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that training and testing have in common; they are mmpose's."""
    parser.add_argument('config', help='a config file, or mmxas::<name>.py for one that comes with mmxas')
    parser.add_argument('--work-dir', help='where logs and results go; default: work_dirs/<name of the config>')
    parser.add_argument('--show-dir', help='draw predictions and write the pictures into this folder')
    parser.add_argument('--show', action='store_true', help='draw predictions in a window')
    parser.add_argument('--interval', type=int, default=1, help='draw every n-th sample')
    parser.add_argument('--wait-time', type=float, default=1, help='seconds that a window stays')
    parser.add_argument('--cfg-options', nargs='+', action=KeyValueAction, default={}, metavar='KEY=VALUE',
                        help='change single settings of the config, after all other options: a.b=1 c="[1,2]"')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help='set by torch.distributed.launch')


def set_local_rank(args: argparse.Namespace) -> None:
    """Pass ``--local_rank`` on in the environment, where mmengine reads it."""
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))


def load_config(name: str) -> Config:
    """Read a config by path, or by ``mmxas::<name>.py``.

    Raises:
        UsageError: If the file, or one that it inherits, does not exist, or is not Python.
    """
    try:
        path = config_path(name) if name.startswith(PREFIX) else Path(name)
        if not path.is_file():
            raise UsageError(f'{name}: no such config file')
        return Config.fromfile(path)
    except FileNotFoundError as error:
        raise UsageError(str(error) if name in str(error) else f'{name}: {error}') from error
    except SyntaxError as error:
        raise UsageError(f'{name}: line {error.lineno}: {error.msg}') from error


def require_checkpoint(name: str) -> str:
    """The checkpoint's path or URL, after a look whether the file is there, and whole.

    Raises:
        UsageError: If it is not.
    """
    if '://' in name:
        return name
    path = Path(name)
    if not path.is_file():
        raise UsageError(f'{name}: no such checkpoint file')
    with path.open('rb') as file:
        begins_as_archive = file.read(2) == b'PK'
    if begins_as_archive and not zipfile.is_zipfile(path):
        raise UsageError(f'{name}: the end of this checkpoint is missing; take another one, or copy it again')
    return name


def check_newest_checkpoint(work_dir: str) -> None:
    """Look whether what ``--resume`` alone goes on from is there, and whole.

    Raises:
        UsageError: If ``last_checkpoint`` names a file that is not; the message lists those that are there.
    """
    pointer = Path(work_dir) / 'last_checkpoint'
    if not pointer.is_file():
        return  # mmengine begins at the start
    try:
        require_checkpoint(pointer.read_text(encoding='utf-8').strip())
    except UsageError as error:
        there = ', '.join(sorted(str(path) for path in Path(work_dir).glob('*.pth'))) or 'none'
        raise UsageError(f'{pointer} names {error}. Resume by --resume CHECKPOINT; there are: {there}') from error


def set_work_dir(cfg: Config, args: argparse.Namespace) -> None:
    """Choose the work directory: the option, else the config's, else ``work_dirs/<name of the config>``."""
    stem = Path(args.config.removeprefix(PREFIX)).stem
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or str(Path('work_dirs') / stem)


def require_writable(folder: str) -> None:
    """Make a work directory, and look whether something can be written there.

    Raises:
        UsageError: It cannot.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(1 << 16))
    except OSError as error:
        raise UsageError(f'{folder}: nothing can be written into this work directory ({error.strerror}); make room, or '
                         'choose another by --work-dir') from error


def enable_visualization(cfg: Config, args: argparse.Namespace) -> None:
    """Turn on the config's PoseVisualizationHook when ``--show`` or ``--show-dir`` asks for pictures.

    Raises:
        UsageError: If the config has no such hook.
    """
    if not args.show and args.show_dir is None:
        return
    hook = cfg.get('default_hooks', {}).get('visualization')
    if hook is None:
        raise UsageError(f'{args.config}: --show and --show-dir need '
                         'default_hooks.visualization=dict(type="PoseVisualizationHook")')
    hook.update(enable=True, show=args.show, out_dir=args.show_dir, interval=args.interval)
    if args.show:
        hook.wait_time = args.wait_time


def merge_options(cfg: Config, options: dict) -> None:
    """Apply ``--cfg-options``.

    Raises:
        UsageError: If a key does not fit the config, such as an index past the end of a list.
    """
    try:
        cfg.merge_from_dict(options or {})
    except (KeyError, TypeError, IndexError) as error:
        raise UsageError(f'--cfg-options: {error.args[0] if error.args else error}') from error
