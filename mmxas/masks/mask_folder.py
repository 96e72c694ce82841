"""Generate and check a folder of masks for a folder of images; each mask is written atomically."""
from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from mmxas.io import read_mask
from mmxas.io.atomic_writes import write_atomically
from mmxas.io.boxes import match_boxes
from mmxas.io.image_folders import find_images, same_name
from mmxas.io.images import UnreadableImageError, image_size
from mmxas.processes import component_modules, run_in_processes
from mmxas.registry import SEGMENTERS

from .frames import Frame, LazyImages, group_frames
from .mask_checks import MaskLimits, mask_iou, mask_problems, read_with_doubts
from .segmenter import Segmenter

META = 'meta.json'
CHUNK = 16  # images per task of a worker
Boxes = Mapping[str, Sequence]


@dataclass
class MaskReport:
    """Result of a run.

    Attributes:
        total: Number of images.
        made: Number of masks made in this run.
        kept: Number of masks that already existed.
        failed: ``{image: reason}`` for images that could not be read or segmented.
        wrong: ``{image: problems}`` for suspicious masks.
        iou: ``{image: IoU}`` with ground-truth masks, if given.
    """

    total: int = 0
    made: int = 0
    kept: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, list[str]] = field(default_factory=dict)
    iou: dict[str, float] = field(default_factory=dict)

    @property
    def mean_iou(self) -> float | None:
        """Return the mean IoU with the ground-truth masks; None without any."""
        return float(np.mean(list(self.iou.values()))) if self.iou else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for a json file."""
        return dict(asdict(self), mean_iou=self.mean_iou)


def generate_masks(frames: Sequence[Frame], out: str | Path, segmenter: Segmenter, config: Mapping[str, Any],
                   boxes: Boxes | None = None, sequence: str | None = None, overwrite: bool = False,
                   progress: bool = True, workers: int = 0) -> MaskReport:
    """Make the missing masks. Calling it again resumes an interrupted run.

    Args:
        frames: The images.
        out: Folder of the masks: PNG files with values 0 and 255, of the same size as their images.
        segmenter: The segmenter.
        config: Config of the segmenter. A folder with masks of another segmenter raises an error.
        boxes: ``{image: [x0, y0, x1, y1]}``, or several boxes per image, whose masks are joined; ``[]`` if there is no
            body, for an empty mask. Keys as in :func:`~mmxas.io.boxes.match_boxes`. Defaults to None.
        sequence: Pattern for :func:`group_frames`, for a segmenter that needs sequences. Defaults to None.
        overwrite: Replace existing masks. Defaults to False.
        progress: Show a progress bar on stderr. Defaults to True.
        workers: Number of processes, each of which builds a segmenter from ``config``; 0 uses this process. The masks
            do not depend on it. Defaults to 0.

    Returns:
        Counts, and the images that failed.

    Raises:
        ValueError: The folder holds masks of another segmenter, images lack required boxes, or boxes are invalid or
            name unknown images.
        ProcessError: A worker was killed or could not start; finished masks are kept.
    """
    boxes, out, report = match_boxes(boxes, [f.name for f in frames]), Path(out), MaskReport(total=len(frames))
    _check_boxes(frames, boxes, segmenter)
    groups = group_frames(frames, sequence)
    _claim(out, dict(segmenter=json.loads(json.dumps(dict(config))), sequence=sequence), overwrite)
    tasks = []
    for members in groups.values():
        missing = [f for f in members if overwrite or not _is_whole(out / f.mask_name)]
        report.kept += len(members) - len(missing)
        size = max(1, len(missing)) if segmenter.needs_sequence else CHUNK
        tasks += [_Task(out, missing[i:i + size], boxes, members if segmenter.needs_sequence else None)
                  for i in range(0, len(missing), size)]
    make = partial(_make, segmenter=segmenter if workers < 1 else None)
    with tqdm(total=len(frames), initial=report.kept, desc=out.name, unit='img', mininterval=0.5, disable=not progress,
              file=sys.stderr) as bar:
        for made, failed in _spread(make, tasks, workers, dict(config)):
            report.made += made
            report.failed.update(failed)
            bar.update(made + len(failed))
    report.failed = {frame.name: report.failed[frame.name] for frame in frames if frame.name in report.failed}
    return report


def inspect_masks(frames: Sequence[Frame], out: str | Path, report: MaskReport, boxes: Boxes | None = None,
                  known: str | Path | None = None, limits: MaskLimits | None = None, workers: int = 0) -> MaskReport:
    """Check all masks of a folder, including those of earlier runs.

    Args:
        frames: The images.
        out: Folder of the masks.
        report: The report to extend.
        boxes: The boxes that the masks were made with. Defaults to None.
        known: Folder of ground-truth masks with the same names, to compute the IoU. Defaults to None.
        limits: Thresholds for suspicious masks. Defaults to None: those of :class:`MaskLimits`.
        workers: Number of processes; 0 uses this process. Defaults to 0.

    Returns:
        ``report``, with ``wrong`` and ``iou``.

    Raises:
        FileNotFoundError: A ground-truth mask is missing.
        ValueError: A ground-truth mask has another size, or is ambiguous.
    """
    there, boxes = [frame for frame in frames if frame.name not in report.failed], match_boxes(
        boxes, [frame.name for frame in frames])
    right = None if known is None else _find_known(there, known)
    tasks = [_Task(Path(out), there[i:i + CHUNK], boxes, known=right, limits=limits)
             for i in range(0, len(there), CHUNK)]
    wrong, iou = {}, {}
    for found, overlaps in _spread(_look_over, tasks, workers):
        wrong.update(found)
        iou.update(overlaps)
    report.wrong.update((frame.name, wrong[frame.name]) for frame in there if frame.name in wrong)
    report.iou.update((frame.name, iou[frame.name]) for frame in there if frame.name in iou)
    return report


class _Task:
    """Some images of one folder, with the data that a worker process needs for them.

    Args:
        out: Folder of the masks.
        frames: The images.
        boxes: Boxes of at least these images.
        members: The whole sequence, if the segmenter needs it. Defaults to None.
        known: Ground-truth masks by the names of masks. Defaults to None.
        limits: See :func:`inspect_masks`. Defaults to None.
    """

    def __init__(self, out: Path, frames: Sequence[Frame], boxes: Boxes, members: Sequence[Frame] | None = None,
                 known: Mapping[str, Path] | None = None, limits: MaskLimits | None = None) -> None:
        self.out, self.frames, self.members, self.limits = out, list(frames), members, limits
        self.boxes = {frame.name: boxes[frame.name] for frame in frames if frame.name in boxes}
        self.known = None if known is None else {frame.mask_name: known[frame.mask_name] for frame in frames}


_worker: dict[str, Segmenter] = {}


def _start_worker(config: dict[str, Any] | None) -> None:
    if config is not None:
        _worker['segmenter'] = SEGMENTERS.build(config)


def _spread(work: Callable, tasks: list[_Task], workers: int, config: dict[str, Any] | None = None) -> Iterator[Any]:
    """Return the results of ``work(task)``, computed in worker processes or, with 0 workers, in this process."""
    if workers < 1:
        return map(work, tasks)
    return run_in_processes(work, tasks, workers, _start_worker, (config, ), component_modules(config))


def _look_over(task: _Task) -> tuple[dict[str, list[str]], dict[str, float]]:
    wrong, iou = {}, {}
    for frame in task.frames:
        mask, doubts = read_with_doubts(task.out / frame.mask_name)
        boxes = task.boxes.get(frame.name)
        problems = doubts + mask_problems(mask, _hull(boxes), task.limits)
        if problems and (boxes != [] or mask.any()):  # an empty mask is correct if there is no body
            wrong[frame.name] = problems
        if task.known is not None:
            iou[frame.name] = round(mask_iou(mask, read_mask(task.known[frame.mask_name])), 4)
    return wrong, iou


def _find_known(frames: Sequence[Frame], folder: str | Path) -> dict[str, Path]:
    """Return the ground-truth mask of each frame by the name of its mask."""
    files = {same_name(path.relative_to(folder).as_posix()): path for path in find_images(folder)}
    for name in (frame.mask_name for frame in frames):
        if same_name(name) not in files:
            raise FileNotFoundError(f'{Path(folder) / name}: no such mask to compare with')
    return {frame.mask_name: files[same_name(frame.mask_name)] for frame in frames}


def _hull(boxes: Sequence | None) -> np.ndarray | None:
    """Return the box around all boxes of an image."""
    if not boxes:
        return None
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    return np.concatenate([boxes[:, :2].min(0), boxes[:, 2:].max(0)])


def write_mask(path: str | Path, mask: np.ndarray) -> None:
    """Write a mask (h, w) bool atomically as a PNG with values 0 and 255."""
    data = cv2.imencode('.png', mask.astype(np.uint8) * 255, [cv2.IMWRITE_PNG_BILEVEL, 1])[1].tobytes()
    write_atomically(Path(path), lambda file: file.write(data))


def _make(task: _Task, segmenter: Segmenter | None) -> tuple[int, dict[str, str]]:
    """Make the masks of some images, by default with the worker's segmenter; one error does not stop the others."""
    segmenter, failed = segmenter or _worker['segmenter'], {}
    try:
        if task.members is not None:
            segmenter.start_sequence(LazyImages(task.members))
    except (UnreadableImageError, ValueError) as error:
        failed = {frame.name: str(error) for frame in task.frames}
    for frame in task.frames:
        try:
            if frame.name not in failed:
                write_mask(task.out / frame.mask_name, _segment(frame.load(), segmenter, task.boxes.get(frame.name)))
        except (UnreadableImageError, ValueError) as error:
            failed[frame.name] = str(error)
        if frame.name in failed:
            (task.out / frame.mask_name).unlink(missing_ok=True)
    return len(task.frames) - len(failed), failed


def _segment(image: np.ndarray, segmenter: Segmenter, boxes: Sequence | None) -> np.ndarray:
    """Return the mask of all boxes of an image, or of the whole image."""
    if boxes is None:
        return segmenter.segment(image, None)
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    return np.logical_or.reduce([np.zeros(image.shape[:2], bool), *(segmenter.segment(image, box) for box in boxes)])


def _is_whole(path: Path) -> bool:
    try:
        image_size(path)
    except UnreadableImageError:
        return False
    return True


def _check_boxes(frames: Sequence[Frame], boxes: Boxes, segmenter: Segmenter) -> None:
    names = [frame.name for frame in frames]
    missing = [name for name in names if name not in boxes]
    if segmenter.needs_box and missing:
        raise ValueError(f'{type(segmenter).__name__} is prompted by boxes; {len(missing)} of {len(names)} images have '
                         f'none, such as {missing[0]!r}: give --boxes with a json file of {{file: [x0, y0, x1, y1]}}, '
                         'or --config, whose data sets have boxes')


def _claim(out: Path, made_by: dict, overwrite: bool) -> None:
    """Record in the folder which segmenter makes its masks; raise if another one made them."""
    path = out / META
    if path.is_file() and not overwrite:
        try:
            found = json.loads(path.read_text(encoding='utf-8'))
        except ValueError:
            found = {}
        if any(found.get(key) != value for key, value in made_by.items()):
            raise ValueError(f'{out}: holds masks of {found.get("segmenter")}, not of {made_by["segmenter"]}; choose '
                             'another folder, or make all of them again with --overwrite')
    write_atomically(path, lambda file: file.write(json.dumps(made_by, indent=1).encode()))
    for remains in out.rglob('.*.tmp'):  # of a run that was killed
        remains.unlink(missing_ok=True)
