"""Inputs of an inferencer: images by path or in memory, folders, videos, and boxes."""
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmxas.datasets.transforms import read_image
from mmxas.io import VIDEOS, VideoReader
from mmxas.io.boxes import match_bodies
from mmxas.io.image_folders import find_images


@dataclass(frozen=True)
class ImageInput:
    """One input image.

    Attributes:
        name: Name of the results, unique among the inputs, without suffix.
        path: The file, or None; frame 7 of a video is ``clip.mp4:7``.
        pixels: (h, w, 3) uint8 BGR, or None for a file.
        video: The video that the image is a frame of, or None.
        frame: Number of the frame in the video.
    """

    name: str
    path: str | None = None
    pixels: np.ndarray | None = None
    video: VideoReader | None = None
    frame: int = -1

    @property
    def label(self) -> str:
        """Name for messages: the file, the frame of a video, or the number of an array."""
        return self.path or self.name

    def load(self) -> np.ndarray:
        """Return the image, (h, w, 3) uint8 BGR.

        Raises:
            UnreadableImageError: The file is missing, truncated or not an image.
            ValueError: The array is not an image.
        """
        if self.video is not None:
            return self.video.read(self.frame, 'bgr24')
        if self.pixels is None:
            return read_image(self.path)
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or self.pixels.dtype != np.uint8:
            raise ValueError(f'{self.name}: an image (h, w, 3) of uint8 expected, found shape {self.pixels.shape} of '
                             f'{self.pixels.dtype}')
        return self.pixels


def list_images(folder: str | Path) -> list[str]:
    """Return the image files directly inside a folder, by :func:`~mmxas.io.image_folders.find_images`.

    Raises:
        FileNotFoundError: There are none.
    """
    return [str(path) for path in find_images(folder, below=False) if path.is_file()]


def as_image_inputs(inputs: str | Path | np.ndarray | Sequence) -> list[ImageInput]:
    """Convert any supported input to a list of images.

    Args:
        inputs: A file, a video, a folder, an array (h, w, 3) BGR, or a sequence of files and arrays.

    Returns:
        One entry per image, or per frame of a video; results of a frame are named like ``clip_000007``.

    Raises:
        FileNotFoundError: A folder has no images.
        UnreadableImageError: A video cannot be read.
        ValueError: The sequence is empty.
        TypeError: An entry is neither path nor array.
    """
    if isinstance(inputs, str | Path):
        inputs = list_images(inputs) if Path(inputs).is_dir() else [inputs]
    elif isinstance(inputs, np.ndarray):
        inputs = [inputs]
    entries = list(inputs)
    if not entries:
        raise ValueError('inputs: at least one image expected, found none')
    names = _result_names(entries)
    return [image for name, entry in zip(names, entries, strict=True) for image in _images_of(name, entry)]


def is_video(path: str | Path) -> bool:
    """Return whether a file's name is that of a video."""
    return Path(path).suffix.lower() in VIDEOS


def _images_of(name: str, entry: str | Path | np.ndarray) -> list[ImageInput]:
    if isinstance(entry, np.ndarray):
        return [ImageInput(name, pixels=entry)]
    if not is_video(entry):
        return [ImageInput(name, path=str(entry))]
    video = VideoReader(entry)
    return [ImageInput(f'{name}_{i:06d}', f'{entry}:{i}', video=video, frame=i) for i in range(len(video))]


def _result_names(entries: Sequence) -> list[str]:
    """Return each file's stem, its full name if stems collide, its number for an array or a further collision."""
    for entry in entries:
        if not isinstance(entry, str | Path | np.ndarray):
            raise TypeError(f'inputs: paths and arrays expected, found {type(entry).__name__}')
    stems = [f'{number:06d}' if isinstance(entry, np.ndarray) else Path(entry).stem
             for number, entry in enumerate(entries)]
    names = [stem if stems.count(stem) == 1 or isinstance(entry, np.ndarray) else Path(entry).name
             for stem, entry in zip(stems, entries, strict=True)]
    return [name if names.count(name) == 1 else f'{number:06d}_{name}' for number, name in enumerate(names)]


def boxes_by_image(boxes: Sequence | np.ndarray | Mapping | str | Path | None,
                   images: Sequence[ImageInput]) -> list[np.ndarray | None]:
    """Assign the caller's boxes to the images.

    Args:
        boxes: None if unknown. For a single image: one box (4,) or several (N, 4). For several images: a sequence with
            one such entry (or None) per image, or ``{file: boxes}``, where a missing file stands for None and ``[]``
            for an image without a body; the files as in :func:`~mmxas.io.boxes.match_boxes`. Or the path of a JSON
            file with such a dict. A box is x0, y0, x1, y1 in image px on pixel edges.
        images: The images.

    Returns:
        (N, 4) float32 or None per image; N is 0 for an image without a body.

    Raises:
        ValueError: The numbers of entries and images differ, a file matches none or several of the images, or a box
            has no area.
    """
    if boxes is None:
        return [None] * len(images)
    named = isinstance(boxes, Mapping | str | Path)
    if named:
        names = _names_in_folder(images)
        bodies = match_bodies(boxes, names)
        entries = [list(bodies[name].values()) if name in bodies else None for name in names]
    else:
        entries = [boxes] if len(images) == 1 and not _is_nested(boxes) else list(boxes)
    if len(entries) != len(images):
        raise ValueError(f'boxes: one entry per image expected, found {len(entries)} for {len(images)} images')
    return [None if entry is None else np.empty((0, 4), np.float32) if named and entry == []
            else check_boxes(entry, image.label) for entry, image in zip(entries, images, strict=True)]


def check_boxes(boxes: Sequence | np.ndarray, name: str) -> np.ndarray:
    """Return the boxes of one image as (N, 4) float32.

    Raises:
        ValueError: The shape is not (4,) or (N, 4), or a box has no area.
    """
    try:
        found = np.atleast_2d(np.asarray(boxes, dtype=np.float32))
    except (TypeError, ValueError) as error:
        raise ValueError(f'{name}: boxes are numbers x0, y0, x1, y1, found {boxes}') from error
    if found.ndim != 2 or found.shape[1] != 4 or len(found) == 0:
        raise ValueError(f'{name}: boxes (N, 4) of x0, y0, x1, y1 expected, found shape {found.shape}')
    for box in found:
        if not (np.isfinite(box).all() and box[2] > box[0] and box[3] > box[1]):
            raise ValueError(f'{name}: box {box.tolist()} has no area; x0, y0, x1, y1 with x0 < x1, y0 < y1 expected')
    return found


def _names_in_folder(images: Sequence[ImageInput]) -> list[str]:
    """Return the files' paths relative to their common folder, with ``/`` as separator; for arrays, their names."""
    paths = {image.path: Path(image.path).absolute() for image in images if image.path}
    root = os.path.commonpath([path.parent for path in paths.values()]) if paths else ''
    return [paths[image.path].relative_to(root).as_posix() if image.path else image.name for image in images]


def _is_nested(boxes: Sequence | np.ndarray) -> bool:
    """Return whether boxes are one list of boxes per image: [[[x0, y0, x1, y1], ...]]."""
    first = boxes[0] if len(boxes) else None
    return first is None or (np.ndim(first) == 2)
