"""List the content of untrusted files without loading them: nothing is imported, constructed or called."""
from __future__ import annotations

import io
import os
import pickletools
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from torch._weights_only_unpickler import _get_allowed_globals, _get_user_allowed_globals

from .archives import ZIP, check_archive, holds_objects
from .regular_files import file_sha256, named_when_broken, require_file
from .safe_pickle import ALLOWED

_CALLS = {'REDUCE', 'INST', 'OBJ', 'NEWOBJ', 'NEWOBJ_EX', 'BUILD'}
_LEGACY_PICKLES = 5  # magic number, protocol, system, content, storage keys: torch's format before its zip archives


def inspect_file(path: str | os.PathLike) -> dict[str, Any]:
    """Return a report on the content of a checkpoint, body model or array file.

    Args:
        path: The file.

    Returns:
        ``file``, ``bytes``, ``sha256``, ``members`` of an archive (name to bytes), ``pickles`` (member, or
        the name of a file that is no archive, to the result of :func:`list_pickles`) and ``refused``, the list of
        reasons not to load the file, empty if the package would read it.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeFileError: The path is a pipe, a device or a folder.
    """
    path = require_file(path)
    members, pickles, refused = {}, {}, []
    try:
        with named_when_broken(path):
            _look(path, members, pickles)
    except ValueError as error:
        refused.append(str(error))
    known = {*_get_allowed_globals(), *_get_user_allowed_globals(), *map('.'.join, ALLOWED)} - {'builtins.bytearray'}
    named = {name.replace('__builtin__', 'builtins') for found in pickles.values() for name in found['imports']}
    refused += [f'names {name}, which no checkpoint and no body model needs' for name in sorted(named - known)]
    refused += [f'{name}: not a whole pickle' for name, found in pickles.items() if not found['whole']]
    return dict(file=str(path), bytes=path.stat().st_size, sha256=file_sha256(path), members=members, pickles=pickles,
                refused=refused)


def _look(path: Path, members: dict[str, int], pickles: dict[str, Any]) -> None:
    """Fill in members and pickles, as far as the file can be read."""
    with path.open('rb') as file:
        parts: dict[str, IO[bytes]] = {} if path.suffix == '.safetensors' else {path.name: file}
        if file.peek(len(ZIP)).startswith(ZIP):
            members.update((member.filename, member.file_size) for member in check_archive(path))
            with zipfile.ZipFile(file) as archive:
                parts = {name: io.BytesIO(archive.read(name)) for name in members
                         if name.lower().endswith(('.pkl', '.npy'))}
        for name, part in parts.items():
            if not name.lower().endswith('.npy') or holds_objects(part):
                pickles[name] = list_pickles(part)


def list_pickles(file: IO[bytes]) -> dict[str, Any]:
    """List the content of consecutive pickles, at most as many as in a checkpoint, by :func:`pickletools.genops`.

    Args:
        file: The stream, at the beginning of the first pickle.

    Returns:
        ``imports``, every ``module.name`` that loading would import, in order, ``?`` for a computed name and
        ``extension 66`` for an entry of the process's extension registry; ``calls``, the number of calls that loading
        would make; ``whole``, whether the first pickle was read to its end.
    """
    imports, calls, whole = [], 0, False
    with suppress(Exception):  # broken pickles raise many types of errors; list what was read until then
        for _ in range(_LEGACY_PICKLES):
            memo, recent = {}, [None, None]  # recent: last two strings on the stack
            for opcode, argument, _position in pickletools.genops(file):
                name = opcode.name
                calls += name in _CALLS
                if name in ('GLOBAL', 'INST'):
                    imports.append(argument.replace(' ', '.', 1))
                elif name == 'STACK_GLOBAL':
                    imports.append('?' if None in recent else '.'.join(recent))
                elif name.startswith('EXT'):
                    imports.append(f'extension {argument}')
                if name == 'MEMOIZE' or 'PUT' in name:
                    memo[len(memo) if name == 'MEMOIZE' else argument] = recent[-1]
                elif name not in ('PROTO', 'FRAME'):
                    is_text = 'STRING' in name or 'UNICODE' in name
                    recent = [recent[-1], argument if is_text else memo.get(argument) if 'GET' in name else None]
            whole = True
    return dict(imports=imports, calls=calls, whole=whole)
