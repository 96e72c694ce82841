"""Run a command: what the user did wrong is one line on stderr and exit status 2, anything else keeps its traceback."""
import argparse
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from functools import cache

from mmxas import compat
from mmxas.check import import_mmxas
from mmxas.errors import UsageError

NOT_REGISTERED = re.compile(r'(\S+) is not in the \w+::([\w ]+) registry')


@cache
def load_stack() -> None:
    """Import the stack and register every component, where ``import mmxas`` left that for later.

    Raises:
        StackError: It is broken.
    """
    if compat.loads_later():
        with compat.readable_errors():
            import_mmxas()


def run_command(name: str, parse_args: Callable[[list[str] | None], argparse.Namespace],
                run: Callable[[argparse.Namespace], int | None], arguments: list[str] | None = None) -> int:
    """Run a command.

    Args:
        name: Of the command, such as ``'train'``; begins each message.
        parse_args: Reads the command line.
        run: Does the work; returns an exit status, or None for 0.
        arguments: The command line. Defaults to None: that of this process.

    Returns:
        The exit status: 2 for a :class:`~mmxas.errors.UsageError`, an unsafe file, or a component that is unknown; 1
        for a broken stack; otherwise what ``run`` returned.
    """
    try:
        return run(parse_args(arguments)) or 0
    except compat.StackError as error:
        message, status = str(error), 1
    except Exception as error:
        message, status = user_message(error), 2
        if message is None:
            raise
    print(f'mmxas {name}: {message}', file=sys.stderr)
    return status


@contextmanager
def mistakes(*kinds: type[Exception]) -> Iterator[None]:
    """Take errors of these kinds for mistakes of the user.

    Raises:
        UsageError: In their place, with their message; unknown components get one with near names.
    """
    try:
        yield
    except kinds as error:
        message = (unknown_component(error) if isinstance(error, KeyError) else None) or str(error)
        raise UsageError(' '.join(message.splitlines())) from error


def user_message(error: Exception) -> str | None:
    """Return the line for a mistake of the user; None for any other error."""
    if isinstance(error, UsageError):
        return str(error)
    if isinstance(error, KeyError):
        return unknown_component(error)
    from mmxas.io import UnsafeFileError
    return str(error) if isinstance(error, UnsafeFileError) else None


def unknown_component(error: KeyError) -> str | None:
    """Return one line for mmengine's error about a ``type`` that no registry knows; None for any other error."""
    found = NOT_REGISTERED.search(str(error.args[0]) if error.args else '')
    if found is None:
        return None
    name, kind = found.groups()
    near = get_close_matches(name, sorted(set(registered_names(kind))), cutoff=0.7)
    hint = f'; did you mean {" or ".join(near)}?' if near else ', or name its module in custom_imports'
    return f'type={name!r}: no {kind} of this name; correct it in the config{hint}'


def registered_names(kind: str) -> Iterator[str]:
    """Yield the names of a kind's components (``'model'``) in the registries of mmengine, mmpose, mmdet and mmxas."""
    from mmengine import registry as mmengine_registry

    from mmxas import registry as mmxas_registry
    roots = [*vars(mmengine_registry).values(), *vars(mmxas_registry).values()]
    pending = [root for root in roots if isinstance(root, mmengine_registry.Registry) and root.name == kind]
    while pending:
        registry = pending.pop()
        yield from registry.module_dict
        pending += registry.children.values()
