"""Decode videos to image files; write files atomically, and only if their content changed."""
from __future__ import annotations

import io
import pickle
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmxas.io import iterate_video, open_arrays
from mmxas.io.atomic_writes import write_atomically
from mmxas.io.images import UnreadableImageError

QUALITY = 95


class UnreadableFileError(OSError):
    """A file of an archive is missing, broken, or has another format."""


def read_frames(video: str | Path, step: int = 1) -> Iterator[tuple[int, np.ndarray]]:
    """Decode every ``step``-th frame of a video in order.

    Args:
        video: The file.
        step: 1 for all frames. Defaults to 1.

    Yields:
        The frame's index, from 0, and the image (h, w, 3) uint8 BGR.

    Raises:
        UnreadableFileError: The file does not exist, is not a video, or is truncated (raised after its last frame).
        ValueError: ``step`` is less than 1.
    """
    try:
        yield from iterate_video(video, step, 'bgr24')
    except UnreadableImageError as error:
        raise UnreadableFileError(str(error)) from error


def read_together(videos: Sequence[str | Path], step: int = 1) -> Iterator[tuple[tuple[int, np.ndarray], ...]]:
    """Decode every ``step``-th frame of synchronised videos.

    Args:
        videos: The files.
        step: 1 for all frames. Defaults to 1.

    Yields:
        What :func:`read_frames` yields, for each video.

    Raises:
        UnreadableFileError: As in :func:`read_frames`, or the videos differ in length.
    """
    for frames in zip_longest(*(read_frames(video, step) for video in videos)):
        short = [str(video) for video, frame in zip(videos, frames, strict=True) if frame is None]
        if short:
            index = next(frame[0] for frame in frames if frame is not None)
            raise UnreadableFileError(f'{", ".join(short)}: ends before frame {index}, which the other videos of the '
                                      'same camera have; copy or download it again')
        yield frames


def write_image(path: Path, image: np.ndarray) -> None:
    """Write an image (h, w, 3) or (h, w) uint8 in the format of the suffix; an existing file is kept."""
    if not path.is_file():
        options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY] if path.suffix == '.jpg' else []  # OpenCV 5 warns of others'
        data = cv2.imencode(path.suffix, image, options)[1].tobytes()
        write_atomically(path, lambda file: file.write(data))


def write_if_changed(path: Path, data: bytes) -> bool:
    """Write ``data`` unless the file already holds it; return whether it was written."""
    if path.is_file() and path.read_bytes() == data:
        return False
    write_atomically(path, lambda file: file.write(data))
    return True


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> bool:
    """Write an npz file of plain arrays, equal bytes for equal arrays; return whether the file changed."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return write_if_changed(path, buffer.getvalue())


def replace_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> bool:
    """Write an npz file as :func:`write_arrays`; raise if frames or columns would be lost.

    Args:
        path: The file.
        arrays: The arrays, including ``imgname`` (n,).

    Returns:
        Whether the file changed.

    Raises:
        ValueError: The existing file has images or columns that ``arrays`` lack.
    """
    if path.is_file():
        try:
            with open_arrays(path) as content:
                lost = sorted(set(content['imgname'].tolist()) - set(arrays['imgname'].tolist()))
                columns = sorted(set(content) - set(arrays))
        except Exception:  # a broken archive may raise nearly anything, and holds nothing to keep
            lost = columns = []
        if lost:
            raise ValueError(f'{path}: not replaced, it has {len(lost)} frames that this run lacks, such as {lost[0]}, '
                             'of other subjects or cameras or another step; choose another output folder, convert '
                             'these as well, or remove the file')
        if columns:
            raise ValueError(f'{path}: not replaced, it has the columns {", ".join(columns)}, which this run lacks; '
                             'convert with the options of the first run, choose another output folder, or remove the '
                             'file')
    return write_arrays(path, arrays)


def write_pickle(path: Path, content: Any) -> bool:
    """Write a pickle, the camera format of mmpose's layouts; return whether the file changed."""
    return write_if_changed(path, pickle.dumps(content, protocol=4))
