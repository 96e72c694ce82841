"""Options shared by commands. Standard library only, until a value is read."""
import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from .commands import find_command
from .running import load_stack

NO_CHECKPOINT = 'none'


class CommandParser(argparse.ArgumentParser):
    """Argument parser of one subcommand.

    Args:
        name: Name of the subcommand in :data:`~mmxas.cli.commands.COMMANDS`.
        example: A complete command, shown by ``--help``.
        details: Text of ``--help`` after the summary. Defaults to nothing.
    """

    def __init__(self, name: str, example: str, details: str = '') -> None:
        summary = find_command(name).summary
        super().__init__(prog=f'mmxas {name}', description=f'{summary[0].upper()}{summary[1:]}. {details}'.rstrip(),
                         epilog=f'example: {example}')

    def error(self, message: str) -> NoReturn:
        """Exit with status 2 and one line."""
        self.exit(2, f'{self.prog}: {message} ({self.prog} --help shows the options)\n')


class KeyValueAction(argparse.Action):
    """mmengine's ``KEY=VALUE`` options, with an error message for values that cannot be parsed."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Sequence[Any] | None,
                 option_string: str | None = None) -> None:
        """See ``argparse.Action``."""
        load_stack()
        from mmengine.config import DictAction
        try:
            DictAction([option_string], self.dest, nargs='+')(parser, namespace, values, option_string)
        except (AssertionError, RecursionError, ValueError):
            parser.error(f'{option_string} {" ".join(values)}: expected KEY=VALUE with a number, a word, True, False, '
                         'None, or a list of these such as [1,2]; for anything else write a config that inherits this')


def positive(text: str) -> int:
    """Parse a number of at least 1: ``type=positive``.

    Raises:
        ArgumentTypeError: The number is below 1.
    """
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'{number} given, 1 or more expected')
    return number


def not_negative(text: str) -> int:
    """Parse a number of at least 0: ``type=not_negative``.

    Raises:
        ArgumentTypeError: The number is below 0.
    """
    if int(text) < 0:
        raise argparse.ArgumentTypeError(f'{text} given, 0 or more expected')
    return int(text)


def add_config(parser: argparse.ArgumentParser, optional: bool = False, default: str | None = None) -> None:
    """Add the config argument, which is optional if it has a default."""
    parser.add_argument('config', nargs='?' if optional or default else None, default=default, help='a config file, or '
                        'one that comes with mmxas: mmxas::<name>.py, mmxas::projects/<project>/configs/<name>.py'
                        + (f' (default: {default})' if default else ''))


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--cfg-options``."""
    parser.add_argument('--cfg-options', nargs='+', action=KeyValueAction, default={}, metavar='KEY=VALUE',
                        help='change single settings of the config, applied after all other options: a.b=1 c="[1,2]"')


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that training and testing share; they are mmpose's."""
    add_config(parser)
    parser.add_argument('--work-dir', help='folder of logs and results; default: work_dirs/<name of the config>')
    parser.add_argument('--show-dir', help='draw predictions and write the pictures into this folder')
    parser.add_argument('--show', action='store_true', help='draw predictions in a window')
    parser.add_argument('--interval', type=int, default=1, help='draw every n-th sample')
    parser.add_argument('--wait-time', type=float, default=1, help='seconds that a window stays')
    add_cfg_options(parser)
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help='set by torch.distributed.launch')
