"""What a pickle would import, read from its opcodes: nothing is imported, built or called."""
from __future__ import annotations

import io
import os
import pickletools
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from .archives import UnsafeFileError, check_archive
from .regular_files import named_when_broken, require_file

_CALLS = {'REDUCE', 'INST', 'OBJ', 'NEWOBJ', 'NEWOBJ_EX', 'BUILD'}
_EXTENSIONS = {'EXT1', 'EXT2', 'EXT4'}
_STRINGS = {'SHORT_BINUNICODE', 'BINUNICODE', 'BINUNICODE8', 'UNICODE', 'STRING', 'BINSTRING', 'SHORT_BINSTRING'}
_PUTS, _GETS = {'PUT', 'BINPUT', 'LONG_BINPUT'}, {'GET', 'BINGET', 'LONG_BINGET'}
_SILENT = {'PROTO', 'FRAME'}
_BLOCK = tarfile.BLOCKSIZE
_LEGACY_PICKLES = 5  # magic number, protocol, system, content, storage keys: what torch wrote before its zip format


@dataclass
class PickleListing:
    """What was found in a pickle.

    Attributes:
        imports: Every ``module.name`` that it would import, in order; ``?`` where the name is computed.
        calls: How many calls it would make.
        extensions: How many objects it takes from the process's extension registry.
        complete: Whether it was read to its end.
    """

    imports: list[str] = field(default_factory=list)
    calls: int = 0
    extensions: int = 0
    complete: bool = False


def list_pickle(file: BinaryIO) -> PickleListing:
    """List one pickle of a stream, up to its ``STOP``.

    Args:
        file: Where it begins.
    """
    found, memo, recent = PickleListing(), {}, []
    try:
        for opcode, argument, _ in pickletools.genops(file):
            name = opcode.name
            if name in ('GLOBAL', 'INST'):
                found.imports.append(str(argument).replace(' ', '.', 1))
            elif name == 'STACK_GLOBAL':
                known = len(recent) >= 2 and None not in recent[-2:]
                found.imports.append('.'.join(recent[-2:]) if known else '?')
            found.calls += name in _CALLS
            found.extensions += name in _EXTENSIONS
            _follow(name, argument, memo, recent)
            found.complete = name == 'STOP'
    except Exception:  # a broken pickle may raise nearly anything; what was read until then is listed
        return found
    return found


def _follow(name: str, argument: object, memo: dict, recent: list[str | None]) -> None:
    """Keep the last two strings on the stack, through the memo."""
    if name in _PUTS:
        memo[argument] = recent[-1] if recent else None
    elif name == 'MEMOIZE':
        memo[len(memo)] = recent[-1] if recent else None
    elif name not in _SILENT:
        recent.append(str(argument) if name in _STRINGS else memo.get(argument) if name in _GETS else None)
        del recent[:-2]


def list_pickles(path: str | os.PathLike) -> dict[str, PickleListing]:
    """List the pickles of a file: a ``.pkl``, a checkpoint of any of torch's formats, an ``.npz`` or ``.npy``.

    Args:
        path: The file.

    Returns:
        dict: Member, or ``pickle 0``, ``pickle 1``, …, to what is in it; empty for a file without pickles.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeFileError: It is a pipe or a device, its archive is unsafe (:func:`~.archives.check_archive`), or a
            checkpoint's members differ by case alone.
        ValueError: Its archive is broken, or packed in a way that is not known; the message names the file.
    """
    with named_when_broken(path):
        return _of_file(require_file(path))


def is_tar(path: str | os.PathLike) -> bool:
    """Whether a file begins as a tar archive does, as torch tells; nothing is unpacked, and nothing announced is read.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeFileError: It is a pipe or a device.
    """
    with require_file(path).open('rb') as file:
        return _tar_header(file) is not None


def _tar_header(file: BinaryIO) -> tarfile.TarInfo | None:
    try:
        return tarfile.TarInfo.frombuf(file.read(_BLOCK), tarfile.ENCODING, 'surrogateescape')
    except (tarfile.HeaderError, ValueError):
        return None


def _of_file(path: Path) -> dict[str, PickleListing]:
    with path.open('rb') as file:
        if file.read(4) in (b'PK\3\4', b'PK\5\6'):  # as torch and numpy tell: an archive behind other bytes is none
            return dict(_of_zip(path))
        file.seek(0)
        if _tar_header(file):
            return dict(_of_tar(file, path.stat().st_size))
        file.seek(0)
        if file.read(6) == b'\x93NUMPY':
            file.seek(0)
            return {'array': list_pickle(_behind_header(file))}
        file.seek(0)
        return dict(_of_stream(file))


def _of_stream(file: BinaryIO) -> Iterator[tuple[str, PickleListing]]:
    for number in range(_LEGACY_PICKLES):
        listing = list_pickle(file)
        if not listing.complete and not listing.imports and number:
            return
        yield f'pickle {number}', listing
        if not listing.complete:
            return


def _of_zip(path: str | os.PathLike) -> Iterator[tuple[str, PickleListing]]:
    members = check_archive(path)
    names = [member.filename.lower() for member in members]
    if any(name.endswith('data.pkl') for name in names) and len(set(names)) < len(names):
        raise UnsafeFileError(f'{path}: has members whose names differ by case alone, which torch does not tell apart; '
                              'do not trust it')
    for member, name in zip(members, names):
        if name.endswith(('.pkl', '.npy')):
            with zipfile.ZipFile(path) as archive, archive.open(member) as file:
                stream = io.BytesIO(file.read())
            yield member.filename, list_pickle(_behind_header(stream))


def _of_tar(file: BinaryIO, size: int) -> Iterator[tuple[str, PickleListing]]:
    """Of the members that lie in the file as they are: sparse ones unfold, and headers may announce anything."""
    file.seek(0)
    while member := _tar_header(file):
        begin = file.tell()
        if not 0 <= member.size <= size - begin:
            return
        if member.isreg() and member.type != tarfile.GNUTYPE_SPARSE and not member.name.startswith('storages'):
            yield member.name, list_pickle(io.BytesIO(file.read(member.size)))
        file.seek(begin + -(-member.size // _BLOCK) * _BLOCK)


def _behind_header(file: BinaryIO) -> BinaryIO:
    """Skip numpy's header, where there is one."""
    if file.read(6) != b'\x93NUMPY':
        file.seek(0)
        return file
    major = file.read(2)[:1]
    width = 2 if major == b'\x01' else 4
    file.seek(int.from_bytes(file.read(width), 'little'), io.SEEK_CUR)
    return file
