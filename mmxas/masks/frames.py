"""List the images to segment, of a folder or a video, with the names that ``ImageFolderDataset`` uses."""
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mmxas.io import VideoReader
from mmxas.io.bodies import body_mask, body_name, masks_of_images
from mmxas.io.boxes import match_bodies
from mmxas.io.image_folders import find_images, same_name
from mmxas.io.images import image_size, read_image


@dataclass(frozen=True)
class Frame:
    """One image and the path of its mask.

    Attributes:
        name: Path relative to the folder, or ``clip.mp4:7``.
        mask_name: Path relative to the folder of masks.
        source: The image file, or the video.
        number: Index of the frame in the video, -1 for an image.
    """

    name: str
    mask_name: str
    source: Path | VideoReader
    number: int = -1

    def load(self) -> np.ndarray:
        """Return the image, (h, w, 3) uint8 BGR.

        Raises:
            UnreadableImageError: The file is absent, truncated or no image; the message names it.
        """
        return read_image(self.source) if isinstance(self.source, Path) else self.source.read(self.number, 'bgr24')

    @property
    def shape(self) -> tuple[int, int]:
        """Return (h, w) of the image, from the file's header.

        Raises:
            UnreadableImageError: The file is absent, truncated or no image; the message names it.
        """
        return image_size(self.source) if isinstance(self.source, Path) else self.source.shape


class LazyImages(Sequence):
    """Sequence of images that are read on access.

    Args:
        frames: The frames.
    """

    def __init__(self, frames: Sequence[Frame]) -> None:
        self.frames = frames

    def __len__(self) -> int:
        """Number of images."""
        return len(self.frames)

    def __getitem__(self, index: int) -> np.ndarray:
        """Return image ``index``, (h, w, 3) uint8 BGR."""
        return self.frames[index].load()


def list_frames(source: str | Path) -> list[Frame]:
    """List the images below a folder, or the frames of a video, in order.

    Args:
        source: A folder, or a video file.

    Raises:
        FileNotFoundError: The folder or file does not exist, or the folder has no image.
        ValueError: Two images would share a mask, such as ``a.jpg`` and ``a.png``.
    """
    root = Path(source)
    if root.is_file():
        video = VideoReader(root)
        return [Frame(f'{root.name}:{i}', f'{root.stem}/{i:06d}.png', video, i) for i in range(len(video))]
    if not root.is_dir():
        raise FileNotFoundError(f'{root}: no such folder of images, nor a video file')
    frames, taken = [], {}
    for path in find_images(root):
        name = path.relative_to(root)
        mask_name = name.with_suffix('.png').as_posix()
        if mask_name in taken:
            raise ValueError(f'{root}: {taken[mask_name]} and {name} would share the mask {mask_name}; rename one')
        taken[mask_name] = name
        frames.append(Frame(name.as_posix(), mask_name, path))
    return frames


def split_bodies(frames: Sequence[Frame], boxes: Mapping[str, Any] | str | Path | None,
                 masks: str | Path | None = None) -> tuple[list[Frame], dict[str, list]]:
    """List the bodies of images with several boxes or several existing masks.

    Args:
        frames: The images.
        boxes: As in :func:`~mmxas.io.boxes.match_bodies`.
        masks: The folder of existing masks. Defaults to None: there are none.

    Returns:
        One frame per body, named as in :mod:`~mmxas.io.bodies`, and the boxes by these names. An image without a body
        has one frame, and the boxes ``[]``.

    Raises:
        FileNotFoundError: There is no such file of boxes.
        ValueError: A box is invalid, or names an unknown image; the message names it.
    """
    stems = [same_name(Path(frame.mask_name).with_suffix('').as_posix()) for frame in frames]
    known = {} if masks is None else masks_of_images(masks, set(stems))
    given, bodies, named = match_bodies(boxes, [frame.name for frame in frames]), [], {}
    for frame, stem in zip(frames, stems, strict=True):
        box_of, mask_of = given.get(frame.name, {}), known.get(stem, {})
        if frame.name in given and not box_of:
            bodies.append(frame)
            named[frame.name] = []
            continue
        for number in sorted({*box_of, *mask_of}) or [0]:
            mask = body_mask(frame.mask_name, number)
            mask = mask_of[number].relative_to(masks).as_posix() if number in mask_of else mask
            bodies.append(replace(frame, name=body_name(frame.name, number), mask_name=mask))
            if number in box_of:
                named[bodies[-1].name] = box_of[number]
    return bodies, named


def spread(items: Sequence, count: int) -> list:
    """Return at most ``count`` items, evenly spread, starting with the first, in order."""
    step = max(1.0, len(items) / count)
    return [items[int(index * step)] for index in range(min(count, len(items)))]


def group_frames(frames: Sequence[Frame], pattern: str | None = None) -> dict[str, list[Frame]]:
    """Group frames into sequences, one camera per sequence.

    Args:
        frames: In order.
        pattern: A regular expression; its match in a frame's name, or its joined groups if it has any, is the name of
            the sequence. Defaults to None: the folder, or the video.

    Raises:
        ValueError: The pattern is not a valid regular expression, or does not match a name.
    """
    try:
        expression = None if pattern is None else re.compile(pattern)
    except re.error as error:
        raise ValueError(f'sequence pattern {pattern!r}: {error}') from error
    groups: dict[str, list[Frame]] = {}
    for frame in frames:
        if expression is None:
            key = str(Path(frame.name).parent) if frame.number < 0 else frame.name.partition(':')[0]
        else:
            found = expression.search(frame.name)
            if found is None:
                raise ValueError(f'sequence pattern {pattern!r}: not found in {frame.name!r}')
            key = '/'.join(found.groups()) if found.groups() else found[0]
        groups.setdefault(key, []).append(frame)
    return groups
