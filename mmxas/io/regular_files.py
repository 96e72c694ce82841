"""What is read is a file: a pipe or a device of the same name would never end. And what fails in it names it."""
from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .archives import UnsafeFileError


def require_file(path: str | os.PathLike) -> Path:
    """Look whether a path is a regular file, or a link to one.

    Args:
        path: The file.

    Returns:
        Path: The same.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeFileError: It is a folder, a pipe, a device or a socket; the message names it.
    """
    path = Path(path)
    if not stat.S_ISREG(path.stat().st_mode):
        raise UnsafeFileError(f'{path}: a regular file expected, this is {_kind(path)}; nothing was read, give a file '
                              'in its place')
    return path


def file_sha256(path: str | os.PathLike) -> str:
    """Return the sha256 of a file as hexadecimal digits.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeFileError: It is no regular file.
    """
    with require_file(path).open('rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def _kind(path: Path) -> str:
    kinds = {'a folder': path.is_dir(), 'a pipe': path.is_fifo(), 'a socket': path.is_socket()}
    return next((name for name, found in kinds.items() if found), 'a device')


@contextmanager
def named_when_broken(path: str | os.PathLike, reason: str = 'broken, or not a whole file',
                      way_out: str = 'copy or download it again') -> Iterator[None]:
    """Have whatever the content of a broken file raises name it.

    Args:
        path: The file.
        reason: What the message says of it. Defaults to that it is broken, or not whole.
        way_out: What the message advises. Defaults to another copy.

    Raises:
        OSError: As within, if the system raised it: some decompressors raise one for broken bytes.
        ImportError: As within.
        ValueError: As within, if it names the file, as :class:`~.archives.UnsafeFileError` does; or for anything else.
    """
    try:
        yield
    except Exception as error:  # broken bytes may raise nearly anything
        of_the_system = isinstance(error, OSError) and error.errno is not None
        named = isinstance(error, ImportError) or (isinstance(error, ValueError) and str(path) in str(error))
        if of_the_system or named:
            raise
        raise ValueError(f'{path}: {reason} ({type(error).__name__}: {error}); {way_out}') from error
