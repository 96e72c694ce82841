"""One readable error for a broken stack; standard library only."""
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .findings import find_all, satisfies, with_this_python
from .stack import PYTHON, REQUIREMENTS, Requirement

CHECK_COMMAND = 'python -m mmxas.check'
_PACKAGE_ROOT = str(Path(__file__).resolve().parents[1])


class StackError(ImportError):
    """A package that mmxas needs is missing, has a wrong version, or cannot be imported."""


def require_versions(requirements: Sequence[Requirement] = REQUIREMENTS) -> None:
    """Raise one error for all packages that are missing or have a wrong version.

    Raises:
        StackError: With each package, its problem, the command that fixes it, and ``python -m mmxas.check``.
    """
    lines = [f'  {fault.name}: {fault.problem}; mend: {with_this_python(fault.mend)}'
             for fault in find_all(requirements) if fault.is_fault]
    python = '.'.join(str(part) for part in sys.version_info[:3])
    if not satisfies(python, PYTHON):
        lines.insert(0, f'  Python {python}: {PYTHON} wanted; mend: make install PYTHON=python3.11')
    if lines:
        raise StackError('\n'.join(['mmxas cannot start:', *lines, f'Run `{CHECK_COMMAND}` for the whole stack.']))


@contextmanager
def readable_errors() -> Iterator[None]:
    """Convert errors of the stack's imports into :class:`StackError`; errors of mmxas pass through."""
    try:
        yield
    except StackError:
        raise
    except Exception as error:
        if not comes_from_stack(error):
            raise
        cause = f'{type(error).__name__}: {error}'
        text = f'mmxas cannot start: {cause}\nRun `{CHECK_COMMAND}`: it names the command that mends the stack.'
        raise StackError(text) from error


def comes_from_stack(error: BaseException) -> bool:
    """Return whether the import of another package, not mmxas' own code, raised ``error``."""
    if isinstance(error, ImportError):
        return not (error.name or '').startswith('mmxas')
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    own = [index for index, frame in enumerate(frames) if frame.f_code.co_filename.startswith(_PACKAGE_ROOT)]
    after = frames[own[-1] + 1:] if own else frames
    # The code object of a module is named "<module>", that of a compiled one "init <its name>".
    return any(frame.f_code.co_name.startswith(('<module>', 'init ')) for frame in after)


def loads_later() -> bool:
    """Return whether this process was started as ``python -m mmxas.check`` or as the command ``mmxas``.

    Both must work with a broken stack and respond at once, so ``import mmxas`` does not load the stack for them. This
    does not apply to their subprocesses.
    """
    arguments = sys.orig_argv
    is_check = '-mmmxas.check' in arguments or ('-m', 'mmxas.check') in zip(arguments, arguments[1:], strict=False)
    return is_check or any(Path(word).name == 'mmxas' and word in arguments for word in sys.argv[:1])
