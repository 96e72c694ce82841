"""JSON with the file named in every refusal."""
from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .regular_files import require_file

LIMIT = 1 << 30  # bytes: annotations of a million people stay below


def read_json(path: str | os.PathLike, keys: Sequence[str] = ()) -> Any:
    """Read a JSON file.

    Args:
        path: The file, UTF-8, with or without a byte-order mark.
        keys: What its top level, an object then, must have. Defaults to none: any content.

    Returns:
        Its content.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeFileError: It is a pipe, a device or a folder.
        ValueError: It is no JSON, is nested too deep, is larger than ``LIMIT``, or lacks a key; the message
            names it.
    """
    path = require_file(path)
    size = path.stat().st_size
    if size > LIMIT:
        raise ValueError(f'{path}: {size} bytes of JSON, {LIMIT} expected at most')
    try:
        content = json.loads(path.read_text(encoding='utf-8-sig'))
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        reason = 'nested too deep' if isinstance(error, RecursionError) else error
        raise ValueError(f'{path}: not a JSON file ({reason}); copy or download it again') from None
    missing = [key for key in keys if not isinstance(content, dict) or key not in content]
    if missing:
        raise ValueError(f'{path}: an object with {", ".join(keys)} expected; {", ".join(missing)} missing')
    return content


def to_json(record: Mapping[str, Any]) -> str:
    """The record as JSON text, a list of plain numbers or words on one line."""
    text = json.dumps(record, indent=1, allow_nan=False)
    lists = re.compile(r'\[\s+([^][{}]*?)\s+\]')
    return lists.sub(lambda found: '[' + re.sub(r'\n\s*', ' ', found[1]) + ']', text) + '\n'
