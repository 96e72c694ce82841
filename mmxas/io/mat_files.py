"""MATLAB's files of version 5: what they unfold to and how many arrays they promise, counted without keeping any."""
from __future__ import annotations

import math
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from .archives import UnsafeFileError, allowed_size
from .regular_files import require_file

_HEADER, _STEP = 128, 1 << 20
_MATRIX, _COMPRESSED = 14, 15  # kinds of elements
_CELL, _STRUCT, _OBJECT, _CHAR, _SPARSE, _FUNCTION, _OPAQUE = 1, 2, 3, 4, 5, 16, 17  # classes of arrays
_NUMBERS, _COMPLEX = range(6, 16), 1 << 11
_DEPTH, _FIELDS, _DIMENSIONS = 64, 4096, 32
_UNWRITTEN = 512  # entries that no byte stands for: structs without fields, and texts that are blank
_ARRAY_BYTES = 128  # what an array takes in memory, even an empty one


class _FaultError(ValueError):
    """Why a file is refused."""


def check_mat(path: str | os.PathLike) -> None:
    """Refuse a mat file that takes far more memory than its size explains; other formats are left to their readers.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeFileError: It is a pipe or a device, its elements unfold to too much, one announces more bytes than the
            file has, its dimensions announce more entries than there are, or its cells are nested too deep; the message
            names it.
    """
    path = require_file(path)
    size = path.stat().st_size
    with path.open('rb') as file:
        header = file.read(_HEADER)
        if len(header) < _HEADER or 0 in header[:4] or header[125 if header[126:127] == b'I' else 124] != 1:
            return
        try:
            _check_elements(file, size, '<' if header[126:128] == b'IM' else '>')
        except _FaultError as fault:
            raise UnsafeFileError(f'{path}: {fault}; nothing was loaded') from None
        except zlib.error as error:
            raise UnsafeFileError(f'{path}: a compressed element is broken ({error})') from None


def _check_elements(file: BinaryIO, size: int, order: str) -> None:
    arrays = _Counter(allowed_size(size) // _ARRAY_BYTES, 'holds more than {} arrays')
    unfolded = _Counter(allowed_size(size), 'unfolds to more than {} bytes')
    while len(tag := file.read(8)) == 8:
        kind, length = struct.unpack(f'{order}II', tag)
        end = file.tell() + length
        if end > size:
            left = size - file.tell()
            raise _FaultError(f'an element announces {length} bytes, {left} follow; the file is truncated')
        pieces = _pieces(file, length)
        if kind == _COMPRESSED:
            stream = _Stream(_inflated(pieces, unfolded))
            kind, length = struct.unpack(f'{order}II', stream.read(8))
        else:
            stream = _Stream(pieces)
        if kind == _MATRIX and length:  # loadmat itself refuses any other
            _walk(stream, order, arrays)
        stream.drain()
        file.seek(end)


class _Counter:
    """Counts up to a limit."""

    def __init__(self, limit: int, message: str) -> None:
        self.left, self.message = limit, message.format(limit)

    def add(self, number: int) -> None:
        """Count so many more."""
        self.left -= number
        if self.left < 0:
            raise _FaultError(self.message)


def _pieces(file: BinaryIO, length: int) -> Iterator[bytes]:
    while length and (piece := file.read(min(length, _STEP))):
        length -= len(piece)
        yield piece


def _inflated(pieces: Iterator[bytes], unfolded: _Counter) -> Iterator[bytes]:
    inflater = zlib.decompressobj()
    for packed in pieces:
        while packed and not inflater.eof:
            piece = inflater.decompress(packed, _STEP)
            packed = inflater.unconsumed_tail
            unfolded.add(len(piece))
            yield piece


class _Stream:
    """Bytes in order, from pieces of them."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._piece, self._at = pieces, b'', 0

    def read(self, number: int) -> bytes:
        """The next bytes; few, or they have been bounded."""
        start, self._at = self._at, self._at + number
        if self._at <= len(self._piece):
            return self._piece[start:self._at]
        found = self._piece[start:]
        while len(found) < number:
            self._piece = next(self._pieces, None)
            if self._piece is None:
                raise _FaultError('its dimensions or lengths announce more than the bytes that follow')
            self._at = number - len(found)
            found += self._piece[:self._at]
        return found

    def skip(self, number: int) -> None:
        """Leave out the next bytes."""
        while number > 0:
            part = min(number, max(len(self._piece) - self._at, 1))
            self.read(part)
            number -= part

    def pad(self, number: int) -> None:
        """Leave out what fills eight bytes up; the last element may lack it."""
        try:
            self.skip(-number % 8)
        except _FaultError:
            self._piece, self._at = b'', 0

    def drain(self) -> None:
        """Read to the end."""
        for _ in self._pieces:
            pass


def _walk(stream: _Stream, order: str, arrays: _Counter) -> None:
    """Go through an array and all that it holds, in the order in which loadmat reads them and as little by lengths.

    What a cell or a struct announces is there, or the bytes end first; so loadmat allocates for what is there.
    """
    tag = struct.Struct(f'{order}II').unpack
    pending = [_inside(stream, order, tag)]  # arrays still to come, by depth
    while pending:
        if not pending[-1]:
            pending.pop()
            continue
        pending[-1] -= 1
        arrays.add(1)
        kind, length = tag(stream.read(8))
        if kind != _MATRIX:
            raise _FaultError(f'an array is expected within another, but an element of kind {kind} follows')
        if length:
            pending.append(_inside(stream, order, tag, nested=True))
            if len(pending) > _DEPTH:
                raise _FaultError(f'its cells are nested deeper than {_DEPTH}')


def _inside(stream: _Stream, order: str, tag: Callable, nested: bool = False) -> int:
    """Read an array up to the arrays that it holds, behind its own tag; returns how many those are."""
    flags, _ = tag(stream.read(16)[8:])
    kind = flags & 0xff
    if kind == _OPAQUE:
        for _ in range(3):
            _skip_element(stream, tag)
        return 1
    dimensions = _integers(stream, order, tag, _DIMENSIONS)
    count = math.prod(dimensions)
    if min(dimensions, default=0) < 0:
        raise _FaultError(f'an array has the dimensions {dimensions}')
    _skip_element(stream, tag)  # its name
    if kind in _NUMBERS or kind == _CHAR:
        length = _skip_element(stream, tag)
        if count > max(length, _UNWRITTEN if kind == _CHAR else 0):
            raise _FaultError(f'an array of dimensions {dimensions} has {length} bytes')
        if kind != _CHAR and flags & _COMPLEX:
            _skip_element(stream, tag)
    elif kind == _SPARSE:
        for _ in range(4 if flags & _COMPLEX else 3):
            _skip_element(stream, tag)
    elif kind == _CELL:
        return count
    elif kind in (_STRUCT, _OBJECT):
        if kind == _OBJECT:
            _skip_element(stream, tag)  # its class
        return count * _fields(stream, order, tag, count)
    elif kind == _FUNCTION:
        return 1
    elif nested:
        raise _FaultError(f'an array is of the unknown class {kind}')
    return 0


def _fields(stream: _Stream, order: str, tag: Callable, count: int) -> int:
    length = _integers(stream, order, tag, 1)
    if len(length) != 1 or length[0] < 1:
        raise _FaultError('a struct says nothing of the length of its names')
    fields = _skip_element(stream, tag) // length[0]
    if fields > _FIELDS:
        raise _FaultError(f'a struct has {fields} fields, {_FIELDS} expected at most')
    if not fields and count > _UNWRITTEN:
        raise _FaultError(f'{count} structs without a field, {_UNWRITTEN} expected at most')
    return fields


def _element(stream: _Stream, tag: Callable) -> tuple[int, bytes | None]:
    """Length of the next element, and its bytes if they are in its tag."""
    data = stream.read(8)
    kind, length = tag(data)
    if kind >> 16:
        if kind >> 16 > 4:
            raise _FaultError(f'a small element announces {kind >> 16} bytes')
        return kind >> 16, data[4:4 + (kind >> 16)]
    return length, None


def _skip_element(stream: _Stream, tag: Callable) -> int:
    length, small = _element(stream, tag)
    if small is None:
        stream.skip(length)
        stream.pad(length)
    return length


def _integers(stream: _Stream, order: str, tag: Callable, most: int) -> list[int]:
    length, data = _element(stream, tag)
    if length > 4 * most:
        raise _FaultError(f'{length} bytes of integers, {4 * most} expected at most')
    if data is None:
        data = stream.read(length)
        stream.pad(length)
    return list(struct.unpack(f'{order}{length // 4}i', data[:length // 4 * 4]))
