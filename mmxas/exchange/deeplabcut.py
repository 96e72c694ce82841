"""DeepLabCut's tables: rows are images, columns are scorer, individual, body part and coordinate.

A pose with several hypotheses has one scorer each, the most confident first. Shapes: N poses, H hypotheses, K
keypoints, D coordinates; R rows, C columns of the file.
"""
from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmxas.synthesis.shards import write_atomically

from .keypoint_table import KeypointTable, repeated
from .pandas_hdf import read_frame, write_frame

LEVELS = ('scorer', 'individuals', 'bodyparts', 'coords')
COORDINATES = ('x', 'y', 'z', 'likelihood')
UNITS = ('px', 'px', 'unknown')  # the files do not say what z is measured in


class Wide(NamedTuple):
    """A table as such a file holds it.

    Attributes:
        levels: Names of the rows of the header, ``individuals`` only with several individuals.
        columns: C tuples, an entry for each level.
        rows: R images.
        values: (R, C), not a number where a cell is empty.
    """

    levels: tuple[str, ...]
    columns: list[tuple[str, ...]]
    rows: list[str]
    values: np.ndarray


def read_deeplabcut(path: str | os.PathLike) -> KeypointTable:
    """Read labels or predictions of DeepLabCut, of one or several individuals, in 2D or 3D.

    Args:
        path: ``.csv`` or ``.h5``.

    Returns:
        KeypointTable: Several scorers become hypotheses, in the file's order; rows of an individual that has no
        keypoint in an image are left out where there are several individuals. A body part without columns for an
        individual is not known there. The unit of z is ``'unknown'``: the files carry none.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: A ``.h5`` needs h5py.
        ValueError: The header lacks a level, such as the scorer, or columns are missing, unknown or double.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file of keypoints')
    wide = _read_csv(path) if path.suffix.lower() == '.csv' else Wide(*read_frame(path))
    return from_wide(wide, path)


def write_deeplabcut(table: KeypointTable, path: str | os.PathLike) -> None:
    """Write a table as DeepLabCut does.

    Args:
        table: The poses; where an image has several without a name, they become ``individual1`` and so on.
        path: ``.csv`` or ``.h5``.

    Raises:
        ImportError: A ``.h5`` needs pandas and tables.
        ValueError: A ``.h5`` cannot hold a table without poses.
    """
    path, wide = Path(path), to_wide(table)
    if path.suffix.lower() != '.csv' and not wide.rows:
        raise ValueError(f'{path}: a table without poses, one pose at least expected; write it as .csv instead')
    if path.suffix.lower() == '.csv':
        data = _csv_text(wide).encode()
        write_atomically(path, lambda file: file.write(data))
    else:
        write_frame(path, wide.levels, wide.columns, wide.rows, wide.values)


def to_wide(table: KeypointTable) -> Wide:
    """A table in the form of DeepLabCut's files."""
    table = table.named_individuals()
    rows, members = list(dict.fromkeys(table.images)), list(dict.fromkeys(table.individuals)) or ['']
    row_of, place_of = ({item: i for i, item in enumerate(items)} for items in (rows, members))
    several = members != ['']
    coordinates = ('x', 'y', 'z')[:table.dims] + (() if table.scores is None else ('likelihood',))
    cells = table.keypoints if table.scores is None else np.concatenate([table.keypoints, table.scores[..., None]], -1)
    values = np.full((len(rows), table.num_hypotheses, len(members), *cells.shape[2:]), np.nan)
    values[[row_of[image] for image in table.images], :, [place_of[one] for one in table.individuals]] = cells
    columns = [(scorer, *((member,) if several else ()), name, coordinate) for scorer in table.scorers
               for member in members for name in table.names for coordinate in coordinates]
    levels = LEVELS if several else tuple(level for level in LEVELS if level != 'individuals')
    return Wide(levels, columns, rows, values.reshape(len(rows), len(columns)))


def from_wide(wide: Wide, source: str | os.PathLike) -> KeypointTable:
    """A table from the form of DeepLabCut's files.

    Args:
        wide: The file's content.
        source: What messages name.

    Raises:
        ValueError: As :func:`read_deeplabcut`.
    """
    _check_levels(wide.levels, source)
    members_in_columns = 'individuals' in wide.levels
    columns = [column if members_in_columns else (column[0], '', *column[1:]) for column in wide.columns]
    scorers, members, names, coordinates = (tuple(dict.fromkeys(side)) for side in zip(*columns, strict=True))
    coordinates = _check_columns(columns, (scorers, members, names, coordinates), source)
    index = {column: number for number, column in enumerate(columns)}
    unknown = len(columns)  # the number of a column of nan behind the others
    order = [[[[index.get((s, p, n, c), unknown) for c in coordinates] for n in names] for p in members]
             for s in scorers]
    values = np.column_stack([wide.values, np.full(len(wide.rows), np.nan)])
    cells = np.moveaxis(values[:, np.array(order)], 2, 1)  # rows, members, scorers, names, coordinates
    kept = np.ones(cells.shape[:2], bool)
    if len(members) > 1:
        kept = np.isfinite(cells[..., :2]).any(axis=(2, 3, 4))
    row, member = np.nonzero(kept)
    dims = 3 if 'z' in coordinates else 2
    return KeypointTable(
        names=names, images=tuple(wide.rows[i] for i in row), keypoints=cells[row, member][..., :dims],
        scores=cells[row, member][..., dims] if 'likelihood' in coordinates else None,
        individuals=tuple(members[i] for i in member), scorers=scorers, units=UNITS[:dims])


def _check_levels(levels: Sequence[str], source: str | os.PathLike) -> None:
    missing = [level for level in LEVELS if level not in levels and level != 'individuals']
    wanted = tuple(level for level in LEVELS if level in levels)
    if missing or tuple(levels) != wanted:
        raise ValueError(f'{source}: the header has the rows {", ".join(levels) or "none"}; scorer, individuals (with '
                         f'several only), bodyparts, coords expected{": no " + ", ".join(missing) if missing else ""}')


def _check_columns(columns: Sequence[tuple[str, ...]], parts: tuple[tuple[str, ...], ...],
                   source: str | os.PathLike) -> tuple[str, ...]:
    """The coordinates in the order x, y, z, likelihood; each body part that an individual has must have all of them."""
    scorers, _, _, coordinates = parts
    unknown = [name for name in coordinates if name not in COORDINATES]
    if unknown or not {'x', 'y'} <= set(coordinates):
        raise ValueError(f'{source}: the coordinates are {", ".join(coordinates)}; x, y, and z or likelihood expected')
    if '' in scorers:
        raise ValueError(f'{source}: a column has no scorer')
    twice = repeated(columns)
    if twice is not None:
        raise ValueError(f'{source}: the column {" / ".join(twice)} comes twice')
    there = set(columns)
    wanted = {(scorer, member, name, coordinate): None for _, member, name, _ in columns for scorer in scorers
              for coordinate in coordinates}  # in the file's order
    missing = [column for column in wanted if column not in there]
    if missing:
        scorer, member, name, coordinate = missing[0]
        raise ValueError(f'{source}: no column {coordinate} of {name!r} (scorer {scorer!r}'
                         + (f', individual {member!r})' if member else ')'))
    return tuple(name for name in COORDINATES if name in coordinates)


def _read_csv(path: Path) -> Wide:
    try:
        with path.open(newline='', encoding='utf-8-sig') as file:
            lines = list(csv.reader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f'{path}: not a table of text ({error})') from None
    header = [line for line in lines[:len(LEVELS)] if line and line[0] in LEVELS]
    levels = tuple(line[0] for line in header)
    _check_levels(levels, path)
    index_columns = 1  # labels of newer versions have three: folder, video, file
    while index_columns < len(header[0]) and not header[0][index_columns]:
        index_columns += 1
    columns = list(zip(*(line[index_columns:] for line in header), strict=False))
    if not columns or {len(line) for line in header} != {index_columns + len(columns)}:
        raise ValueError(f'{path}: rows of the header have {", ".join(str(len(line)) for line in header)} cells; '
                         'equally many, and one column at least, expected')
    body = [line for line in lines[len(header):] if line]
    values = np.full((len(body), len(columns)), np.nan)
    for row, line in enumerate(body):
        values[row] = _numbers(line, index_columns, len(columns), f'{path}, line {len(header) + row + 1}')
    rows = ['/'.join(cell for cell in line[:index_columns] if cell) for line in body]
    return Wide(levels, columns, rows, values)


def _numbers(line: Sequence[str], index_columns: int, count: int, where: str) -> list[float]:
    cells = line[index_columns:]
    if len(cells) != count:
        raise ValueError(f'{where}: {count} numbers expected, {len(cells)} cells found')
    try:
        return [float(cell) if cell.strip() else np.nan for cell in cells]
    except ValueError as error:
        raise ValueError(f'{where}: {error}') from None


def _csv_text(wide: Wide) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    for level, names in zip(wide.levels, zip(*wide.columns, strict=True), strict=True):
        writer.writerow([level, *names])
    for row, values in zip(wide.rows, wide.values.tolist(), strict=True):
        writer.writerow([row, *('' if value != value else repr(value) for value in values)])
    return text.getvalue()
