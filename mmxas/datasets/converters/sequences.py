"""Convert one video with its annotations at a time; a second run resumes, or does nothing.

n: frames of a part, K: keypoints.
"""
from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log
from tqdm import tqdm

from mmxas.datasets.transforms.loading import ON_ERROR
from mmxas.io import open_arrays

from .frames import write_arrays

BOX_PX = 200.0  # `scale` of mmpose's files counts in these
BOX_PADDING = 1.2
Arrays = dict[str, np.ndarray]
Outputs = Callable[[str], Sequence[Path]]


@dataclass(frozen=True)
class Recording:
    """One video with its annotations.

    Attributes:
        name: Name of the part's file.
        make: Writes the images and returns the arrays of the part, including ``imgname`` (n,).
    """

    name: str
    make: Callable[[], Arrays]


def convert_sequences(sequences: Sequence[Recording], parts: Path, outputs: Outputs, on_error: str = 'raise',
                      split: Sequence[str] = ()) -> Arrays:
    """Convert sequences one by one, with a progress bar, and join their arrays.

    A sequence is not converted again if its part is in ``parts`` and all its images exist. An unreadable part is
    treated as missing.

    Args:
        sequences: The sequences to convert, in the order of the result unless ``split`` gives another.
        parts: Folder of the parts.
        outputs: Function from an image name, as in ``imgname``, to the files written for it.
        on_error: ``'raise'``, or ``'skip'``: log, count and leave out a sequence whose files are missing or unreadable.
            Defaults to ``'raise'``.
        split: Names of all sequences of the result, in order, including those converted by earlier runs. Defaults to
            none.

    Returns:
        The arrays of all parts, joined along the first axis.

    Raises:
        OSError: A file is missing or unreadable; the message names it.
        ValueError: Nothing is left, ``on_error`` is unknown, or annotations have the wrong form.
    """
    if on_error not in ON_ERROR:
        raise ValueError(f'on_error={on_error!r}, expected one of {ON_ERROR}')
    done, skipped = {}, []
    for sequence in tqdm(sequences, desc=parts.name, unit='video'):
        arrays = _part_if_whole(parts / f'{sequence.name}.npz', outputs)
        if arrays is None:
            try:
                arrays = sequence.make()
            except OSError as error:
                if on_error == 'raise':
                    raise
                skipped.append(sequence.name)
                print_log(f'{sequence.name} is left out: {error}', 'current', logging.WARNING)
                continue
            write_arrays(parts / f'{sequence.name}.npz', arrays)
        done[sequence.name] = arrays
    if skipped:
        print_log(f'{len(skipped)} of {len(sequences)} videos are left out', 'current', logging.WARNING)
    if not done:
        raise ValueError(f'{parts.parent}: none of {len(sequences)} videos could be converted')
    chosen = {sequence.name for sequence in sequences}
    for name in split:
        arrays = None if name in chosen else _part_if_whole(parts / f'{name}.npz', outputs)
        if arrays is not None:
            done[name] = arrays
    joined = [done[name] for name in dict.fromkeys([*split, *done]) if name in done]
    return {key: np.concatenate([arrays[key] for arrays in joined]) for key in joined[0]}


def _part_if_whole(path: Path, outputs: Outputs) -> Arrays | None:
    try:
        return read_part(path, outputs)
    except Exception as error:  # a broken archive may raise nearly anything
        print_log(f'{path} cannot be read and counts as not converted ({type(error).__name__}: {error})', 'current',
                  logging.WARNING)
        return None


def read_part(path: Path, outputs: Outputs) -> Arrays | None:
    """Return the arrays of a finished part, whose file and images all exist; None otherwise.

    Raises:
        ValueError: The file is not a complete archive of arrays.
    """
    if not path.is_file():
        return None
    with open_arrays(path) as content:
        arrays = dict(content)
    whole = all(file.is_file() for name in arrays['imgname'] for file in outputs(str(name)))
    return arrays if whole else None


def frame_arrays(names: Sequence[str], pixels: np.ndarray, points: np.ndarray, size: Any) -> Arrays:
    """Return the arrays of mmpose's npz files for frames.

    Args:
        names: Names of the images, (n,).
        pixels: Keypoints (n, K, 2) in image px.
        points: Keypoints (n, K, 3) in the camera frame, mm.
        size: (w, h) of the images in px.

    Returns:
        ``imgname`` (n,), ``center`` (n, 2) px and ``scale`` (n,) in 200 px of the keypoints' box, 1.2 times its
        larger side, ``part`` (n, K, 3) px and ``S`` (n, K, 4) in metres; their last column is 1 inside the image and 0
        outside.
    """
    inside = ((pixels >= 0) & (pixels < np.asarray(size))).all(axis=-1, keepdims=True).astype(np.float64)
    low, high = pixels.min(axis=1), pixels.max(axis=1)
    return {
        'imgname': np.array(list(names)), 'center': (low + high) / 2,
        'scale': BOX_PADDING * (high - low).max(axis=-1) / BOX_PX,
        'part': np.concatenate([pixels, inside], axis=-1),
        'S': np.concatenate([points / 1000.0, inside], axis=-1)}
