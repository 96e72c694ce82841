"""What ``tools/train.py`` and ``tools/test.py`` share: their options, and how these change a config."""
import argparse
import ast
import fcntl
import inspect
import os
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from textwrap import shorten

import cv2
import torch
from mmengine import registry as mmengine_registry
from mmengine.config import Config, DictAction
from mmengine.registry import Registry
from mmengine.runner import FlexibleRunner, Runner

from mmxas import registry as mmxas_registry
from mmxas.apis.checkpoint_checks import check_resumes
from mmxas.compat.config_paths import PREFIX, config_path
from mmxas.engine.config_knobs import KEY, KNOB_OF, KNOBS, apply_knobs, read_config, spent_variables, way_out
from mmxas.engine.stages import parse_stages
from mmxas.evaluation.metrics import ContextMetric
from mmxas.io import UnsafeFileError, read_checkpoint_file
from mmxas.registry import METRICS

NO_CHECKPOINT = 'none'
READ_KEYS = {'synthesis', 'xas', 'custom_imports', 'auto_scale_lr', 'runner_type', *(
    name for runner in (Runner, FlexibleRunner) for name in inspect.signature(runner).parameters)}
NOT_REGISTERED = re.compile(r'(\S+) is not in the \w+::([\w ]+) registry')


class KeyValueAction(DictAction):
    """mmengine's ``KEY=VALUE`` options, with a message where a value is not understood."""

    def __call__(self, parser, namespace, values, option_string=None) -> None:  # noqa: ANN001, D102  argparse's
        try:
            super().__call__(parser, namespace, values, option_string)
        except (AssertionError, RecursionError, ValueError):
            parser.error(f'{option_string} {" ".join(values)}: expected KEY=VALUE with a number, a word, True, False, '
                         'None, or a list of these such as [1,2]; for anything else write a config that inherits this')


def positive(text: str) -> int:
    """The type of options that count something: ``type=positive``.

    Raises:
        ArgumentTypeError: It is below 1.
    """
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'{number} given, 1 or more expected')
    return number


class UsageError(Exception):
    """Something on the command line, or in the config that it names, is wrong; shown without a traceback."""


def run_tool(main: Callable[[], None]) -> None:
    """Run a tool; status 2 and one line for a :class:`UsageError`, an unsafe file, or a component that is unknown."""
    try:
        main()
    except (UsageError, UnsafeFileError) as error:
        message = str(error)
    except KeyError as error:
        message = unknown_component(error)
        if message is None:
            raise
    else:
        return
    print(f'error: {message}', file=sys.stderr)
    sys.exit(2)


def unknown_component(error: KeyError) -> str | None:
    """One line for mmengine's error about a ``type`` that no registry knows; None for any other error."""
    found = NOT_REGISTERED.search(str(error.args[0]) if error.args else '')
    if found is None:
        return None
    name, kind = found.groups()
    near = get_close_matches(name, sorted(set(registered_names(kind))), cutoff=0.7)
    hint = f'; did you mean {" or ".join(near)}?' if near else ', or name its module in custom_imports'
    return f'type={name!r}: no {kind} of this name; correct it in the config{hint}'


def registered_names(kind: str) -> Iterator[str]:
    """Names of the components of a kind (``'model'``) in the registries of mmengine, mmpose, mmdet and mmxas."""
    roots = [*vars(mmengine_registry).values(), *vars(mmxas_registry).values()]
    pending = [root for root in roots if isinstance(root, Registry) and root.name == kind]
    while pending:
        registry = pending.pop()
        yield from registry.module_dict
        pending += registry.children.values()


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
    """Read a config by path, or by ``mmxas::<name>.py``, and apply its knobs (:mod:`mmxas.engine.config_knobs`).

    Raises:
        UsageError: If the file, or one that it inherits, does not exist, is not Python, or sets a variable of its base
            to no effect; or if a knob is wrong.
    """
    try:
        path = config_path(name) if name.startswith(PREFIX) else Path(name)
        if not path.is_file():
            raise UsageError(f'{name}: no such config file')
        config = read_config(path)
        # A run writes it down five times and with each checkpoint, and yapf takes up to seconds to break its lines:
        # mmengine's own breaks do. ``fromfile(format_python_code=False)`` is for another kind of configs (0.10.7).
        object.__setattr__(config, '_format_python_code', False)
        return config
    except FileNotFoundError as error:
        raise UsageError(str(error) if name in str(error) else f'{name}: {error}') from error
    except SyntaxError as error:
        raise UsageError(f'{name}: line {error.lineno}: {error.msg}') from error
    except ValueError as error:
        raise UsageError(str(error) if name in str(error) else f'{name}: {error}') from error


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


def check_run_state(cfg: Config) -> None:
    """Look whether the checkpoint that a training shall go on from has what that needs.

    Raises:
        UsageError: It has not, or cannot be read.
    """
    if not cfg.get('resume') or not cfg.get('load_from') or '://' in cfg.load_from:
        return
    try:
        check_resumes(read_checkpoint_file(cfg.load_from, 'cpu'))
    except ValueError as error:
        raise UsageError(str(error) if cfg.load_from in str(error) else f'{cfg.load_from}: {error}') from error


def check_unused(cfg: Config) -> None:
    """Look whether a new training would write over the checkpoints of another one.

    Raises:
        UsageError: It would.
    """
    pointer = Path(cfg.work_dir) / 'last_checkpoint'
    if pointer.is_file() and not cfg.get('resume'):
        last = Path(pointer.read_text(encoding='utf-8').strip()).name
        raise UsageError(f'{cfg.work_dir}: holds checkpoints of another training ({last} is the last); --resume goes '
                         'on from it, --work-dir chooses another folder')


_held: list[int] = []


def _let_go() -> None:
    while _held:
        os.close(_held.pop())


os.register_at_fork(after_in_child=_let_go)  # a data worker may outlive a training that was killed


@contextmanager
def held(work_dir: str) -> Iterator[None]:
    """Hold a work directory while a training runs in it.

    Raises:
        UsageError: Another process holds it.
    """
    _held.append(os.open(work_dir, os.O_RDONLY))
    try:
        try:
            fcntl.flock(_held[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(f'{work_dir}: another training is running in this folder; choose another by --work-dir'
                             ) from error
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(_held.pop())


def set_work_dir(cfg: Config, args: argparse.Namespace) -> None:
    """Choose the work directory: the option, else the config's, else ``work_dirs/<name of the config>``."""
    stem = Path(args.config.removeprefix(PREFIX)).stem
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or str(Path('work_dirs') / stem)


def require_writable(folder: str, what: str = 'work directory', option: str = '--work-dir') -> None:
    """Make a folder, and look whether something can be written there.

    Args:
        folder: The folder.
        what: What the message calls it. Defaults to ``'work directory'``.
        option: The option that chooses another. Defaults to ``'--work-dir'``.

    Raises:
        UsageError: It cannot.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(1 << 16))
    except OSError as error:
        raise UsageError(f'{folder}: nothing can be written into this {what} ({error.strerror}); make room, or '
                         f'choose another by {option}') from error


def require_writable_file(name: str, option: str) -> None:
    """Make the folder of a file that an option names, and look whether the file can be written.

    Raises:
        UsageError: It cannot.
    """
    if Path(name).is_dir():
        raise UsageError(f'{option} {name}: this is a folder; give the name of a file')
    require_writable(str(Path(name).parent), f'folder of {option}', option)


def require_device(name: str) -> str:
    """The name of a device, after a look whether torch can use it here.

    Raises:
        UsageError: It cannot.
    """
    try:
        torch.zeros(1, device=name).sum().item()
    except (RuntimeError, AssertionError, ImportError) as error:
        reason = shorten(str(error).partition('. ')[0], 120, placeholder=' ...')
        raise UsageError(f'--device {name}: torch cannot use it here ({reason}); cpu always works, cuda:0 is the first '
                         'GPU of a machine that has one') from error
    return name


def require_windows() -> None:
    """Look whether OpenCV can open windows.

    Raises:
        UsageError: It cannot.
    """
    if re.search(r'GUI:\s+NONE', cv2.getBuildInformation()):
        raise UsageError('--show: the OpenCV of this environment opens no windows (opencv-python-headless); write the '
                         'pictures by --show-dir DIR')


def enable_visualization(cfg: Config, args: argparse.Namespace) -> None:
    """Turn on the config's PoseVisualizationHook when ``--show`` or ``--show-dir`` asks for pictures.

    Raises:
        UsageError: If the config has no such hook, or no window can be opened.
    """
    if args.show:
        require_windows()
    if not args.show and args.show_dir is None:
        return
    hook = cfg.get('default_hooks', {}).get('visualization')
    if hook is None:
        raise UsageError(f'{args.config}: --show and --show-dir need '
                         'default_hooks.visualization=dict(type="PoseVisualizationHook")')
    hook.update(enable=True, show=args.show, out_dir=args.show_dir, interval=args.interval)
    if args.show:
        hook.wait_time = args.wait_time


def add_result_files(cfg: Config, key: str) -> None:
    """Have each of the package's metrics write its result into the work directory, unless the config says where.

    The file is ``results/<type of the metric>.json``; of several of one type the second gets ``_2``, and so on.

    Args:
        cfg: The config.
        key: ``'test_evaluator'`` or ``'val_evaluator'``; of several validations the last one's result stays.
    """
    hooks = [*(cfg.get('default_hooks') or {}).values(), *(cfg.get('custom_hooks') or ())]
    if not any(hook and hook.get('type') == 'EvaluationContextHook' for hook in hooks):
        cfg.custom_hooks = [*(cfg.get('custom_hooks') or ()), dict(type='EvaluationContextHook')]
    evaluators, seen = cfg.get(key) or (), {}
    for evaluator in evaluators if isinstance(evaluators, list | tuple) else [evaluators]:
        metric = METRICS.get(evaluator['type']) if isinstance(evaluator.get('type'), str) else evaluator.get('type')
        if isinstance(metric, type) and issubclass(metric, ContextMetric) and evaluator.get('out_file') is None:
            seen[metric.__name__] = number = seen.get(metric.__name__, 0) + 1
            name = metric.__name__ if number == 1 else f'{metric.__name__}_{number}'
            evaluator['out_file'] = str(Path(cfg.work_dir) / 'results' / f'{name}.json')


def merge_options(cfg: Config, options: dict) -> None:
    """Apply ``--cfg-options``, knobs such as ``xas.crop_size=96`` before the others.

    Raises:
        UsageError: If a key does not fit the config, such as an index past the end of a list, is a variable that has
            done its work, or a wrong knob.
    """
    options = options or {}
    spent = {*KNOBS, *KNOB_OF, *(spent_variables(cfg.filename) if cfg.filename and options else ())}
    heads = {key: key.partition('.')[0] for key in options}
    for key, head in heads.items():
        if head in spent:
            raise UsageError(f'--cfg-options {key}: changes nothing, it was used already. {way_out(head)}')
    try:
        cfg.merge_from_dict({key: value for key, value in options.items() if heads[key] == KEY})
        apply_knobs(cfg)
        cfg.merge_from_dict({key: value for key, value in options.items() if heads[key] != KEY})
    except ValueError as error:
        raise UsageError(f'--cfg-options: {error}') from error
    except (KeyError, TypeError, IndexError) as error:
        raise UsageError(f'--cfg-options: {error.args[0] if error.args else error}') from error


def check_keys(cfg: Config) -> None:
    """Whether a key of a config is nearly one that a run reads: others, of one's own, are left alone.

    Raises:
        UsageError: One is.
    """
    for key in sorted(set(cfg.keys()) - READ_KEYS):
        near = get_close_matches(key, READ_KEYS, 1, cutoff=0.85)
        if near:
            raise UsageError(f'{cfg.filename}: {key} = … is read by nothing; did you mean {near[0]}? Otherwise give it '
                             'another name')


def check_text(cfg: Config) -> None:
    """Whether the config, as a run writes it down, can be read again.

    Raises:
        UsageError: It cannot, as with a function in it, or a key that is no name; the line is shown.
    """
    text = cfg.pretty_text
    try:
        ast.parse(text)
    except SyntaxError as error:
        line = text.splitlines()[error.lineno - 1].strip()
        raise UsageError(f'{cfg.filename}: a run could not read its own config again, for this line: {line}; keep to '
                         'strings, numbers, None, lists, tuples, and dicts whose keys are names') from error


def check_stages(cfg: Config) -> None:
    """Whether the training stages are whole and weigh losses that the model has, before any data are made for them.

    Raises:
        UsageError: One is not, or names a loss that ``model.losses`` has not.
    """
    stages, losses = (cfg.get('train_cfg') or {}).get('stages'), (cfg.get('model') or {}).get('losses')
    if stages is None or losses is None:
        return
    try:
        parsed = parse_stages(stages)
    except ValueError as error:
        raise UsageError(str(error)) from error
    for stage in parsed:
        for term in stage.loss_weights:
            if term not in losses:
                raise UsageError(f'train_cfg.stages: stage {stage.name!r}: loss_weights names {term!r}, but '
                                 f'model.losses has: {", ".join(losses)}')
