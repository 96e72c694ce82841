"""Where the files lie that come beside the package: in the checkout, or in ``mmxas/.mim`` of an installed wheel."""
import os
from pathlib import Path

PACKAGE_ROOT = Path(__file__).resolve().parents[1]


def shipped_root() -> Path:
    """The folder with ``configs``, ``projects`` and ``tools``: the checkout, or the wheel's copy of it."""
    checkout = PACKAGE_ROOT.parent
    return checkout if (checkout / 'setup.py').is_file() else PACKAGE_ROOT / '.mim'


def find_shipped(path: str | os.PathLike) -> Path:
    """The file or folder that a path in a config stands for, whatever the working directory.

    Args:
        path: absolute, relative to the working directory, or relative to the checkout
            (``projects/<name>/data/prior.json``), in this order.

    Returns:
        Path: what was found; the path as it was given where nothing was.
    """
    given = Path(path)
    shipped = shipped_root() / given
    return shipped if not given.exists() and shipped.exists() else given


def find_named(name: str | os.PathLike, folder: Path, suffix: str) -> Path:
    """The data file of the package that a name in a config stands for, or else what :func:`find_shipped` finds.

    Args:
        name: a shipped name (``smpl_clothes``), or a path.
        folder: where the package has its files.
        suffix: what a shipped file's path has behind the name.
    """
    shipped = folder / f'{name}{suffix}'
    return shipped if shipped.is_file() else find_shipped(name)
