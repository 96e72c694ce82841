"""Read zip archives and numpy files after checking their directory."""
from __future__ import annotations

import io
import os
import stat
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PureWindowsPath
from typing import IO

import numpy as np

from .regular_files import UnsafeFileError, named_when_broken, require_file

ZIP = b'PK\3\4'  # first bytes by which torch and numpy recognise an archive
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
        Its members.

    Raises:
        UnsafeFileError: A member lies outside the archive's folder, is a link, is encrypted or is a duplicate, or the
            members unpack to more than both ``FLOOR`` bytes and ``RATIO`` times the file's size. The message names it.
        zipfile.BadZipFile: The file is not a zip archive.
    """
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    counts = Counter(member.filename for member in members)
    for member in members:
        name = PureWindowsPath(member.filename)  # splits at both slashes
        fault = ("is outside the archive's folder" if name.anchor or '..' in name.parts
                 else 'is a symbolic link' if stat.S_ISLNK(member.external_attr >> 16)
                 else 'is encrypted' if member.flag_bits & 1
                 else 'is a duplicate' if counts[member.filename] > 1 else None)
        if fault:
            raise UnsafeFileError(f'{path}: its member {member.filename!r} {fault}; nothing was unpacked')
    limit, total = allowed_size(os.path.getsize(path)), sum(member.file_size for member in members)
    if total > limit:
        raise UnsafeFileError(f'{path}: unpacks to {total} bytes, {limit} expected at most; nothing was unpacked')
    return members


@contextmanager
def open_arrays(path: str | os.PathLike) -> Iterator[np.lib.npyio.NpzFile]:
    """Open an ``.npz`` after checking its members; numpy compares each array's header with its bytes.

    Args:
        path: The file.

    Yields:
        The arrays by name, read on access.

    Raises:
        UnsafeFileError: The archive is unsafe (:func:`check_archive`), or is a pipe or a device.
        FileNotFoundError: There is no such file.
        ValueError: The file is not an archive of arrays, or an array that was read is missing, broken or a pickle; the
            message names the file.
    """
    with named_when_broken(path, 'not a whole .npz file'):
        check_archive(require_file(path))
        with np.load(path, allow_pickle=False) as arrays:
            yield arrays


def read_array(path: str | os.PathLike) -> np.ndarray:
    """Read an ``.npy`` file; numpy compares its header with its bytes.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeFileError: The file is a pipe or a device.
        ValueError: The file is not in ``.npy`` format, is broken, or holds objects; the message names it.
    """
    with named_when_broken(path, 'not a .npy file of numbers'):
        content = io.BytesIO(require_file(path).read_bytes())  # from a file, numpy reads a shape of (-1, 3) as well
        return np.lib.format.read_array(content, allow_pickle=False)


def holds_objects(file: IO[bytes]) -> bool:
    """Return whether an ``.npy`` file is an array of objects, which is a pickle, and move to its content.

    Args:
        file: The file at its beginning.

    Raises:
        ValueError: There is no valid header.
    """
    old = np.lib.format.read_magic(file) == (1, 0)
    read_header = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
    return read_header(file)[2].hasobject
