"""Zip archives and numpy's files, checked by their directory and headers before anything is unpacked."""
from __future__ import annotations

import math
import os
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO

import numpy as np

from .regular_files import UnsafeFileError, named_when_broken, require_file

FLOOR = 1 << 28  # bytes: what any archive may unpack to
RATIO = 100  # and how many times its own size a larger one may


def allowed_size(packed: int) -> int:
    """Return how many bytes a file of ``packed`` bytes may unpack to."""
    return max(FLOOR, RATIO * packed)


def check_archive(path: str | os.PathLike) -> list[zipfile.ZipInfo]:
    """Check the members of a zip archive without unpacking them.

    Args:
        path: The archive: a ``.npz``, a checkpoint, a downloaded data set.

    Returns:
        list[ZipInfo]: Its members.

    Raises:
        UnsafeFileError: A member lies outside the archive's folder, is a link, is encrypted or a duplicate, or
            together they unpack to more than ``FLOOR`` and ``RATIO`` times the file. The message names it.
        zipfile.BadZipFile: It is not a zip archive.
    """
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    names = set()
    for member in members:
        name = PurePosixPath(member.filename.replace('\\', '/'))
        faults = {"is outside the archive's folder": name.is_absolute() or '..' in name.parts or ':' in name.parts[:1],
                  'is a symbolic link': stat.S_ISLNK(member.external_attr >> 16), 'is encrypted': member.flag_bits & 1,
                  'is a duplicate': member.filename in names}
        names.add(member.filename)
        for fault in (fault for fault, found in faults.items() if found):
            raise UnsafeFileError(f'{path}: its member {member.filename!r} {fault}; nothing was unpacked')
    size = os.path.getsize(path)
    total = sum(member.file_size for member in members)
    if total > allowed_size(size):
        raise UnsafeFileError(f'{path}: its {size} bytes unpack to {total}, {allowed_size(size)} expected at most; '
                              'nothing was unpacked')
    return members


@contextmanager
def open_arrays(path: str | os.PathLike) -> Iterator[np.lib.npyio.NpzFile]:
    """Open a ``.npz`` after a check of its members and their headers.

    Args:
        path: The file.

    Yields:
        NpzFile: The arrays by name, read when they are asked for. One that needs a pickle raises ``ValueError`` then.

    Raises:
        UnsafeFileError: The archive is unsafe (:func:`check_archive`), a pipe or a device, or an array's header
            announces another number of bytes than the member has.
        FileNotFoundError: There is no such file.
        ValueError: It is not an archive of arrays; the message names it.
    """
    with named_when_broken(path, 'not a whole .npz file'):
        members = check_archive(require_file(path))
        with zipfile.ZipFile(path) as archive:
            for member in members:
                if member.filename.endswith('.npy'):
                    with archive.open(member) as file:
                        read_header(f'{path}: {member.filename}', file, member.file_size)
    with np.load(path, allow_pickle=False) as arrays:
        yield arrays


def read_array(path: str | os.PathLike) -> np.ndarray:
    """Read a ``.npy``.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeFileError: It is a pipe or a device, or its header announces another number of bytes than the file has.
        ValueError: It is not a ``.npy`` file, or holds objects; the message names it.
    """
    path = require_file(path)
    with path.open('rb') as file:
        if read_header(str(path), file, path.stat().st_size)[1].hasobject:
            raise ValueError(f'{path}: expected an array of numbers, got one of objects, which only a pickle can store')
    return np.load(path, allow_pickle=False)


def read_header(name: str, file: IO[bytes], size: int) -> tuple[tuple[int, ...], np.dtype]:
    """Read the header of a ``.npy`` and compare it with the number of bytes behind it.

    Args:
        name: What messages call the file.
        file: The file, at its beginning; afterwards at the array's first byte.
        size: Of the file, bytes.

    Returns:
        tuple: Shape and dtype. The bytes behind an array of objects, a pickle, are not counted.

    Raises:
        UnsafeFileError: The header announces another number of bytes.
        ValueError: There is no such header.
    """
    with named_when_broken(name, 'not a .npy file'):
        old = np.lib.format.read_magic(file) == (1, 0)
        shape, _, dtype = (np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0)(file)
    announced = math.prod(shape) * dtype.itemsize
    if not dtype.hasobject and (announced != size - file.tell() or min(shape, default=0) < 0):
        raise UnsafeFileError(f'{name}: its header announces {dtype} {shape}, {announced} bytes, but '
                              f'{size - file.tell()} follow')
    return shape, dtype
