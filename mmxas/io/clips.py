"""Read the frames of a clip in order, from a video file or from images."""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .image_folders import IMAGE_SUFFIXES, VIDEOS, find_images, natural_key
from .images import image_size, read_image
from .video import VideoReader, frame_rate, timed_frames


class Frame(NamedTuple):
    """One frame of a clip.

    Attributes:
        index: Its number, from 0.
        time: Seconds after the first frame.
        image: (h, w, 3) uint8 BGR.
        name: For messages and tables: ``clip.mp4:7``, or the image's file name.
    """

    index: int
    time: float
    image: np.ndarray
    name: str


@dataclass(frozen=True)
class Clip:
    """A clip on disk; each call of :meth:`frames` decodes it again. See :func:`open_clip`.

    Attributes:
        source: The video file, or the folder or pattern of the images.
        shape: (h, w) of the frames.
        rate: Frames per second.
        names: Name of each frame.
        images: The images of the frames; none for a video file.
    """

    source: Path
    shape: tuple[int, int]
    rate: float
    names: tuple[str, ...]
    images: tuple[Path, ...] = ()

    def __len__(self) -> int:
        """Number of frames that the file declares."""
        return len(self.names)

    def frames(self, start: int = 0) -> Iterator[Frame]:
        """Yield the frames from number ``start`` on.

        Raises:
            UnreadableImageError: A frame cannot be read, or the file has changed since it was opened.
        """
        if self.images:
            for index in range(start, len(self.images)):
                yield Frame(index, index / self.rate, read_image(self.images[index]), self.names[index])
            return
        for index, time, image in timed_frames(self.source, start, 'bgr24'):
            yield Frame(index, time, image, f'{self.source.name}:{index}')


def open_clip(source: str | Path, rate: float = 30.0) -> Clip:
    """Open a video file, a folder of frames, or a pattern such as ``'frames/*.png'``.

    Args:
        source: The file, the folder (images directly inside it, in natural order), or the pattern.
        rate: Frames per second of a folder or pattern. Defaults to 30; a video file has its own rate.

    Raises:
        FileNotFoundError: There is no such file or folder, or no image.
        UnreadableImageError: The video is truncated, has no frame, or FFmpeg does not know its codec; or an image
            cannot be read.
        ValueError: The images differ in size; the message names the first that does.
    """
    path = Path(source)
    if path.is_file() and path.suffix.lower() in VIDEOS:
        reader = VideoReader(path)
        return Clip(path, reader.shape, frame_rate(path), tuple(f'{path.name}:{i}' for i in range(len(reader))))
    images = find_images(path, below=False) if path.is_dir() else _matching(path)
    shape = image_size(images[0])
    for number, image in enumerate(images):
        size = image_size(image)
        if size != shape:
            raise ValueError(f'{image}: frame {number} is {size[1]} x {size[0]} px, but those before are {shape[1]} x '
                             f'{shape[0]} px; the frames of one video have one size: resize them, or run without '
                             '--video')
    return Clip(path, shape, rate, tuple(image.name for image in images), tuple(images))


def number_frames(images: Iterable[np.ndarray], rate: float) -> Iterator[Frame]:
    """Yield images from any source, such as a camera, as numbered frames.

    Args:
        images: (h, w, 3) uint8 BGR each, all of one size.
        rate: Frames per second.

    Raises:
        ValueError: An image is not (h, w, 3) of uint8, or has another size than the first; the message has its number.
    """
    shape = None
    for index, image in enumerate(images):
        shape = shape or image.shape
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.shape != shape:
            raise ValueError(f'frame {index}: an image {shape if len(shape) == 3 else "(h, w, 3)"} of uint8 expected, '
                             f'found shape {image.shape} of {image.dtype}')
        yield Frame(index, index / rate, image, f'{index:06d}')


def _matching(pattern: Path) -> list[Path]:
    """Return the images that match a pattern, in natural order."""
    found = sorted((path for path in pattern.parent.glob(pattern.name)
                    if path.suffix.lower() in IMAGE_SUFFIXES), key=natural_key)
    if not found:
        raise FileNotFoundError(f'{pattern}: no image matches; expected a video, a folder of frames, or a pattern such '
                                "as 'frames/*.png'")
    return found
