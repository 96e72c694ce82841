"""Many small pictures on one sheet."""
from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np

GAP, CAPTION = 4, 14
INK, ALARM, PAPER = (40, 40, 40), (200, 0, 0), 255


def fit_picture(picture: np.ndarray, height: int, width: int | None = None) -> np.ndarray:
    """Scale a picture (h, w, 3) uint8 to a height, and at most to ``width``, keeping its aspect ratio."""
    factor = height / picture.shape[0]
    if width is not None:
        factor = min(factor, width / picture.shape[1])
    size = max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[0] * factor))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)


def overlay_mask(picture: np.ndarray, mask: np.ndarray, color: Sequence[int] = (35, 211, 238)) -> np.ndarray:
    """Dim the background of a mask and draw its outline.

    Args:
        picture: (h, w, 3) uint8 RGB.
        mask: (h, w), foreground above half of the largest possible value (bool, uint8 or [0, 1]).
        color: RGB of the outline. Defaults to a light blue.

    Returns:
        (h, w, 3) uint8 RGB.
    """
    body = mask > (127 if mask.dtype == np.uint8 else 0.5)
    out = picture.copy()
    out[~body] = (out[~body] * 0.45).astype(np.uint8)
    outlines = cv2.findContours(body.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0]
    cv2.drawContours(out, outlines, -1, tuple(int(value) for value in color), 1)
    return out


def captioned(picture: np.ndarray, caption: str, alarm: bool = False) -> np.ndarray:
    """Add a line of text below a picture (h, w, 3) uint8 RGB, cut to its width; red for an alarm."""
    strip = np.full((CAPTION, picture.shape[1], 3), PAPER, dtype=np.uint8)
    cv2.putText(strip, caption[:max(1, picture.shape[1] // 6)], (1, CAPTION - 4), cv2.FONT_HERSHEY_PLAIN, 0.7,
                ALARM if alarm else INK, 1, cv2.LINE_AA)
    return np.vstack([picture, strip])


def contact_sheet(pictures: Iterable[np.ndarray], columns: int) -> np.ndarray:
    """Arrange pictures in rows on white.

    Args:
        pictures: Arrays (h, w, 3) uint8 RGB of any size.
        columns: Pictures per row.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ValueError: There is no picture, or no column.
    """
    tiles = list(pictures)
    if not tiles or columns < 1:
        raise ValueError(f'{len(tiles)} pictures in {columns} columns: at least one of each expected')
    height, width = (max(tile.shape[axis] for tile in tiles) + GAP for axis in (0, 1))
    rows = -(-len(tiles) // columns)
    sheet = np.full((rows * height + GAP, min(columns, len(tiles)) * width + GAP, 3), PAPER, dtype=np.uint8)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        y, x = row * height + GAP, column * width + GAP
        sheet[y:y + tile.shape[0], x:x + tile.shape[1]] = tile
    return sheet
