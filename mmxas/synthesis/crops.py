"""The square window of the whole image that a synthetic pair stores."""
from typing import Literal

import numpy as np

from mmxas.ops.geometry import box_side_px, camera_to_image

CropName = Literal['mask', 'root_box']


def crop_window(vertices: np.ndarray, root: np.ndarray, K: np.ndarray, crop: CropName, margin: float,
                rect_3d_width: float) -> tuple[np.ndarray, float]:
    """Centre and side of a square window around a body.

    Args:
        vertices: (V, 3) in the camera frame, mm.
        root: (3,) root keypoint in the camera frame, mm.
        K: (3, 3) intrinsics in px.
        crop: ``'mask'``: around the body's box, side = its larger side * margin; ``'root_box'``: around the projected
            root, side = ``rect_3d_width`` seen at the root's depth (conventions: the crop of the paper's evaluation).
        margin: factor for ``'mask'``.
        rect_3d_width: side in mm for ``'root_box'``.

    Returns:
        centre (2,) and side, in px of the whole image.

    Raises:
        ValueError: for another crop.
    """
    if crop == 'mask':
        uv = camera_to_image(vertices, K)[:, :2]
        low, high = uv.min(0), uv.max(0)
        return (low + high) / 2, float((high - low).max() * margin)
    if crop == 'root_box':
        return camera_to_image(root[None], K)[0, :2], float(box_side_px(rect_3d_width, root[2], K[0, 0]))
    raise ValueError(f"crop={crop!r}, expected 'mask' or 'root_box'")


def crop_intrinsics(K: np.ndarray, centre: np.ndarray, side: float, size: int) -> np.ndarray:
    """Intrinsics of the window, resampled to ``size`` px, both with pixel centres at integers: (3, 3)."""
    scale = size / side
    A = np.array([[scale, 0, (size - 1) / 2 - scale * centre[0]],
                  [0, scale, (size - 1) / 2 - scale * centre[1]], [0, 0, 1]])
    return A @ K
