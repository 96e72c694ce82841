"""What a zip archive may hold, said from its directory alone: nothing is unpacked to find out."""
from __future__ import annotations

import os
import pickle
import stat
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

FLOOR = 1 << 28  # bytes: what any archive may unfold to
RATIO = 100  # and how many times its own size a larger one may


class UnsafeFileError(pickle.UnpicklingError, ValueError):
    """A file that asks for code, for a place outside its folder, or for more memory than its size explains."""


def allowed_size(packed: int) -> int:
    """How many bytes a packed file of so many bytes may unfold to."""
    return max(FLOOR, RATIO * packed)


def check_archive(path: str | os.PathLike) -> list[zipfile.ZipInfo]:
    """Look at the members of a zip archive.

    Args:
        path: The archive: a ``.npz``, a checkpoint, a downloaded data set.

    Returns:
        list[ZipInfo]: Its members.

    Raises:
        UnsafeFileError: A member lies outside the archive's folder, is a link, is encrypted, or comes twice, or
            together they unfold to more than ``FLOOR`` and ``RATIO`` times the file. The message names it.
        zipfile.BadZipFile: It is no zip archive.
    """
    path = Path(path)
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    _check_names(path, members)
    total, limit = sum(member.file_size for member in members), allowed_size(path.stat().st_size)
    if total > limit:
        raise UnsafeFileError(f'{path}: {path.stat().st_size} bytes that unfold to {total}, {limit} expected at most; '
                              'nothing was unpacked')
    return members


def _check_names(path: Path, members: Sequence[zipfile.ZipInfo]) -> None:
    seen = set()
    for member in members:
        name = PurePosixPath(member.filename.replace('\\', '/'))
        if name.is_absolute() or '..' in name.parts or ':' in name.parts[0:1]:
            reason = "lies outside the archive's folder"
        elif stat.S_ISLNK(member.external_attr >> 16):
            reason = 'is a symbolic link'
        elif member.flag_bits & 1:
            reason = 'is encrypted'
        elif member.filename in seen:
            reason = 'comes twice'
        else:
            seen.add(member.filename)
            continue
        raise UnsafeFileError(f'{path}: its member {member.filename!r} {reason}; nothing was unpacked, do not trust it')
