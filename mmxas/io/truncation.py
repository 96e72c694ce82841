"""How many bytes a video's file lacks, by what its own headers announce.

A header's number of frames or its duration does not tell: an edit list or a longer sound changes both.
"""
from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

_BOXES = {b'ftyp', b'free', b'mdat', b'meta', b'mfra', b'moof', b'moov', b'sidx', b'skip', b'styp', b'uuid', b'wide'}
_EBML, _SEGMENT = b'\x1aE\xdf\xa3', b'\x18S\x80g'


def missing_bytes(path: str | Path) -> int:
    """Return how many bytes a truncated .mp4, .mov, .mkv, .webm or .avi lacks.

    Args:
        path: The file.

    Returns:
        int: 0 for a whole file, and for one that does not say how long it is.
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
    """Where the last box of an MPEG-4 file ends; what stands behind the boxes is not theirs."""
    end = 0
    while end + 8 <= size:
        file.seek(end)
        length, kind = int.from_bytes(file.read(4)), file.read(4)
        if length == 1:
            length = int.from_bytes(file.read(8))
        if kind not in _BOXES or length < 8:  # 0: up to the file's end
            break
        end += length
    return end


def _end_of_segment(file: BinaryIO) -> int:
    """Where the segment of a Matroska file ends; 0 for one of unknown length, such as a live recording."""
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
    """Where the last chunk of an AVI file ends; long files have several."""
    end = 0
    while end + 8 <= size:
        file.seek(end)
        name, length = file.read(4), int.from_bytes(file.read(4), 'little')
        if name != b'RIFF' or not length:
            break
        end += 8 + length
    return end
