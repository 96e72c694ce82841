"""Read and write keypoint files; the format follows from the file's suffix."""
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
    """Read keypoints of any supported format.

    Args:
        path: ``.csv`` or ``.h5`` of DeepLabCut, ``.slp`` of SLEAP, COCO's ``.json``, or predictions of
            ``tools/infer.py``: a ``.json`` or a folder of them.
        scorer: Name of the scorer for predictions of ``tools/infer.py``. Defaults to ``'mmxas'``.
        table: Name of the table, only for a ``.h5`` file with several. Defaults to None: the only one.

    Returns:
        Image sizes that the file lacks are read from the images, if these are found by their names in
        the working directory, the folder of the file, or one or two folders above.

    Raises:
        FileNotFoundError: The file does not exist.
        ImportError: The format needs a package that is not installed.
        ValueError: The suffix is unknown, or the content has another format.
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
    """Write keypoints atomically, in the format given by the file's suffix.

    Args:
        table: The poses.
        path: ``.csv`` or ``.h5`` for DeepLabCut, ``.json`` for COCO, ``.slp`` for SLEAP.

    Raises:
        ImportError: The format needs a package that is not installed.
        ValueError: The suffix is unknown, or the format cannot hold the table.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise ValueError(f'{path}: a name that ends in {SUFFIXES} expected')
    with tempfile.TemporaryDirectory() as folder, named_when_broken(path, 'cannot be written', 'choose another format'):
        part = Path(folder, f'part{suffix}')
        FORMATS[suffix][1](table, part)
        write_whole(path, part.read_bytes())
