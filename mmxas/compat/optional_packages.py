"""Import packages that only some file formats need."""
from importlib import import_module
from pathlib import Path
from types import ModuleType


def import_packages(path: str | Path, *names: str) -> ModuleType:
    """Import packages, and return the first.

    Args:
        path: The file that needs them, named in the message.
        names: Names of the packages.

    Raises:
        ImportError: A package is not installed; the message has the command.
    """
    try:
        return [import_module(name) for name in names][0]
    except ImportError as error:
        needed = ' '.join(names).replace('_', '-')
        raise ImportError(f'{path}: {needed} needed ({error}): pip install {needed}') from error
