"""Detect truncated video files from the sizes in their headers.

The number of frames and the duration in a header are not reliable: edit lists and longer audio tracks change them.
"""
from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

_BOXES = {b'ftyp', b'free', b'mdat', b'meta', b'mfra', b'moof', b'moov', b'sidx', b'skip', b'styp', b'uuid', b'wide'}
_EBML, _SEGMENT = b'\x1aE\xdf\xa3', b'\x18S\x80g'


def missing_bytes(path: str | Path) -> int:
    """Return the number of bytes missing from a truncated .mp4, .mov, .mkv, .webm or .avi.

    Args:
        path: The file.

    Returns:
        0 for a complete file, and for a file without size information.
    """
    size = os.path.getsize(path)
    with Path(path).open('rb') as file:
        head = file.read(12)
        file.seek(0)
        if head[4:8] in _BOXES:
            end = _end_of_boxes(file, size)
        elif head[:4] == _EBML:
            end = _end_of_segment(file)
        elif head[:4] == b'RIFF' and head[8:] == b'AVI ':
            end = _end_of_riff(file, size)
        else:
            end = 0
    return max(0, end - size)


def _end_of_boxes(file: BinaryIO, size: int) -> int:
    """Return the end of the last box of an MPEG-4 file, ignoring any bytes behind it."""
    end = 0
    while end + 8 <= size:
        file.seek(end)
        length, kind = int.from_bytes(file.read(4)), file.read(4)
        if length == 1:
            length = int.from_bytes(file.read(8))
        if kind not in _BOXES or length < 8:  # a length of 0 means up to the end of the file
            break
        end += length
    return end


def _end_of_segment(file: BinaryIO) -> int:
    """Return the end of a Matroska file's segment; 0 if its length is unknown, as in a live recording."""
    for name in (_EBML, _SEGMENT):
        if file.read(4) != name:
            return 0
        first = file.read(1)
        if not first or not first[0]:
            return 0
        width = 9 - first[0].bit_length()
        length = int.from_bytes(first + file.read(width - 1)) & (1 << 7 * width) - 1
        if length == (1 << 7 * width) - 1:
            return 0
        file.seek(length, os.SEEK_CUR)
    return file.tell()


def _end_of_riff(file: BinaryIO, size: int) -> int:
    """Return the end of the last chunk of an AVI file; long files have several."""
    end = 0
    while end + 8 <= size:
        file.seek(end)
        name, length = file.read(4), int.from_bytes(file.read(4), 'little')
        if name != b'RIFF' or not length:
            break
        end += 8 + length
    return end
