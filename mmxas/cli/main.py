"""The command ``mmxas``: ``mmxas train CONFIG`` and so on; ``mmxas --help`` lists all subcommands.

A subcommand's module, and the stack, are imported only when the subcommand is called, so that ``mmxas --help`` and
``mmxas check`` respond at once, even with a broken stack.
"""
import sys
from difflib import get_close_matches
from importlib import import_module

from mmxas.compat import StackError

from .commands import COMMANDS, FAMILIES, Command, family_overview, find_command, overview
from .running import load_stack

HELP = ('-h', '--help')


def main(arguments: list[str] | None = None) -> int:
    """Run a subcommand.

    Args:
        arguments: The command line. Defaults to None: that of this process.

    Returns:
        The exit status: 2 for a wrong command line, 1 for a broken stack, otherwise the subcommand's.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    if not words:
        print(overview(), file=sys.stderr)
        return 2
    if words[0] in HELP:
        print(overview())
        return 0
    if words[0] in FAMILIES:
        if words[1:2] and words[1] in HELP:
            print(family_overview(words[0]))
            return 0
        words = [' '.join(words[:2]), *words[2:]]
    try:
        command = find_command(words[0])
    except KeyError:
        return _refuse(words[0])
    return run(command, words[1:])


def run(command: Command, arguments: list[str]) -> int:
    """Import a subcommand's module and call its function; return the exit status."""
    if not command.loads_itself:
        try:
            load_stack()
        except StackError as error:
            print(f'mmxas {command.name}: {error}', file=sys.stderr)
            return 1
    return getattr(import_module(command.module), command.function)(arguments)


def _refuse(name: str) -> int:
    """Print that there is no such command, and list existing ones."""
    family, _, given = name.partition(' ')
    if family in FAMILIES:
        kinds = ', '.join(command.kind for command in COMMANDS if command.family == family)
        print(f'mmxas {family}: {f"no kind {given!r}" if given else "a kind is missing"}; there are: {kinds}',
              file=sys.stderr)
        return 2
    near = get_close_matches(name, {command.family for command in COMMANDS}, 1)
    hint = f'did you mean {near[0]}?' if near else 'mmxas --help lists them'
    print(f'mmxas: no command {name!r}; {hint}', file=sys.stderr)
    return 2
