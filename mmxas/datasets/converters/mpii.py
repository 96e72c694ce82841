"""Convert the official annotations of MPII (a mat file) to the json of mmpose's layout."""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat
from tqdm import tqdm

from mmxas.io import check_mat

from .frames import UnreadableFileError, write_if_changed

NUM_KEYPOINTS = 16
HEAD = ('x1', 'y1', 'x2', 'y2')


def convert(mat: str | Path, out: str | Path, val_list: str | Path | None = None) -> dict[str, int]:
    """Write all people with annotated keypoints; a second run changes nothing.

    The official file has no validation set. Papers use the list of images by Tompson et al., which is for example in
    mmpose's ``mpii_val.json``.

    Args:
        mat: ``mpii_human_pose_v1_u12_1.mat``.
        out: Folder that ``annotations/mpii_*.json`` are written to.
        val_list: The images of the validation set: a text file with one name per line, or a json file in mmpose's
            layout. Defaults to None: only ``mpii_trainval.json`` is written, with all people.

    Returns:
        Number of people in ``'trainval'`` and, with ``val_list``, in ``'train'`` and ``'val'``.

    Raises:
        UnreadableFileError: A file is missing, or not a mat file.
        ValueError: The mat file has another structure, or contains none of the listed images.
    """
    entries = read_annotations(mat)
    splits = {'trainval': entries}
    if val_list is not None:
        chosen = read_image_list(val_list)
        splits['train'] = [entry for entry in entries if entry['image'] not in chosen]
        splits['val'] = [entry for entry in entries if entry['image'] in chosen]
        if not splits['val']:
            raise ValueError(f'{val_list}: none of its {len(chosen)} images is annotated in {mat}; expected names such '
                             f'as {entries[0]["image"]}')
    for split, content in splits.items():
        write_if_changed(Path(out) / 'annotations' / f'mpii_{split}.json', (json.dumps(content) + '\n').encode())
    return {split: len(content) for split, content in splits.items()}


def read_image_list(path: str | Path) -> set[str]:
    """Read names of images from a text file or a json file in mmpose's layout.

    Raises:
        UnreadableFileError: There is no such file.
    """
    path = Path(path)
    if not path.is_file():
        raise UnreadableFileError(f'{path}: no such list of images')
    text = path.read_text(encoding='utf-8')
    if path.suffix == '.json':
        return {entry['image'] for entry in json.loads(text)}
    return set(text.split())


def read_annotations(path: str | Path) -> list[dict[str, Any]]:
    """Read the people in the official file with keypoints, a centre and a scale.

    Pixel coordinates are not changed: they count from 1. ``joints_vis`` is 1 for each annotated keypoint, hidden ones
    included.

    Args:
        path: The mat file.

    Raises:
        UnreadableFileError: The file is missing, or not a mat file.
        ValueError: The file has another structure, or no annotated keypoints.
    """
    path = Path(path)
    if not path.is_file():
        raise UnreadableFileError(f'{path}: no such file; expected mpii_human_pose_v1_u12_1.mat')
    try:
        check_mat(path)
        content = loadmat(path, squeeze_me=True, struct_as_record=False, variable_names=['RELEASE'])
    except Exception as error:  # a broken mat file may raise nearly anything
        raise UnreadableFileError(f'{path}: cannot be read as a mat file ({type(error).__name__}: {error}); copy or '
                                  'download it again') from error
    release = content.get('RELEASE')
    missing = [name for name in ('annolist', 'img_train') if not hasattr(release, name)]
    if missing:
        raise ValueError(f'{path}: no {", ".join(missing)} in RELEASE; expected the official file of MPII')
    annotated = [image for image, train in zip(_each(release.annolist), np.ravel(release.img_train)) if train]
    entries = [entry for image in tqdm(annotated, desc='mpii', unit='image')
               for body in _each(getattr(image, 'annorect', ())) for entry in _entry(str(image.image.name), body)]
    if not entries:
        raise ValueError(f'{path}: no keypoints are annotated in its {len(annotated)} training images')
    return entries


def _entry(name: str, body: Any) -> Iterator[dict[str, Any]]:
    """Yield the entry of one body in an image, if it is annotated."""
    points = list(_each(getattr(getattr(body, 'annopoints', None), 'point', ())))
    scale, place = getattr(body, 'scale', ()), getattr(body, 'objpos', None)
    if not points or not np.size(scale) or not hasattr(place, 'x') or not all(hasattr(body, key) for key in HEAD):
        return
    joints, annotated = [[-1.0, -1.0] for _ in range(NUM_KEYPOINTS)], [0] * NUM_KEYPOINTS
    for point in points:
        joints[int(point.id)], annotated[int(point.id)] = [float(point.x), float(point.y)], 1
    yield {'image': name, 'center': [float(place.x), float(place.y)], 'scale': float(scale), 'joints': joints,
           'joints_vis': annotated, 'headbox': [float(getattr(body, key)) for key in HEAD]}


def _each(value: Any) -> np.ndarray:
    """Return a struct array as a flat array, also with one member or none."""
    return np.ravel(np.asarray(value, dtype=object))
