"""A report on a file from a stranger, made without loading it."""
from __future__ import annotations

import os
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .archives import check_archive
from .pickle_listing import PickleListing, is_tar, list_pickles
from .regular_files import file_sha256, named_when_broken, require_file


def allowed_names() -> set[str]:
    """Every ``module.name`` that a checkpoint may name here: torch's allow-list with the package's additions."""
    from torch._weights_only_unpickler import _get_allowed_globals
    names = set(_get_allowed_globals())
    for entry in torch.serialization.get_safe_globals():
        names.add(entry[1] if isinstance(entry, tuple) else f'{entry.__module__}.{entry.__qualname__}')
    return names - {'builtins.bytearray', '__builtin__.bytearray'}


def inspect_file(path: str | os.PathLike) -> dict[str, Any]:
    """Look into a checkpoint, body model or array file.

    Args:
        path: The file.

    Returns:
        dict: ``file``, ``bytes``, ``sha256``, ``container``, ``members`` (name to bytes), ``unfolded`` (bytes),
        ``pickles`` (member to ``imports``, ``calls``, ``extensions``, ``complete``), ``arrays`` (name to dtype and
        shape) and ``refused``, the reasons not to load it; empty for a file that the package would read.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeFileError: It is a pipe, a device or a folder.
    """
    path = require_file(path)
    report: dict[str, Any] = dict(
        file=str(path), bytes=path.stat().st_size, sha256=file_sha256(path), container=_container(path), members={},
        unfolded=0, pickles={}, arrays={}, refused=[])
    try:
        with named_when_broken(path):
            if report['container'] == 'zip':
                report |= _archive(path)
            listings = {where: found for where, found in list_pickles(path).items() if _is_pickle(where, found)}
    except ValueError as error:
        report['refused'].append(str(error))
        return report
    report['pickles'] = {where: vars(found) for where, found in listings.items()}
    report['refused'] += list(_objections(listings, report['container']))
    return report


def _archive(path: Path) -> dict[str, Any]:
    members = {member.filename: member.file_size for member in check_archive(path)}
    return dict(members=members, unfolded=sum(members.values()), arrays=_arrays(path, members))


def _is_pickle(where: str, found: PickleListing) -> bool:
    return not where.endswith('.npy') or found.complete or bool(found.imports)


def _objections(listings: dict[str, PickleListing], container: str) -> list[str]:
    from mmxas.io.safe_pickle import ALLOWED
    known = allowed_names() | {f'{module}.{name}' for module, name in ALLOWED}
    named = {re.sub('^__builtin__', 'builtins', name) for found in listings.values() for name in found.imports}
    reasons = [f'names {name}, which no checkpoint and no body model needs' for name in sorted(named - known)]
    if any(found.extensions for found in listings.values()):
        reasons.append("takes objects from the process's extension registry")
    if container == 'tar':
        reasons.append('a tar file: torch reads these by executing them only')
    return reasons


def _arrays(path: Path, members: dict[str, int]) -> dict[str, str]:
    found = {}
    with zipfile.ZipFile(path) as archive:
        for name in members:
            if name.endswith('.npy'):
                with archive.open(name) as file:
                    try:
                        version = np.lib.format.read_magic(file)
                        old = version == (1, 0)
                        read = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
                        shape, _, dtype = read(file)
                        found[name] = f'{dtype} {shape}'
                    except Exception as error:  # a broken header may raise nearly anything
                        found[name] = f'no array ({error})'
    return found


def _container(path: Path) -> str:
    if zipfile.is_zipfile(path):
        return 'zip'
    if is_tar(path):
        return 'tar'
    with path.open('rb') as file:
        return 'npy' if file.read(6) == b'\x93NUMPY' else 'stream of pickles'
