"""Data frames in HDF5 as pandas writes them: read by h5py, so that no pickle of the file is run; written by pandas.

Shapes: R rows, C columns.
"""
from __future__ import annotations

import io
import os
import pickle
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmxas.safe_files import UnsafeFileError

Frame = tuple[tuple[str, ...], list[tuple[str, ...]], list[str], np.ndarray]
KEY = 'df_with_missing'
_WAY_OUT = 'write it as .csv instead'


def read_frame(path: str | os.PathLike) -> Frame:
    """Read a frame of numbers whose columns have several levels.

    Args:
        path: The file, written by pandas in its fixed or its table format.

    Returns:
        Names of the levels, the C columns as tuples, the R rows (several levels are joined by ``/``), values (R, C).

    Raises:
        ImportError: h5py is not installed.
        UnsafeFileError: The file's labels name objects; nothing of it was run.
        ValueError: It is no such file.
    """
    try:
        from h5py import File
    except ImportError as error:
        raise ImportError(f'{path} is an HDF5 file, read by h5py, which is not installed: pip install h5py; or '
                          f'{_WAY_OUT}') from error
    try:
        with File(path, 'r') as file:
            groups = [file[name] for name in file if 'pandas_type' in file[name].attrs]
            if not groups:
                what = 'a SLEAP analysis file; export .slp' if 'tracks' in file else 'no data frame of pandas in it'
                raise ValueError(f'{path}: {what}')
            group = groups[0]
            return _read_table(group) if 'table' in group else _read_fixed(group)
    except UnsafeFileError as error:
        raise UnsafeFileError(f'{path}: {error}') from None
    except (OSError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(f'{path}: not a data frame as pandas writes it ({type(error).__name__}: {error}); '
                         f'{_WAY_OUT}') from error


def write_frame(path: str | os.PathLike, levels: Sequence[str], columns: Sequence[tuple[str, ...]],
                rows: Sequence[str], values: np.ndarray) -> None:
    """Write a frame that DeepLabCut reads (``df_with_missing``), whole or not at all.

    Raises:
        ImportError: pandas or tables is not installed; the message has the command.
    """
    try:
        import pandas
        import tables  # noqa: F401  pandas writes HDF5 with it
    except ImportError as error:
        raise ImportError(f'{path}: .h5 files are written by pandas and tables ({error}): pip install pandas tables; '
                          f'or {_WAY_OUT}') from error
    frame = pandas.DataFrame(values, index=pandas.Index(list(rows), dtype=object),
                             columns=pandas.MultiIndex.from_tuples(columns, names=list(levels)))
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f'.{path.name}.', suffix='.h5')
    os.close(handle)
    try:
        frame.to_hdf(part, key=KEY, mode='w')
        os.chmod(part, 0o644)
        os.replace(part, path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def _read_fixed(group: Any) -> Frame:
    levels, columns = _axis(group, 'axis0')
    rows = ['/'.join(row) for row in _axis(group, 'axis1')[1]]
    values = np.full((len(rows), len(columns)), np.nan)
    number = {column: place for place, column in enumerate(columns)}
    for block in range(int(group.attrs['nblocks'])):
        names = [number[column] for column in _axis(group, f'block{block}_items')[1]]
        content = np.asarray(group[f'block{block}_values'][()], np.float64)
        shape = (len(rows), len(names))
        if content.shape != shape:
            content = content.T if content.shape == shape[::-1] else content.reshape(shape)
        values[:, names] = content
    return levels, columns, rows, values


def _axis(group: Any, name: str) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Names of an axis' levels, and its entries as tuples."""
    if name in group:
        return ('',), [(text,) for text in _texts(group[name])]
    levels, names, parts = 0, [], []
    while f'{name}_level{levels}' in group:
        texts, codes = _texts(group[f'{name}_level{levels}']), group[f'{name}_label{levels}'][()]
        parts.append([texts[code] if code >= 0 else '' for code in codes])
        names.append(_plain(group[f'{name}_level{levels}'].attrs.get('name', '')))
        levels += 1
    if not levels:
        raise KeyError(name)
    return tuple(str(one) for one in names), list(zip(*parts, strict=True))


def _texts(dataset: Any) -> list[str]:
    if dataset.dtype.hasobject:
        raise UnsafeFileError(f'{dataset.name} holds objects, which only a pickle could read; {_WAY_OUT}')
    return [item.decode('utf-8') if isinstance(item, bytes) else str(item) for item in dataset[()].tolist()]


def _read_table(group: Any) -> Frame:
    table = group['table']
    axes = _plain(group.attrs['non_index_axes'])
    columns = [tuple(str(part) for part in column) for column in axes[0][1]]
    info = _plain(group.attrs['info']) if 'info' in group.attrs else {}
    levels = tuple(str(name) for name in (info.get(1) or {}).get('names', ()))
    content = table[()]
    values = np.full((len(content), len(columns)), np.nan)
    number = {column: place for place, column in enumerate(columns)}
    for field in content.dtype.names:
        if field.startswith('values_block_'):
            labels = [tuple(str(part) for part in label) for label in _plain(table.attrs[f'{field}_kind'])]
            values[:, [number[label] for label in labels]] = content[field].reshape(len(content), -1)
    index = content['index'].tolist()
    rows = [item.decode('utf-8') if isinstance(item, bytes) else str(item) for item in index]
    return levels, columns, rows, values


def _plain(value: Any) -> Any:
    """An attribute as PyTables keeps it: text, or a pickle of lists, tuples, dictionaries, text and numbers."""
    if isinstance(value, str) or not isinstance(value, bytes | np.bytes_):
        return value
    data = bytes(value)
    if not data.endswith(b'.'):
        return data.decode('utf-8')
    try:
        return _LabelUnpickler(io.BytesIO(data)).load()
    except UnsafeFileError:
        raise
    except Exception:  # no pickle: text that ends in a full stop
        return data.decode('utf-8')


class _LabelUnpickler(pickle.Unpickler):
    """Builds plain containers only: whatever a pickle names is refused, and nothing is imported or called."""

    def find_class(self, module: str, name: str) -> Any:
        raise UnsafeFileError(f'labels of columns name {module}.{name}; plain text expected. Nothing of the file was '
                              'executed; do not trust it')

    def persistent_load(self, pid: Any) -> Any:
        raise UnsafeFileError(f'labels of columns name the persistent id {pid!r}; plain text expected')
