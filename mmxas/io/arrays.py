"""numpy's files without pickles, and without arrays that the bytes of the file do not explain."""
from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .archives import UnsafeFileError, check_archive
from .regular_files import named_when_broken, require_file


@contextmanager
def open_arrays(path: str | os.PathLike) -> Iterator[np.lib.npyio.NpzFile]:
    """Open a ``.npz`` after a look at its members and their headers.

    Args:
        path: The file.

    Yields:
        NpzFile: The arrays by name, read when they are asked for. One that needs a pickle raises ``ValueError`` then.

    Raises:
        UnsafeFileError: The archive is unsafe (:func:`~.archives.check_archive`), a pipe or a device, or an array's
            header announces another number of bytes than the member has.
        FileNotFoundError: There is no such file.
        ValueError: It is no archive of arrays; the message names it.
    """
    with named_when_broken(path):
        _check_headers(require_file(path))
    with np.load(path, allow_pickle=False) as arrays:
        yield arrays


def _check_headers(path: Path) -> None:
    try:
        members = check_archive(path)
    except zipfile.BadZipFile as error:
        raise ValueError(f'{path}: not a whole .npz file ({error}); copy or download it again') from error
    with zipfile.ZipFile(path) as archive:
        for member in members:
            if member.filename.endswith('.npy'):
                with archive.open(member) as file:
                    _check_header(f'{path}: {member.filename}', file, member.file_size)


def read_array(path: str | os.PathLike) -> np.ndarray:
    """Read a ``.npy``.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeFileError: It is a pipe or a device, or its header announces another number of bytes than the file has.
        ValueError: It is no ``.npy`` file, or holds objects; the message names it.
    """
    path = require_file(path)
    with path.open('rb') as file:
        if not _check_header(str(path), file, path.stat().st_size):
            raise ValueError(f'{path}: numbers expected, but it holds objects, which only a pickle could read')
    return np.load(path, allow_pickle=False)


def _check_header(name: str, file: BinaryIO | Any, size: int) -> bool:
    """Compare a header with the number of bytes behind it; False for an array of objects, whose size nothing says."""
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
        length = file.tell()
    except Exception as error:  # a broken header may raise nearly anything
        raise ValueError(f'{name}: not a .npy file ({type(error).__name__}: {error})') from error
    if dtype.hasobject:
        return False
    announced = int(np.prod(shape, dtype=object)) * dtype.itemsize if shape else dtype.itemsize
    if announced != size - length or min(shape, default=0) < 0:
        raise UnsafeFileError(f'{name}: its header announces {dtype} {shape}, {announced} bytes, but {size - length} '
                              'follow')
    return True
