"""Read zip archives and numpy files after checking their directory and headers."""
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

FLOOR = 1 << 28  # bytes to which any archive may unpack
RATIO = 100  # larger archives may unpack to this many times their size


def allowed_size(packed: int) -> int:
    """Return the number of bytes to which a file of ``packed`` bytes may unpack."""
    return max(FLOOR, RATIO * packed)


def check_archive(path: str | os.PathLike) -> list[zipfile.ZipInfo]:
    """Check the members of a zip archive without unpacking them.

    Args:
        path: The archive, such as an ``.npz``, a checkpoint or a downloaded data set.

    Returns:
        list[ZipInfo]: Its members.

    Raises:
        UnsafeFileError: A member lies outside the archive's folder, is a link, is encrypted or is a duplicate, or the
            members unpack to more than both ``FLOOR`` bytes and ``RATIO`` times the file's size. The message names it.
        zipfile.BadZipFile: The file is not a zip archive.
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
    """Open an ``.npz`` after checking its members and their headers.

    Args:
        path: The file.

    Yields:
        NpzFile: The arrays by name, read on access. An array that needs a pickle then raises ``ValueError``.

    Raises:
        UnsafeFileError: The archive is unsafe (:func:`check_archive`), is a pipe or a device, or an array's header does
            not match the size of its member.
        FileNotFoundError: There is no such file.
        ValueError: The file is not an archive of arrays; the message names it.
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
    """Read an ``.npy`` file.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeFileError: The file is a pipe or a device, or its header does not match its size.
        ValueError: The file is not in ``.npy`` format, or holds objects; the message names it.
    """
    path = require_file(path)
    with path.open('rb') as file:
        if read_header(str(path), file, path.stat().st_size)[1].hasobject:
            raise ValueError(f'{path}: expected an array of numbers, got one of objects, which only a pickle can store')
    return np.load(path, allow_pickle=False)


def read_header(name: str, file: IO[bytes], size: int) -> tuple[tuple[int, ...], np.dtype]:
    """Read the header of an ``.npy`` file and compare it with the number of bytes that follow.

    Args:
        name: Name of the file in messages.
        file: The file at its beginning. It is left at the array's first byte.
        size: Size of the file in bytes.

    Returns:
        tuple: Shape and dtype. For an array of objects, which is a pickle, the bytes are not compared.

    Raises:
        UnsafeFileError: The header does not match the number of bytes.
        ValueError: There is no valid header.
    """
    with named_when_broken(name, 'not a .npy file'):
        old = np.lib.format.read_magic(file) == (1, 0)
        shape, _, dtype = (np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0)(file)
    announced = math.prod(shape) * dtype.itemsize
    if not dtype.hasobject and (announced != size - file.tell() or min(shape, default=0) < 0):
        raise UnsafeFileError(f'{name}: its header announces {dtype} {shape}, {announced} bytes, but '
                              f'{size - file.tell()} follow')
    return shape, dtype
