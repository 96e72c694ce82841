"""Prediction of one body: pose hypotheses, crop and camera.

Shapes: H hypotheses, K keypoints.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Prediction:
    """Pose hypotheses of one body in image coordinates, with crop and camera for conversion to other frames.

    :mod:`mmxas.codecs.predictions` reads predictions from data samples and converts them: crop px, crop-normalised,
    image px and mm, camera mm.

    Attributes:
        hypotheses: (H, K, 3) x, y in image px; z away from the camera, relative to the root, in ``depth_unit``. The
            top-1 pose comes first.
        scores: (H, K).
        valid: (H, K) bool, whether the keypoint has its own heatmap peak in this hypothesis.
        depth_unit: ``'mm'`` or ``'crop'`` (sides of the crop).
        crop: (4,) x0, y0, x1, y1 of the square crop in image px; the centre of pixel p is at p.
        warp: (2, 3) affine map from image px to crop px.
        crop_size: Side of the crop in crop px.
        align_corners: Convention of the model's crop-normalised coordinates (:mod:`mmxas.ops.geometry`).
        rect_3d_width: Side of the crop in mm at the root's depth; None if unknown.
        intrinsics: (3, 3) of the image, or None.
        root_depth: Depth of the root from the camera in mm, or None.
    """

    hypotheses: np.ndarray
    scores: np.ndarray
    valid: np.ndarray
    depth_unit: str
    crop: np.ndarray
    warp: np.ndarray
    crop_size: float
    align_corners: bool = False
    rect_3d_width: float | None = None
    intrinsics: np.ndarray | None = None
    root_depth: float | None = None

    @property
    def crop_side(self) -> float:
        """Side of the crop in image px."""
        return float(self.crop[2] - self.crop[0])

    @property
    def focal(self) -> float | None:
        """Focal length in px, the mean of both axes; None without intrinsics."""
        return None if self.intrinsics is None else (self.intrinsics[0, 0] + self.intrinsics[1, 1]) / 2
