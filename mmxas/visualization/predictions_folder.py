"""Read the results of ``mmxas infer`` for photos or a video, and make a page of them."""
from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from mmxas.io import VIDEOS, named_when_broken, read_json, require_file
from mmxas.io.image_folders import natural_key

from .page import KIND, MAX_BYTES, PageFrame, write_page

PHOTOS, VIDEO = 'predictions', 'predictions.jsonl'
MAX_FRAMES = 1800  # of a video in one page, unless ``every`` is given: one minute at 30 fps


def write_folder_page(folder: str | Path, path: str | Path | None = None, every: int | None = None,
                      run: str | None = None, max_bytes: int = MAX_BYTES, notice: str = '') -> Path:
    """Write one HTML file with the results in an ``--out-dir`` of ``mmxas infer``.

    Args:
        folder: The folder, or its ``predictions`` or ``predictions.jsonl``.
        path: The file; it is written completely or not at all. Defaults to None: ``poses.html`` in the folder.
        every: Show every n-th photo or frame. Defaults to None: all photos; of a video all frames, or every n-th so
            that at most ``MAX_FRAMES`` remain, with a warning.
        run: As in :func:`read_predictions_folder`.
        max_bytes: As in :func:`~.page.write_page`.
        notice: As in :func:`~.page.write_page`.

    Returns:
        The path.

    Raises:
        FileNotFoundError: The folder has no predictions.
        ValueError: It has predictions of photos and of a video, or an error of :func:`~.page.write_page`.
    """
    source = _find_predictions(Path(folder))
    title, count = 'Poses', 1
    if source.name == VIDEO:
        title = Path(_clip_of(source)).name
        with require_file(source).open('rb') as file:
            count = sum(1 for _ in file)
        if not count:
            raise ValueError(f'{source}: empty; give the --out-dir of a run of mmxas infer that has begun')
        if every is None:
            every = max(1, -(-count // MAX_FRAMES))
            if every > 1:
                warnings.warn(f'{source}: of {count} frames the page shows one in {every}', stacklevel=2)
        count = -(-count // every)
    path = Path(path or source.parent / 'poses.html')
    return write_page(read_predictions_folder(source, every or 1, run), path, title, max_bytes, notice, count)


def read_predictions_folder(folder: str | Path, every: int = 1, run: str | None = None) -> Iterator[PageFrame]:
    """Read the predictions in an ``--out-dir`` of ``mmxas infer``, without the images.

    Args:
        folder: The folder, or its ``predictions`` (photos) or ``predictions.jsonl`` (a video).
        every: Read every n-th photo or frame. Defaults to 1: all.
        run: Only photos of this run (:attr:`mmxas.apis.XASInferencer.run`). Defaults to None: all runs.

    Returns:
        Photos in natural order of their names (2 before 10), or frames of a video in their order.

    Raises:
        FileNotFoundError: There are no predictions.
        ValueError: There are predictions of photos and of a video; or, during iteration, a file or a line is
            not a record. The message names it.
    """
    source = _find_predictions(Path(folder))
    return _read_frames(source, every) if source.name == VIDEO else islice(_read_photos(source, run), 0, None, every)


def _find_predictions(folder: Path) -> Path:
    """Return the folder with one file per photo, or the file with one line per frame."""
    if folder.name == VIDEO and folder.is_file() or folder.name == PHOTOS and any(folder.glob('[!.]*.json')):
        return folder
    found = [part for part in (folder / PHOTOS, folder / VIDEO)
             if part.is_file() or any(part.glob('[!.]*.json'))]
    if not found:
        raise FileNotFoundError(f'{folder}: no {PHOTOS}/*.json and no {VIDEO} there; give the --out-dir of mmxas infer')
    if len(found) > 1:
        raise ValueError(f'{folder}: predictions of photos and of a video; give one of {found[0]} and {found[1]}')
    return found[0]


def _read_photos(folder: Path, run: str | None) -> Iterator[PageFrame]:
    for file in sorted(folder.glob('[!.]*.json'), key=natural_key):
        record = read_json(file, ['skeleton', 'instances', 'image_size'])
        if run in (None, record.get('run')):
            with named_when_broken(file, *KIND):
                image = record.get('image')
                frame = PageFrame(record, image, Path(image).name if image else file.stem, source=str(file))
            yield frame


def _read_frames(file: Path, every: int) -> Iterator[PageFrame]:
    clip = _clip_of(file)
    is_video, images = clip.lower().endswith(VIDEOS), Path(clip) if Path(clip).is_dir() else Path(clip).parent
    with require_file(file).open('rb') as lines:
        for number, line in islice(enumerate(lines, 1), 0, None, every):
            where = f'{file}, line {number}'
            with named_when_broken(where, *KIND):
                record = json.loads(line)
                index, time = int(record['frame']), float(record['time'])
                image = f'{clip}:{index}' if is_video else images / record['image']
                frame = PageFrame(record, image, f'frame {index}', time, where)
            yield frame


def _clip_of(file: Path) -> str:
    """Return the path of the video, or the folder or pattern of its frames."""
    return str(read_json(file.with_name('video.json'), ['source'])['source'])
