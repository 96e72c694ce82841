"""Locate the files shipped beside the package: in the checkout, or in ``mmxas/.mim`` of an installed wheel."""
import os
from pathlib import Path

PACKAGE_ROOT = Path(__file__).resolve().parents[1]


def shipped_root() -> Path:
    """Return the folder with ``configs``, ``projects`` and ``tools``: the checkout, or the wheel's copy of it."""
    checkout = PACKAGE_ROOT.parent
    return checkout if (checkout / 'setup.py').is_file() else PACKAGE_ROOT / '.mim'


def find_shipped(path: str | os.PathLike) -> Path:
    """Resolve a path of a config independently of the working directory.

    Args:
        path: Path that is absolute, relative to the working directory, or relative to the checkout
            (``projects/<name>/data/prior.json``), tried in this order.

    Returns:
        The file or folder that was found, else the path as given.
    """
    given = Path(path)
    shipped = shipped_root() / given
    return shipped if not given.exists() and shipped.exists() else given


def find_named(name: str | os.PathLike, folder: Path, suffix: str) -> Path:
    """Resolve a name in a config to a data file of the package, else to the result of :func:`find_shipped`.

    Args:
        name: A shipped name (``smpl_clothes``), or a path.
        folder: Folder of the shipped files.
        suffix: Rest of a shipped file's path after the name.
    """
    shipped = folder / f'{name}{suffix}'
    return shipped if shipped.is_file() else find_shipped(name)
