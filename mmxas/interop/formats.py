"""Which file is read and written by what."""
import tempfile
from dataclasses import replace
from pathlib import Path

from mmxas.io import named_when_broken, read_json
from mmxas.io.atomic_writes import write_whole
from mmxas.io.images import find_size

from .coco import read_coco, write_coco
from .deeplabcut import read_deeplabcut, write_deeplabcut
from .keypoint_table import KeypointTable
from .prediction_records import read_predictions
from .sleap import read_sleap, write_sleap

SUFFIXES = '.csv and .h5 (DeepLabCut), .json (COCO), .slp (SLEAP)'
DEEPLABCUT, COCO, SLEAP = (read_deeplabcut, write_deeplabcut), (read_coco, write_coco), (read_sleap, write_sleap)
FORMATS = {'.csv': DEEPLABCUT, '.h5': DEEPLABCUT, '.hdf5': DEEPLABCUT, '.json': COCO, '.slp': SLEAP}


def read_keypoints(path: str | Path, scorer: str = 'mmxas', table: str | None = None) -> KeypointTable:
    """Read keypoints of any format that is known here.

    Args:
        path: ``.csv`` or ``.h5`` of DeepLabCut, ``.slp`` of SLEAP, COCO's ``.json``, or what tools/infer.py writes: a
            ``.json`` or a folder of them.
        scorer: Who gives the hypotheses of tools/infer.py. Defaults to ``'mmxas'``.
        table: Which table of a ``.h5`` that holds several; of no other file. Defaults to None: the only one.

    Returns:
        KeypointTable: Sizes that the file does not hold are those of the images, where these lie as they are named in
        the working directory, in the folder of the file, or one or two folders above.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: The format needs a package that is not installed.
        ValueError: The file's name or content is of no such format.
    """
    path, suffix = Path(path), Path(path).suffix.lower()
    if table is not None and suffix not in ('.h5', '.hdf5'):
        raise ValueError(f'--table {table} (table=): only a .h5 holds several tables, {path} does not')
    if path.is_dir() or (suffix == '.json' and 'instances' in read_json(path)):
        found = read_predictions(path, scorer)
    elif suffix in FORMATS:
        found = FORMATS[suffix][0](path, **({} if table is None else {'table': table}))
    else:
        raise ValueError(f'{path}: {SUFFIXES} expected')
    folders = (Path(), *path.absolute().parents[:3])
    return replace(found, sizes={image: size or find_size(image, folders) for image, size in found.sizes.items()})


def write_keypoints(table: KeypointTable, path: str | Path) -> None:
    """Write keypoints in the format of a file's name, whole or not at all.

    Args:
        table: The poses.
        path: ``.csv`` or ``.h5`` for DeepLabCut, ``.json`` for COCO, ``.slp`` for SLEAP.

    Raises:
        ImportError: The format needs a package that is not installed.
        ValueError: The name is of no such format, or the format cannot hold the table.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise ValueError(f'{path}: a name that ends in {SUFFIXES} expected')
    with tempfile.TemporaryDirectory() as folder, named_when_broken(path, 'cannot be written', 'choose another format'):
        part = Path(folder, f'part{suffix}')
        FORMATS[suffix][1](table, part)
        write_whole(path, part.read_bytes())
