"""Read and write DeepLabCut's tables: rows are images, columns are scorer, individual, body part and coordinate.

A pose with several hypotheses has one scorer per hypothesis, the top-1 pose first. Shapes: N poses, H hypotheses, K
keypoints, D coordinates; R rows, C columns of the file.
"""
from itertools import product
from pathlib import Path

import numpy as np

from mmxas.compat.optional_packages import import_packages
from mmxas.io import check_hdf, named_when_broken, require_file

from .keypoint_table import KeypointTable, repeated

LEVELS = ('scorer', 'individuals', 'bodyparts', 'coords')
COORDINATES = ('x', 'y', 'z', 'likelihood')


def read_deeplabcut(path: str | Path, table: str | None = None) -> KeypointTable:
    """Read labels or predictions of DeepLabCut for one or several individuals, in 2D or 3D.

    Args:
        path: ``.csv`` or ``.h5``.
        table: Name of the table, for a ``.h5`` file with several. Defaults to None: the only one.

    Returns:
        Several scorers become hypotheses, in the file's order. An individual without any keypoint in an
        image has no pose there; ``sizes`` lists every image. A body part without columns for an individual is unknown.
        The unit of z is ``'unknown'``, because the files do not store it.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: A ``.h5`` needs h5py, pandas and tables.
        UnsafeFileError: The labels of a ``.h5`` file refer to Python objects; none of it was executed.
        ValueError: The header lacks a level, such as the scorer; columns are missing, unknown or duplicate; a row is
            not numeric or duplicate; or a ``.h5`` file holds several tables and none is chosen.
    """
    path = require_file(path)
    levels, columns, rows, values = _read_csv(path) if path.suffix.lower() == '.csv' else _read_hdf(path, table)
    if levels not in (LEVELS, (LEVELS[0], *LEVELS[2:])):
        raise ValueError(f'{path}: header rows {levels}, expected {LEVELS} (individuals only if several)')
    columns = columns if 'individuals' in levels else [(scorer, '', *rest) for scorer, *rest in columns]
    scorers, members, names, coordinates = (tuple(dict.fromkeys(parts)) for parts in zip(*columns, strict=True))
    if '' in scorers or not {'x', 'y'} <= set(coordinates) <= set(COORDINATES):
        raise ValueError(f'{path}: has the scorers {scorers} and coordinates {coordinates}, expected {COORDINATES}')
    coordinates = tuple(name for name in COORDINATES if name in coordinates)
    parts = {column[1:3] for column in columns}
    bodies = {who: tuple(name for name in names if (who, name) in parts) for who in members}
    every, place = list(product(scorers, members, names, coordinates)), {name: n for n, name in enumerate(columns)}
    missing = [column for column in every if column[1:3] in parts and column not in place]
    if wrong := missing[:1] or [name for name in (repeated(columns), repeated(rows)) if name is not None]:
        raise ValueError(f'{path}: the column or row {wrong[0]!r} is missing, or comes twice')
    # Missing columns refer to the last one, which is nan.
    cells = np.insert(values, len(columns), np.nan, axis=1)[:, [place.get(column, -1) for column in every]]
    cells = np.moveaxis(cells.reshape(len(rows), *map(len, (scorers, members, names, coordinates))), 2, 1)
    row, member = np.nonzero(np.isfinite(cells[..., :2]).any(axis=(2, 3, 4)))
    cells, dims = cells[row, member], 2 + ('z' in coordinates)
    return KeypointTable(
        names, tuple(rows[number] for number in row), cells[..., :dims],
        cells[..., dims] if 'likelihood' in coordinates else None, tuple(members[number] for number in member), scorers,
        units=('px', 'px', 'unknown')[:dims], sizes=dict.fromkeys(rows), bodies={} if members == ('',) else bodies)


def write_deeplabcut(table: KeypointTable, path: str | Path) -> None:
    """Write a table in DeepLabCut's format.

    Rows of a ``.h5`` file with numeric names, such as frames of a video, become numbers.

    Args:
        table: The poses; if an image has several unnamed ones, they are called ``individual1`` and so on.
        path: ``.csv`` or ``.h5``.

    Raises:
        ImportError: A ``.h5`` needs pandas and tables.
    """
    table, scored = table.named_individuals(), table.scores is not None
    rows, members = list(table.sizes), list(dict.fromkeys([*table.bodies, *table.individuals])) or ['']
    coordinates = (*'xyz'[:len(table.units)], *['likelihood'] * scored)
    cells = np.concatenate([table.keypoints, *[table.scores[..., None]] * scored], -1) if scored else table.keypoints
    values = np.full((len(rows), len(table.scorers), len(members), *cells.shape[2:]), np.nan)
    place = [{item: number for number, item in enumerate(items)} for items in (rows, members)]
    values[[place[0][image] for image in table.images], :, [place[1][who] for who in table.individuals]] = cells
    columns = list(product(table.scorers, members, table.names, coordinates))
    kept = [name in table.bodies.get(who, table.names) for _, who, name, _ in columns]
    pandas = import_packages(path, 'pandas', 'tables')
    index = [int(row) for row in rows] if all(row.isdecimal() and row == str(int(row)) for row in rows) else rows
    frame = pandas.DataFrame(values.reshape(len(rows), len(columns)), pandas.Index(index, dtype=None if rows else int),
                             pandas.MultiIndex.from_tuples(columns, names=LEVELS)).loc[:, kept]
    frame.columns = frame.columns.droplevel('individuals') if members == [''] else frame.columns
    frame.to_csv(path) if Path(path).suffix.lower() == '.csv' else frame.to_hdf(path, key='df_with_missing', mode='w')


def _read_csv(path: Path) -> tuple:
    """Return names of the levels, C columns, R rows, values (R, C)."""
    pandas = import_packages(path, 'pandas')
    with named_when_broken(path, 'not a comma-separated table', 'export it as one'):
        if ',' not in path.read_text('utf-8-sig').partition('\n')[0]:
            raise ValueError(f'{path}: no comma in its first line; export it with commas, not semicolons or tabs')
        cells = pandas.read_csv(path, header=None, dtype=object, keep_default_na=False, engine='python').to_numpy()
        header = next((number for number, cell in enumerate(cells[:, 0]) if cell not in LEVELS), len(cells))
        start = next((number for number, cell in enumerate(cells[0]) if number and cell), cells.shape[1])
        for number in np.flatnonzero(pandas.isna(cells[:, -1])):
            raise ValueError(f'{path}, line {number + 1}: fewer than {cells.shape[1]} cells')
        values = np.where(cells == '', 'nan', cells)[header:, start:].astype(np.float64)
        rows = ['/'.join(filter(None, row)) for row in cells[header:, :start]]  # newer labels: folder, video, file
        return tuple(cells[:header, 0]), list(map(tuple, cells[:header, start:].T)), rows, values


def _read_hdf(path: Path, table: str | None) -> tuple:
    """Return the same as ``_read_csv``, read by pandas after checking that no pickle in the file imports anything."""
    pandas = import_packages(path, 'pandas', 'tables', 'h5py')
    check_hdf(path)
    with named_when_broken(path, 'not a data frame of numbers as pandas writes it', 'write it as .csv instead'):
        with pandas.HDFStore(path, 'r') as store:
            found = [key.strip('/') for key in store]
            if not found:
                raise ValueError(f'{path}: no data frame of pandas in it; if it is SLEAP\'s analysis file, export .slp')
            if (table or len(found) > 1) and table not in found:
                rows = {name: f'{len(store[name])} rows' for name in found}
                raise ValueError(f'{path}: holds the tables {rows}; name the one to read (table=, --table)')
            frame = store[table or found[0]]
        columns, rows = ([tuple(map(str, one if isinstance(one, tuple) else (one,))) for one in axis]
                         for axis in (frame.columns, frame.index))
        return tuple(map(str, frame.columns.names)), columns, list(map('/'.join, rows)), frame.to_numpy(np.float64)
