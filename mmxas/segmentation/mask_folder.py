"""A folder of masks for a folder of images: made one by one, each whole or not at all, and looked over at the end."""
from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmxas.datasets.datasets.image_checks import image_size
from mmxas.safe_files.images import UnreadableImageError, read_image
from mmxas.synthesis.shards import write_atomically

from .frames import Frame, LazyImages, group_frames
from .mask_checks import MaskLimits, mask_iou, mask_problems
from .segmenter import Segmenter

META = 'meta.json'
Boxes = Mapping[str, Sequence[float]]


@dataclass
class MaskReport:
    """What came out.

    Attributes:
        total: Images.
        made: Masks of this run.
        kept: Masks that were there.
        failed: ``{image: why}`` of images that could not be read or segmented.
        wrong: ``{image: problems}`` of masks that look wrong.
        iou: ``{image: overlap}`` with known masks, where they were given.
    """

    total: int = 0
    made: int = 0
    kept: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, list[str]] = field(default_factory=dict)
    iou: dict[str, float] = field(default_factory=dict)

    @property
    def mean_iou(self) -> float | None:
        """Mean overlap with the known masks; None without any."""
        return float(np.mean(list(self.iou.values()))) if self.iou else None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a json file."""
        return dict(total=self.total, made=self.made, kept=self.kept, mean_iou=self.mean_iou, failed=self.failed,
                    wrong=self.wrong, iou=self.iou)


def generate_masks(frames: Sequence[Frame], out: str | Path, segmenter: Segmenter, config: Mapping[str, Any],
                   boxes: Boxes | None = None, sequence: str | None = None, overwrite: bool = False,
                   progress: bool = True) -> MaskReport:
    """Make the masks that are missing. A run that was killed is resumed by the same call.

    Args:
        frames: The images.
        out: Folder of the masks: PNG files of 0 and 255 in the size of their image.
        segmenter: Makes them.
        config: What the segmenter was built from; a folder with masks of another one is refused.
        boxes: ``{image: [x0, y0, x1, y1]}``. Defaults to None.
        sequence: See :func:`group_frames`, for a segmenter that needs sequences. Defaults to None.
        overwrite: Make all masks anew. Defaults to False.
        progress: Show a bar on stderr. Defaults to True.

    Returns:
        MaskReport: Counts, and the images that failed.

    Raises:
        ValueError: The folder holds masks of another segmenter, images lack boxes that are needed, or boxes are of
            unknown images.
    """
    from tqdm import tqdm
    boxes = dict(boxes or {})
    _check_boxes(frames, boxes, segmenter)
    groups = group_frames(frames, sequence)
    _claim(Path(out), dict(segmenter=json.loads(json.dumps(dict(config))), sequence=sequence), overwrite)
    report = MaskReport(total=len(frames))
    with tqdm(total=len(frames), desc=Path(out).name, unit='img', mininterval=0.5, disable=not progress,
              file=sys.stderr) as bar:
        for members in groups.values():
            missing = [f for f in members if overwrite or not _is_whole(Path(out) / f.mask_name)]
            report.kept += len(members) - len(missing)
            bar.update(len(members) - len(missing))
            problem = _start(members, segmenter) if missing and segmenter.needs_sequence else None
            for frame in missing:
                if problem is None:
                    _make(frame, Path(out), segmenter, boxes.get(frame.name), report)
                else:
                    _fail(frame, Path(out), problem, report)
                bar.update(1)
    return report


def inspect_masks(frames: Sequence[Frame], out: str | Path, report: MaskReport, boxes: Boxes | None = None,
                  known: str | Path | None = None, limits: MaskLimits | None = None) -> MaskReport:
    """Look over all masks of a folder, those of earlier runs too.

    Args:
        frames: The images.
        out: Folder of the masks.
        report: What to add to.
        boxes: Those that the masks were made for. Defaults to None.
        known: Folder of right masks under the same names, to measure the overlap with. Defaults to None.
        limits: From where on a mask looks wrong. Defaults to None: those of :class:`MaskLimits`.

    Returns:
        MaskReport: ``report``, with ``wrong`` and ``iou``.

    Raises:
        FileNotFoundError: A known mask is missing.
        ValueError: A known mask has another size.
    """
    for frame in frames:
        if frame.name in report.failed:
            continue
        mask = read_image(Path(out) / frame.mask_name, cv2.IMREAD_GRAYSCALE)
        problems = mask_problems(mask, (boxes or {}).get(frame.name), limits)
        if problems:
            report.wrong[frame.name] = problems
        if known is not None:
            right = Path(known) / frame.mask_name
            if not right.is_file():
                raise FileNotFoundError(f'{right}: no such mask to compare with')
            report.iou[frame.name] = round(mask_iou(mask, read_image(right, cv2.IMREAD_GRAYSCALE)), 4)
    return report


def write_mask(path: str | Path, mask: np.ndarray) -> None:
    """Write a mask (h, w) bool as a PNG of 0 and 255, whole or not at all."""
    data = cv2.imencode('.png', mask.astype(np.uint8) * 255, [cv2.IMWRITE_PNG_BILEVEL, 1])[1].tobytes()
    write_atomically(Path(path), lambda file: file.write(data))


def _start(members: Sequence[Frame], segmenter: Segmenter) -> str | None:
    """Show a sequence to its segmenter; what is wrong with it, which does not stop the other sequences."""
    try:
        segmenter.start_sequence(LazyImages(members))
    except (UnreadableImageError, ValueError) as error:
        return str(error)
    return None


def _fail(frame: Frame, out: Path, problem: str, report: MaskReport) -> None:
    report.failed[frame.name] = problem
    (out / frame.mask_name).unlink(missing_ok=True)


def _make(frame: Frame, out: Path, segmenter: Segmenter, box: Sequence[float] | None, report: MaskReport) -> None:
    """Make one mask; what is wrong with one image does not stop the others."""
    try:
        mask = segmenter.segment(frame.load(), None if box is None else np.asarray(box, dtype=np.float64))
    except (UnreadableImageError, ValueError) as error:
        _fail(frame, out, str(error), report)
        return
    write_mask(out / frame.mask_name, mask)
    report.made += 1


def _is_whole(path: Path) -> bool:
    try:
        image_size(path)
    except UnreadableImageError:
        return False
    return True


def _check_boxes(frames: Sequence[Frame], boxes: Boxes, segmenter: Segmenter) -> None:
    names = [frame.name for frame in frames]
    unknown = sorted(set(boxes) - set(names))
    if unknown:
        raise ValueError(f'boxes of {len(unknown)} unknown images, such as {unknown[0]!r}; the images are called like '
                         f'{names[0]!r}')
    missing = [name for name in names if name not in boxes]
    if segmenter.needs_box and missing:
        raise ValueError(f'{type(segmenter).__name__} is prompted by boxes; {len(missing)} of {len(names)} images have '
                         f'none, such as {missing[0]!r}: give --boxes with a json file of {{file: [x0, y0, x1, y1]}}')


def _claim(out: Path, made_by: dict, overwrite: bool) -> None:
    """Note in the folder what makes its masks, and refuse one that something else made."""
    path = out / META
    text = json.dumps(dict(made_by, fingerprint=_digest(made_by)), indent=1)
    if path.is_file() and not overwrite:
        try:
            found = json.loads(path.read_text(encoding='utf-8'))
        except ValueError:
            found = {}
        if found.get('fingerprint') != _digest(made_by):
            raise ValueError(f'{out}: holds masks of {found.get("segmenter")}, not of {made_by["segmenter"]}; choose '
                             'another folder, or make all of them anew with --overwrite')
    write_atomically(path, lambda file: file.write(text.encode()))
    for remains in out.rglob('.*.tmp'):  # of a run that was killed
        remains.unlink(missing_ok=True)


def _digest(made_by: dict) -> str:
    return hashlib.sha256(json.dumps(made_by, sort_keys=True).encode()).hexdigest()[:16]
