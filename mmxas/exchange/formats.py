"""Which file is read and written by what."""
from __future__ import annotations

import os
from pathlib import Path

from mmxas.safe_files import read_json

from .coco import read_coco, write_coco
from .deeplabcut import read_deeplabcut, write_deeplabcut
from .keypoint_table import KeypointTable
from .prediction_records import read_predictions
from .sleap import read_sleap, write_sleap

_SUFFIXES = ('.csv and .h5 (DeepLabCut), .json (COCO), .slp (SLEAP)')


def read_keypoints(path: str | os.PathLike, scorer: str = 'mmxas') -> KeypointTable:
    """Read keypoints of any format that is known here.

    Args:
        path: ``.csv`` or ``.h5`` of DeepLabCut, ``.slp`` of SLEAP, COCO's ``.json``, or what tools/infer.py writes: a
            ``.json`` or a folder of them.
        scorer: Who gives the hypotheses of tools/infer.py. Defaults to ``'mmxas'``.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: The format needs a package that is not installed.
        ValueError: The file's name or content is of no such format.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if not path.exists():
        raise FileNotFoundError(f'{path}: no such file of keypoints')
    if suffix in ('.csv', '.h5', '.hdf5'):
        return read_deeplabcut(path)
    if suffix == '.slp':
        return read_sleap(path)
    if path.is_dir() or (suffix == '.json' and 'instances' in read_json(path)):
        return read_predictions(path, scorer)
    if suffix == '.json':
        return read_coco(path)
    raise ValueError(f'{path}: {_SUFFIXES} expected')


def write_keypoints(table: KeypointTable, path: str | os.PathLike) -> None:
    """Write keypoints in the format of a file's name, whole or not at all.

    Args:
        table: The poses.
        path: ``.csv`` or ``.h5`` for DeepLabCut, ``.json`` for COCO, ``.slp`` for SLEAP.

    Raises:
        ImportError: The format needs a package that is not installed.
        ValueError: The name is of no such format, or the format cannot hold the table.
    """
    suffix = Path(path).suffix.lower()
    writers = {'.csv': write_deeplabcut, '.h5': write_deeplabcut, '.json': write_coco, '.slp': write_sleap}
    if suffix not in writers:
        raise ValueError(f'{path}: a name that ends in {_SUFFIXES} expected')
    writers[suffix](table, path)
