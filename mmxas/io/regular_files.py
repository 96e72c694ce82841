"""Read regular files, checksums and JSON. Pipes and devices raise an error; every error names the file."""
from __future__ import annotations

import hashlib
import json
import os
import pickle
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LIMIT = 1 << 30  # maximum size of a JSON file in bytes; annotations of a million people are smaller


class UnsafeFileError(pickle.UnpicklingError, ValueError):
    """Raised for a file that could run code, write outside its folder, or exhaust memory."""


def require_file(path: str | os.PathLike) -> Path:
    """Check that a path is a regular file or a link to one.

    Args:
        path: The file.

    Returns:
        The path.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeFileError: The path is a folder, a pipe, a device or a socket; the message names it.
    """
    path = Path(path)
    path.stat()  # raises if there is no such file
    if not path.is_file():
        kind = 'a folder' if path.is_dir() else 'a pipe' if path.is_fifo() else 'a device or socket'
        raise UnsafeFileError(f'{path}: expected a regular file, got {kind}')
    return path


def file_sha256(path: str | os.PathLike) -> str:
    """Return the SHA-256 checksum of a file in hexadecimal digits.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeFileError: The path is not a regular file.
    """
    with require_file(path).open('rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


@contextmanager
def named_when_broken(path: str | os.PathLike, reason: str = 'broken, or not a whole file',
                      way_out: str = 'copy or download it again') -> Iterator[None]:
    """Add the path to every error that a broken file causes.

    Args:
        path: The file.
        reason: Description of the fault in the message. Defaults to a broken or incomplete file.
        way_out: Advice in the message. Defaults to getting another copy.

    Raises:
        OSError: Passed on unchanged if the system raised it; some decompressors raise one for broken bytes.
        ImportError: Passed on unchanged.
        UnsafeFileError: Passed on, after the path.
        ValueError: Passed on unchanged if it names the file. Replaces any other error.
    """
    try:
        yield
    except Exception as error:  # broken bytes raise many types of errors
        if isinstance(error, UnsafeFileError) and str(path) not in str(error):
            error.args = (f'{path}: {error}',)
        of_the_system = isinstance(error, OSError) and error.errno is not None
        named = isinstance(error, ImportError) or (isinstance(error, ValueError) and str(path) in str(error))
        if of_the_system or named:
            raise
        raise ValueError(f'{path}: {reason} ({type(error).__name__}: {error!s:.300}); {way_out}') from error


def read_json(path: str | os.PathLike, keys: Sequence[str] = ()) -> Any:
    """Read a JSON file.

    Args:
        path: The file, UTF-8, with or without a byte-order mark.
        keys: Required keys of the top-level object. Defaults to none: any content.

    Returns:
        Its content.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeFileError: The path is a pipe, a device or a folder.
        ValueError: The file is not JSON, is nested too deep, is larger than ``LIMIT``, or lacks a key.
    """
    path = require_file(path)
    if path.stat().st_size > LIMIT:
        raise ValueError(f'{path}: {path.stat().st_size} bytes of JSON, {LIMIT} expected at most')
    with named_when_broken(path, 'not a JSON file'):
        content = json.loads(path.read_text(encoding='utf-8-sig'))
    missing = [key for key in keys if not isinstance(content, dict) or key not in content]
    if missing:
        raise ValueError(f'{path}: an object with {", ".join(keys)} expected; {", ".join(missing)} missing')
    return content


def to_json(record: Mapping[str, Any]) -> str:
    """Return a record as JSON text, with each list of numbers or strings on one line."""
    text = json.dumps(record, indent=1, allow_nan=False)
    lists = re.compile(r'\[\s+([^][{}]*?)\s+\]')
    return lists.sub(lambda found: '[' + re.sub(r'\n\s*', ' ', found[1]) + ']', text) + '\n'
