"""Run a command: a user error gives one line on stderr and exit status 2, other errors keep their traceback."""
import argparse
import inspect
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
NO_ARGUMENT = re.compile(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'")


@cache
def load_stack() -> None:
    """Import the stack and register every component, if ``import mmxas`` has not done so.

    Raises:
        StackError: The stack is broken.
    """
    if compat.loads_later():
        with compat.readable_errors():
            import_mmxas()


def run_command(name: str, parse_args: Callable[[list[str] | None], argparse.Namespace],
                run: Callable[[argparse.Namespace], int | None], arguments: list[str] | None = None) -> int:
    """Run a command.

    Args:
        name: Name of the command, such as ``'train'``; prefix of each message.
        parse_args: Function that parses the command line.
        run: Function that does the work and returns an exit status, or None for 0.
        arguments: The command line. Defaults to None: that of this process.

    Returns:
        The exit status: 2 for a :class:`~mmxas.errors.UsageError`, an unsafe file, or an unknown component or argument
        of one; 1 for a broken stack; 130 after Ctrl-C; otherwise the status of ``run``.
    """
    try:
        return run(parse_args(arguments)) or 0
    except compat.StackError as error:
        message, status = str(error), 1
    except KeyboardInterrupt:
        message, status = 'interrupted', 130  # 128 + SIGINT, as shells have it
    except Exception as error:
        message, status = user_message(error), 2
        if message is None:
            raise
    print(f'mmxas {name}: {message}', file=sys.stderr)
    return status


@contextmanager
def mistakes(*kinds: type[Exception]) -> Iterator[None]:
    """Convert errors of these kinds to user errors.

    Raises:
        UsageError: With the original message; for unknown components with similar names.
    """
    try:
        yield
    except kinds as error:
        raise UsageError(' '.join((_mistake_of_config(error) or str(error)).splitlines())) from error


def user_message(error: Exception) -> str | None:
    """Return the message of a user error; None for any other error."""
    if isinstance(error, UsageError):
        return str(error)
    if isinstance(error, KeyError | TypeError):
        return _mistake_of_config(error)
    from mmxas.io import UnsafeFileError
    return str(error) if isinstance(error, UnsafeFileError) else None


def _mistake_of_config(error: Exception) -> str | None:
    if isinstance(error, KeyError):
        return unknown_component(error)
    return unknown_argument(error) if isinstance(error, TypeError) else None


def unknown_component(error: KeyError) -> str | None:
    """Return one line for mmengine's error about an unregistered ``type``; None for any other error."""
    found = NOT_REGISTERED.search(str(error.args[0]) if error.args else '')
    if found is None:
        return None
    name, kind = found.groups()
    near = get_close_matches(name, sorted({known for known, _ in registered(kind)}), cutoff=0.7)
    hint = f'; did you mean {" or ".join(near)}?' if near else ', or name its module in custom_imports'
    return f'type={name!r}: no {kind} of this name; correct it in the config{hint}'


def unknown_argument(error: TypeError) -> str | None:
    """Return one line for an unknown argument of a component; None for any other error.

    Python's error names the class that rejects the argument, which may be a base of the component.
    """
    found = NO_ARGUMENT.match(str(error))
    if found is None:
        return None
    name, argument = found.groups()
    heirs = [component for _, component in registered() if inspect.isclass(component)
             and name in (base.__name__ for base in component.__mro__)]
    if not heirs:
        return None
    arguments = {known for heir in heirs for known in inspect.signature(heir.__init__).parameters}
    near = get_close_matches(argument, arguments, 1, cutoff=0.7)
    return f'{name}: no argument {argument!r}; {f"did you mean {near[0]}?" if near else "correct it in the config"}'


def registered(kind: str | None = None) -> Iterator[tuple[str, type]]:
    """Yield names and components in the registries of mmengine, mmpose, mmdet and mmxas.

    Args:
        kind: Kind of the components, such as ``'model'``. Defaults to None: all kinds.
    """
    from mmengine import registry as mmengine_registry

    from mmxas import registry as mmxas_registry
    roots = [*vars(mmengine_registry).values(), *vars(mmxas_registry).values()]
    pending = [root for root in roots if isinstance(root, mmengine_registry.Registry) and kind in (None, root.name)]
    while pending:
        registry = pending.pop()
        yield from registry.module_dict.items()
        pending += registry.children.values()
