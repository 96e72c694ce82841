"""List the content of untrusted files without loading them: nothing is imported, constructed or called."""
from __future__ import annotations

import io
import os
import pickletools
import re
import tarfile
import zipfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import torch

from .archives import check_archive, read_header
from .regular_files import UnsafeFileError, file_sha256, named_when_broken, require_file
from .safe_pickle import ALLOWED

_CALLS = {'REDUCE', 'INST', 'OBJ', 'NEWOBJ', 'NEWOBJ_EX', 'BUILD'}
_NUMPY, _ZIP = b'\x93NUMPY', (b'PK\3\4', b'PK\5\6')  # first bytes, as torch and numpy test them
_LEGACY_PICKLES = 5  # magic number, protocol, system, content, storage keys: torch's format before its zip archives


@dataclass
class PickleListing:
    """Content of a pickle.

    Attributes:
        imports: Every ``module.name`` that loading would import, in order; ``?`` for a computed name, and
            ``extension 66`` for an entry of the process's extension registry.
        calls: Number of calls that loading would make.
        complete: Whether the pickle was read to its end.
    """

    imports: list[str] = field(default_factory=list)
    calls: int = 0
    complete: bool = False


def list_pickle(file: IO[bytes]) -> PickleListing:
    """List the content of one pickle in a stream, up to its ``STOP``, using :func:`pickletools.genops`.

    Args:
        file: The stream, at the beginning of the pickle.
    """
    found, memo, recent = PickleListing(), {}, [None, None]  # recent: last two strings on the stack
    with suppress(Exception):  # broken pickles raise many types of errors; list what was read until then
        for opcode, argument, _ in pickletools.genops(file):
            name = opcode.name
            if name in ('GLOBAL', 'INST'):
                found.imports.append(argument.replace(' ', '.', 1))
            elif name == 'STACK_GLOBAL':
                found.imports.append('?' if None in recent else '.'.join(recent))
            elif name.startswith('EXT'):
                found.imports.append(f'extension {argument}')
            found.calls += name in _CALLS
            found.complete = name == 'STOP'
            if name == 'MEMOIZE' or 'PUT' in name:
                memo[len(memo) if name == 'MEMOIZE' else argument] = recent[-1]
            elif name not in ('PROTO', 'FRAME'):
                is_text = 'STRING' in name or 'UNICODE' in name
                recent = [recent[-1], argument if is_text else memo.get(argument) if 'GET' in name else None]
    return found


def list_pickles(path: str | os.PathLike) -> dict[str, PickleListing]:
    """List the pickles of a file: a ``.pkl``, ``.npz`` or ``.npy``, or a checkpoint in any torch format but tar.

    Args:
        path: The file.

    Returns:
        dict: Member name, or ``pickle 0``, ``pickle 1``, …, to its listing; empty for a file without pickles.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeFileError: The file is a pipe or a device, its archive is unsafe (:func:`~.archives.check_archive`), or
            names of a checkpoint's members differ only in case.
        ValueError: The archive is broken or compressed by an unknown method; the message names the file.
    """
    report: dict[str, Any] = {}
    _look(Path(path), report)
    return report['pickles']


def is_tar(path: str | os.PathLike) -> bool:
    """Return whether a file begins like a tar archive, without reading beyond its first header.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeFileError: The file is a pipe or a device.
    """
    with require_file(path).open('rb') as file, suppress(tarfile.HeaderError, ValueError):
        return bool(tarfile.TarInfo.frombuf(file.read(tarfile.BLOCKSIZE), tarfile.ENCODING, 'surrogateescape'))
    return False


def allowed_names() -> set[str]:
    """Return every ``module.name`` that a checkpoint may contain: torch's allow-list and the package's additions."""
    from torch._weights_only_unpickler import _get_allowed_globals
    entries = torch.serialization.get_safe_globals()
    added = {entry[1] if isinstance(entry, tuple) else f'{entry.__module__}.{entry.__qualname__}' for entry in entries}
    return (added | set(_get_allowed_globals())) - {'builtins.bytearray'}


def inspect_file(path: str | os.PathLike) -> dict[str, Any]:
    """Return a report on the content of a checkpoint, body model or array file.

    Args:
        path: The file.

    Returns:
        dict: ``file``, ``bytes``, ``sha256``, ``container``, ``members`` (name to bytes), ``unfolded`` (bytes),
        ``pickles`` (member to ``imports``, ``calls``, ``complete``), ``arrays`` (name to dtype and shape) and
        ``refused``, the list of reasons not to load the file, empty if the package would read it.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeFileError: The path is a pipe, a device or a folder.
    """
    path = require_file(path)
    report: dict[str, Any] = dict(file=str(path), bytes=path.stat().st_size, sha256=file_sha256(path), refused=[])
    try:
        _look(path, report)
    except ValueError as error:
        report['refused'].append(str(error))
    known = allowed_names() | {f'{module}.{name}' for module, name in ALLOWED}
    named = {re.sub('^__builtin__', 'builtins', name) for found in report['pickles'].values() for name in found.imports}
    report['refused'] += [f'names {name}, which no checkpoint and no body model needs'
                          for name in sorted(named - known)]
    if report['container'] == 'tar':
        report['refused'].append('a tar file, which torch reads only by executing it')
    report['pickles'] = {where: vars(found) for where, found in report['pickles'].items()}
    return {**report, 'unfolded': sum(report['members'].values())}


def _look(path: Path, report: dict[str, Any]) -> None:
    """Fill in ``container``, ``members``, ``pickles`` and ``arrays``, as far as the file can be read."""
    pickles, arrays = {}, {}
    report.update(container='stream of pickles', members={}, pickles=pickles, arrays=arrays)
    with named_when_broken(path), require_file(path).open('rb') as file:
        begin = file.read(len(_NUMPY))
        file.seek(0)
        parts: dict[str, IO[bytes]] = {}
        if begin.startswith(_ZIP):  # as torch and numpy do, ignore archives that follow other bytes
            members = {member.filename: member.file_size for member in check_archive(path)}
            report.update(container='zip', members=members)
            lower = {name.lower() for name in members}
            if len(lower) < len(members) and any(name.endswith('data.pkl') for name in lower):
                raise UnsafeFileError(f'{path}: its members differ by case alone, which torch mixes up')
            with zipfile.ZipFile(file) as archive:
                parts = {name: io.BytesIO(archive.read(name)) for name in members
                         if name.lower().endswith(('.pkl', '.npy'))}
        elif begin == _NUMPY:
            report['container'], parts = 'npy', {'array': file}
        elif is_tar(path):
            report['container'] = 'tar'
        else:
            for number in range(_LEGACY_PICKLES):
                found = list_pickle(file)
                if found.complete or found.imports or not number:
                    pickles[f'pickle {number}'] = found
        for name, part in parts.items():
            is_array, size = part.read(len(_NUMPY)) == _NUMPY, part.seek(0, io.SEEK_END)
            part.seek(0)
            if is_array:
                shape, dtype = read_header(f'{path}: {name}', part, size)
                arrays[name] = f'{dtype} {shape}'
            if not is_array or dtype.hasobject:
                pickles[name] = list_pickle(part)
