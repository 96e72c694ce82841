"""Atomic writing of files."""
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield the path of a temporary file in the same folder, and rename it at the end of the block.

    Nothing remains if the block raises. It is for writers that need a path; others use :func:`write_atomically`.

    Args:
        path: The file. Missing folders are created.

    Raises:
        OSError: The file cannot be written, such as on a full disk; the message names it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f'.{path.name}.', suffix='.tmp')
    os.close(handle)
    try:
        yield Path(name)
        with open(name, 'rb+') as file:
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException as error:
        Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None and error.filename in (None, '', name):
            raise OSError(error.errno, error.strerror, str(path)) from error  # a full disk has no name of its own
        raise


def write_atomically(path: str | Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Write to a temporary file in the same folder, then rename it; nothing remains if that fails.

    Args:
        path: The file. Missing folders are created.
        write: Function called with the open temporary file.
    """
    with atomic_path(path) as part, part.open('wb') as file:
        write(file)


def write_whole(path: str | Path, data: bytes) -> Path:
    """Write bytes by :func:`write_atomically`, and return the path."""
    write_atomically(path, lambda file: file.write(data))
    return Path(path)
