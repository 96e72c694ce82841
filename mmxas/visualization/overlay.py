"""Draw 2D poses on the frames of a video, with OpenCV for speed."""
from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from .pose_style import PoseStyle

_SHIFT = 4  # OpenCV draws at 1/16 px


def draw_poses(image: np.ndarray, poses: np.ndarray, style: PoseStyle, identities: Sequence[int] = (),
               boxes: np.ndarray | None = None) -> np.ndarray:
    """Return an image with poses drawn on it.

    Args:
        image: (h, w, 3) uint8 BGR; not modified.
        poses: (N, K, 2) px; links to non-finite keypoints are not drawn.
        style: Links and colours.
        identities: (N,) numbers, written at the boxes. Defaults to none.
        boxes: (N, 4) x0, y0, x1, y1 px. Defaults to None: not drawn.

    Returns:
        (h, w, 3) uint8 BGR.
    """
    drawn = image.copy()
    unit = max(1, round(max(image.shape[:2]) / 480))  # width of a thin line: 4 px in an image of 1920 px
    colors = (style.link_colors[:, ::-1] * 255).round().tolist()
    for number, pose in enumerate(poses):
        there = np.isfinite(pose).all(axis=1)
        points = np.clip(np.nan_to_num(pose), -1e5, 1e5)
        at = (points * 2 ** _SHIFT).round().astype(int).tolist()
        links = [(pair, color) for pair, color in zip(style.links.tolist(), colors, strict=True) if there[pair].all()]
        for width, dark in ((2 * unit + 2, True), (2 * unit, False)):
            for (one, other), color in links:
                cv2.line(drawn, at[one], at[other], (0, 0, 0) if dark else color, width, cv2.LINE_AA, _SHIFT)
        if boxes is None:
            continue
        x0, y0, x1, y1 = boxes[number].clip(-1e5, 1e5).round().astype(int).tolist()
        cv2.rectangle(drawn, (x0, y0), (x1, y1), (255, 255, 255), max(1, unit // 2))
        if number < len(identities):
            for width, color in ((2 * unit + 2, (0, 0, 0)), (unit, (255, 255, 255))):
                cv2.putText(drawn, str(identities[number]), (max(x0, 4), max(y0 - 2 * unit, 14 * unit)),
                            cv2.FONT_HERSHEY_SIMPLEX, 0.6 * unit, color, width, cv2.LINE_AA)
    return drawn
