"""Checkpoints from strangers: looked at before torch reads them, and read under ``weights_only`` whatever the default.

A static look finds most of what a file would import and names it; the authority is torch's own allow-list, which every
object passes when it is read.
"""
from __future__ import annotations

import os
import pickle
import re
from pathlib import Path
from typing import Any

import torch

from .archives import UnsafeFileError
from .pickle_listing import PickleListing, is_tar, list_pickles
from .safetensors_files import SUFFIX, read_safetensors

# On torch's own allow-list, but `bytearray(n)` fills n bytes; no checkpoint needs it.
REFUSED = ('builtins.bytearray', '__builtin__.bytearray')
_EXECUTED = 'a tar or TorchScript file, which cannot be read without executing it; refused'


def read_checkpoint_file(path: str | os.PathLike, map_location: Any = None) -> Any:
    """Read a checkpoint.

    Args:
        path: The file; ``.safetensors`` too.
        map_location: As in ``torch.load``. Defaults to None.

    Returns:
        Its content.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeFileError: It names an object that is not on the allow-list, or its archive is unsafe; the message names
            both. Nothing of it was executed.
        ValueError: It is not a checkpoint, or not a whole one, or holds something else than a dict.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'{path} can not be found.')
    if path.suffix == SUFFIX:
        return read_safetensors(path, map_location)
    _look(path)
    content = _load(path, map_location)
    if not isinstance(content, dict):
        raise ValueError(f'{path}: a checkpoint is a dict: a state dict or one that holds it expected, found '
                         f'{type(content).__name__}; save it with torch.save(model.state_dict(), …)')
    return content


def _load(path: Path, map_location: Any) -> Any:
    try:
        return torch.load(path, map_location=map_location, weights_only=True)
    except pickle.UnpicklingError as error:
        refusal = _refusal(path, str(error))
        raise refusal from None
    except RuntimeError as error:
        if 'weights_only' in str(error):
            raise UnsafeFileError(f'{path}: {_EXECUTED}') from None
        broken = _broken(path, error)
        raise broken from error
    except MemoryError as error:
        raise UnsafeFileError(f'{path}: announces more than the memory holds') from error
    except (OSError, UnsafeFileError):
        raise
    except Exception as error:  # a broken archive may raise nearly anything
        broken = _broken(path, error)
        raise broken from error


def _look(path: Path) -> None:
    """Refuse what the file's directory and opcodes show already."""
    if is_tar(path):
        raise UnsafeFileError(f'{path}: {_EXECUTED}')
    for where, listing in _listed(path).items():
        refused = [name for name in listing.imports if name in REFUSED]
        if refused:
            raise UnsafeFileError(f'{path}: {where} names {refused[0]}, which no checkpoint needs; nothing of the file '
                                  'was executed, do not trust it')


def _listed(path: Path) -> dict[str, PickleListing]:
    try:
        return list_pickles(path)
    except UnsafeFileError:
        raise
    except ValueError as error:
        broken = _broken(path, error.__cause__ or error)
        raise broken from error


def _refusal(path: Path, message: str) -> Exception:
    named = re.search(r'GLOBAL ([\w.]+)', message) or re.search(r'asks for (getattr\(.*?\))', message)
    if named:
        return UnsafeFileError(f'{path}: names {named[1]}, which no checkpoint needs; nothing of the file was '
                               'executed, do not trust it')
    imports = [name for listing in list_pickles(path).values() for name in listing.imports]
    said = re.search(r'WeightsUnpickler error:\s*(\S.*)', message) or re.search(r'\S.*', message)
    first = said[said.lastindex or 0].strip() if said else 'no pickle'
    if imports:
        return UnsafeFileError(f'{path}: refused ({first}); it names {", ".join(dict.fromkeys(imports))}')
    return UnsafeFileError(f'{path}: not a checkpoint of PyTorch ({first})')


def _broken(path: Path, error: BaseException) -> ValueError:
    return ValueError(f'{path}: not a checkpoint of PyTorch, or not a whole one ({type(error).__name__}: {error}); '
                      'copy or download it again')
