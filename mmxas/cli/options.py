"""Options that commands share, each declared once. Standard library only, until a value is read."""
import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from .commands import find_command
from .running import load_stack

NO_CHECKPOINT = 'none'


class CommandParser(argparse.ArgumentParser):
    """Reads the command line of one subcommand.

    Args:
        name: Of the subcommand, in :data:`~mmxas.cli.commands.COMMANDS`.
        example: A whole command, which ``--help`` shows.
        details: What ``--help`` says beside the summary. Defaults to nothing.
    """

    def __init__(self, name: str, example: str, details: str = '') -> None:
        summary = find_command(name).summary
        super().__init__(prog=f'mmxas {name}', description=f'{summary[0].upper()}{summary[1:]}. {details}'.rstrip(),
                         epilog=f'example: {example}')

    def error(self, message: str) -> NoReturn:
        """End with status 2 and one line."""
        self.exit(2, f'{self.prog}: {message} ({self.prog} --help shows the options)\n')


class KeyValueAction(argparse.Action):
    """mmengine's ``KEY=VALUE`` options, with a message where a value is not understood."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Sequence[Any] | None,
                 option_string: str | None = None) -> None:
        """argparse's."""
        load_stack()
        from mmengine.config import DictAction
        try:
            DictAction([option_string], self.dest, nargs='+')(parser, namespace, values, option_string)
        except (AssertionError, RecursionError, ValueError):
            parser.error(f'{option_string} {" ".join(values)}: expected KEY=VALUE with a number, a word, True, False, '
                         'None, or a list of these such as [1,2]; for anything else write a config that inherits this')


def positive(text: str) -> int:
    """Return the number of an option that counts something: ``type=positive``.

    Raises:
        ArgumentTypeError: It is below 1.
    """
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'{number} given, 1 or more expected')
    return number


def not_negative(text: str) -> int:
    """Return the number of an option that may be 0: ``type=not_negative``.

    Raises:
        ArgumentTypeError: It is below 0.
    """
    if int(text) < 0:
        raise argparse.ArgumentTypeError(f'{text} given, 0 or more expected')
    return int(text)


def add_config(parser: argparse.ArgumentParser, optional: bool = False, default: str | None = None) -> None:
    """Add the argument that names a config, which may be left out where it has a default."""
    parser.add_argument('config', nargs='?' if optional or default else None, default=default, help='a config file, or '
                        'one that comes with mmxas: mmxas::<name>.py, mmxas::projects/<project>/configs/<name>.py'
                        + (f' (default: {default})' if default else ''))


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--cfg-options``."""
    parser.add_argument('--cfg-options', nargs='+', action=KeyValueAction, default={}, metavar='KEY=VALUE',
                        help='change single settings of the config, after all other options: a.b=1 c="[1,2]"')


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that training and testing have in common; they are mmpose's."""
    add_config(parser)
    parser.add_argument('--work-dir', help='where logs and results go; default: work_dirs/<name of the config>')
    parser.add_argument('--show-dir', help='draw predictions and write the pictures into this folder')
    parser.add_argument('--show', action='store_true', help='draw predictions in a window')
    parser.add_argument('--interval', type=int, default=1, help='draw every n-th sample')
    parser.add_argument('--wait-time', type=float, default=1, help='seconds that a window stays')
    add_cfg_options(parser)
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help='set by torch.distributed.launch')
