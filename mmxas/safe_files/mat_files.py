"""MATLAB's files of version 5: what their compressed elements unfold to, counted without keeping it."""
from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

from .archives import UnsafeFileError, allowed_size

_HEADER, _COMPRESSED, _STEP = 128, 15, 1 << 20


def check_mat(path: str | os.PathLike) -> None:
    """Refuse a mat file that unfolds to far more than its size explains; other formats are left to their readers.

    Args:
        path: The file.

    Raises:
        UnsafeFileError: Its elements unfold to too much, or one announces more bytes than the file has.
    """
    path = Path(path)
    size = path.stat().st_size
    limit, total = allowed_size(size), 0
    with path.open('rb') as file:
        header = file.read(_HEADER)
        if len(header) < _HEADER or header[126:128] not in (b'IM', b'MI'):
            return
        order = '<' if header[126:128] == b'IM' else '>'
        while len(tag := file.read(8)) == 8:
            kind, length = struct.unpack(f'{order}II', tag)
            if file.tell() + length > size:
                raise UnsafeFileError(f'{path}: an element announces {length} bytes, {size - file.tell()} follow; the '
                                      'file is truncated')
            if kind != _COMPRESSED:
                file.seek(length, os.SEEK_CUR)
                continue
            total += _unfolded(path, file.read(length), limit - total)


def _unfolded(path: Path, packed: bytes, limit: int) -> int:
    inflater, total = zlib.decompressobj(), 0
    try:
        while packed and not inflater.eof:
            total += len(inflater.decompress(packed, _STEP))
            packed = inflater.unconsumed_tail
            if total > limit:
                raise UnsafeFileError(f'{path}: unfolds to more than {allowed_size(path.stat().st_size)} bytes; '
                                      'nothing was loaded')
    except zlib.error as error:
        raise UnsafeFileError(f'{path}: a compressed element is broken ({error})') from None
    return total
