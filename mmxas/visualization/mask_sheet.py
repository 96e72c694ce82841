"""Draw the contact sheet of a folder of masks."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from mmxas.masks.frames import Frame
from mmxas.masks.mask_checks import read_with_doubts
from mmxas.masks.mask_folder import Boxes, MaskReport
from mmxas.visualization.contact_sheet import captioned, contact_sheet, fit_picture, overlay_mask

_HEIGHT, _WIDTH, _COLUMNS = 120, 200, 8


def choose_frames(frames: Sequence[Frame], report: MaskReport, num: int) -> list[Frame]:
    """Choose the frames of a sheet: suspicious masks in up to half of its places, the others evenly spread."""
    present = [frame for frame in frames if frame.name not in report.failed]
    wrong = _spread([frame for frame in present if frame.name in report.wrong], num // 2)
    rest = _spread([frame for frame in present if frame.name not in report.wrong], num - len(wrong))
    return wrong + rest


def mask_sheet(frames: Sequence[Frame], out: str | Path, report: MaskReport, boxes: Boxes | None = None,
               num: int = 64) -> np.ndarray | None:
    """Draw masks over their images, suspicious ones first and with a red caption.

    Args:
        frames: The images.
        out: Folder of the masks.
        report: Report of :func:`inspect_masks`.
        boxes: Boxes to draw. Defaults to None.
        num: Maximum number of pictures. Defaults to 64.

    Returns:
        (H, W, 3) uint8 RGB; None without masks.
    """
    tiles = []
    for frame in choose_frames(frames, report, num):
        picture = overlay_mask(frame.load()[..., ::-1], read_with_doubts(Path(out) / frame.mask_name)[0])
        for box in np.reshape((boxes or {}).get(frame.name, ()), (-1, 4)).tolist():
            x0, y0, x1, y1 = (round(value) for value in box)
            cv2.rectangle(picture, (x0, y0), (x1 - 1, y1 - 1), (255, 176, 0), 1)
        problems = report.wrong.get(frame.name, [])
        caption = ', '.join(problems) or frame.name
        if frame.name in report.iou:
            caption = f'{report.iou[frame.name]:.2f} {caption}'
        tiles.append(captioned(fit_picture(picture, _HEIGHT, _WIDTH), caption, bool(problems)))
    return contact_sheet(tiles, _COLUMNS) if tiles else None


def _spread(frames: Sequence[Frame], num: int) -> list[Frame]:
    """Return at most ``num`` of the frames, evenly spread."""
    if len(frames) <= num:
        return list(frames)
    return [frames[int(index)] for index in np.linspace(0, len(frames) - 1, num)] if num > 0 else []
