"""Select the images of a folder or a video that an adaptation can use."""
from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from mmxas.io import read_json
from mmxas.io.atomic_writes import write_whole
from mmxas.io.bodies import body_name, image_of
from mmxas.io.boxes import check_inside
from mmxas.io.images import UnreadableImageError
from mmxas.masks.frames import Frame, list_frames, split_bodies, spread
from mmxas.masks.mask_folder import MaskReport
from mmxas.masks.segmenter import Segmenter
from mmxas.visualization import write_picture

MIN_IMAGES = 16  # the network would memorise fewer
MIN_MOTION = 2.0  # grey levels, see motion()


def gather_images(source: str | Path, limit: int, boxes: Mapping[str, Sequence[float]] | None = None,
                  masks: str | None = None) -> tuple[list[Frame], dict[str, list[float]]]:
    """Return the images to use, one frame per body, and the bodies' boxes.

    Args:
        source: A folder, searched with its subfolders, or a video file.
        limit: Maximum number of images, evenly spread.
        boxes: One box ``{image: [x0, y0, x1, y1]}`` or a list of boxes per image; ``[]`` excludes an image without a
            body. Frame 7 of a video is ``clip.mp4:7``. Keys as in :func:`~mmxas.io.boxes.match_boxes`. Defaults
            to None.
        masks: Folder of existing masks. Defaults to None: masks will be made.

    Raises:
        FileNotFoundError: The folder or video does not exist or has no images.
        ValueError: There are fewer images than ``MIN_IMAGES``, they hardly differ, or a box is invalid, belongs to an
            unknown image, or lies outside its image.
    """
    frames = list_frames(source)
    bodies, boxes = split_bodies(frames, boxes, masks)
    bodies = [frame for frame in bodies if boxes.get(frame.name) != []]
    count = len({image_of(frame.name)[0] for frame in bodies})
    _require_enough(count, f'{source}: {count} images', 'add images')
    frames = spread(bodies, limit)
    for frame in frames:
        with suppress(UnreadableImageError):  # listed in the mask report
            if frame.name in boxes:
                check_inside(boxes[frame.name], frame.name, frame.shape)
    _require_motion(source, spread(frames, 32))
    return frames, {frame.name: list(boxes[frame.name]) for frame in frames if frame.name in boxes}


def write_frames(frames: Sequence[Frame], boxes: Mapping[str, Sequence[float]], folder: Path
                 ) -> tuple[list[Frame], dict[str, list[float]]]:
    """Write frames of a video as images, which training can read in any order.

    Args:
        frames: The frames.
        boxes: ``{frame: [x0, y0, x1, y1]}``.
        folder: Folder for the images, such as ``000007.jpg`` for frame 7; existing files are kept.

    Returns:
        The images, and the boxes by image name.
    """
    named = {}
    for frame in tqdm(frames, desc='frames', unit='img'):
        path = folder / f'{frame.number:06d}.jpg'
        if frame.name in boxes:
            named[body_name(path.name, image_of(frame.name)[1])] = list(boxes[frame.name])
        if not path.is_file():
            write_picture(path, frame.load()[..., ::-1])
    return split_bodies(list_frames(folder), named)


def motion(images: Iterable[np.ndarray]) -> float:
    """Return how much the images differ from each other.

    Args:
        images: Arrays (h, w, 3), uint8 BGR; compared at 64 x 64 px.

    Returns:
        The standard deviation of the grey level (0 to 255) over the images: its 99th percentile over pixels.
    """
    small = [cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (64, 64), interpolation=cv2.INTER_AREA)
             for image in images]
    return float(np.percentile(np.std(np.asarray(small, dtype=np.float32), axis=0), 99))


def find_boxes(frames: Sequence[Frame], segmenter: Segmenter, known: Mapping[str, Sequence[float]], path: Path
               ) -> dict[str, list[float]]:
    """Return the box of each image: the known box, else the largest body found by the segmenter.

    Args:
        frames: The images.
        segmenter: Finds the boxes; if it cannot find boxes, images stay without.
        known: ``{image: [x0, y0, x1, y1]}``, px.
        path: The JSON file that the boxes are written to; a resumed run reads them from it.
    """
    if path.is_file():
        return read_json(path)
    boxes = {name: list(box) for name, box in known.items()}
    for frame in tqdm([frame for frame in frames if frame.name not in boxes], desc='boxes', unit='img'):
        try:
            found = segmenter.find_boxes(frame.load())
        except UnreadableImageError:
            continue  # the report on the masks names it
        if len(found):
            boxes[frame.name] = found[0].tolist()
    write_whole(path, json.dumps(boxes).encode())
    return boxes


def choose_images(frames: Sequence[Frame], report: MaskReport, sheet: Path) -> list[Frame]:
    """Return the images whose masks pass the checks.

    Args:
        frames: All images.
        report: The report on their masks.
        sheet: The contact sheet, named in error messages.

    Raises:
        ValueError: Most masks are bad, or fewer than ``MIN_IMAGES`` are good.
    """
    bad = {**report.wrong, **report.failed}
    good = [frame for frame in frames if frame.name not in bad]
    advice = f'look at {sheet}; give boxes (--boxes), or masks of your own (--masks, see docs/masks.md)'
    if len(bad) > len(good):
        kinds = [problem for problems in report.wrong.values() for problem in problems] + ['failed'] * len(
            report.failed)
        counts = ', '.join(f'{kinds.count(kind)} {kind}' for kind in sorted(set(kinds)))
        raise ValueError(f'{len(bad)} of {len(frames)} masks are bad ({counts}): {advice}')
    _require_enough(len(good), f'{len(good)} of {len(frames)} images have a good mask', advice)
    return good


def _require_enough(count: int, found: str, advice: str) -> None:
    if count < MIN_IMAGES:
        raise ValueError(f'{found}, at least {MIN_IMAGES} expected: the network would memorise fewer; {advice}')


def _require_motion(source: str | Path, frames: Sequence[Frame]) -> None:
    images = []
    for frame in frames:
        try:
            images.append(frame.load())
        except UnreadableImageError:
            continue  # the report on the masks names it
    level = motion(images) if images else MIN_MOTION
    if level < MIN_MOTION:
        raise ValueError(f'{source}: nothing moves in it, or all images are the same (grey levels differ by '
                         f'{level:.1f} of 255, at least {MIN_MOTION:g} expected): give a video with motion, or photos '
                         'that differ')
