"""Reproducible ``.npz`` archives, and their licence information."""
import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip entry can carry


def save_npz(path: str | os.PathLike, arrays: Mapping[str, np.ndarray], level: int = 9) -> int:
    """Write arrays as a compressed ``.npz`` with fixed time stamps, through a temporary file.

    Args:
        path: Path of the archive; a missing folder is created.
        arrays: Arrays by name, written in this order. Object arrays are not allowed.
        level: Deflate level, 9 by default.

    Returns:
        int: The size of the file in bytes.

    Raises:
        ValueError: An array holds Python objects.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
    try:
        with zipfile.ZipFile(temporary, 'w') as archive:
            for name, array in arrays.items():
                archive.writestr(_entry(name), _npy_bytes(name, np.asarray(array)), zipfile.ZIP_DEFLATED, level)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path.stat().st_size


def _entry(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(f'{name}.npy', date_time=_EPOCH)
    info.create_system = 3  # the same header on every platform
    info.external_attr = 0o644 << 16
    return info


def _npy_bytes(name: str, array: np.ndarray) -> bytes:
    if array.dtype.hasobject:
        raise ValueError(f'{name}: a plain array expected, objects (dtype {array.dtype}) found')
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array, order='C'), allow_pickle=False)
    return buffer.getvalue()
