"""Boxes and square crops.

A box (x0, y0, x1, y1) is given in image px on pixel edges: the box of a whole image is (0, 0, width, height), and pixel
p covers p to p + 1. A point (a keypoint, a principal point) is given on pixel centres: the centre of pixel p is at p.
A point x is thus at x + 0.5 in box coordinates.
"""
from __future__ import annotations

import cv2
import numpy as np

from .geometry import box_side_px


def mask_box(mask: np.ndarray) -> np.ndarray | None:
    """Return the smallest box around the non-zero pixels of a mask.

    Args:
        mask: Mask of shape (h, w).

    Returns:
        Box (4,) float32 in px, or None if no pixel is set.
    """
    x, y, width, height = cv2.boundingRect((np.asarray(mask) > 0).view(np.uint8))
    if width == 0 or height == 0:
        return None
    return np.array([x, y, x + width, y + height], dtype=np.float32)


def is_whole_image(box: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Return whether a box covers the whole image to within a pixel, so that it does not locate the body.

    Args:
        box: (4,) x0, y0, x1, y1 in px on pixel edges.
        shape: (h, w, ...) of the image.
    """
    height, width = shape[:2]
    return bool((box[:2] <= 1).all() and box[2] >= width - 1 and box[3] >= height - 1)


def box_overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the intersection over union of each box of one set with each of another.

    Args:
        first: (N, 4) x0, y0, x1, y1 on pixel edges, with an area.
        second: (M, 4) the same.

    Returns:
        (N, M) in [0, 1]; 0 where they are apart.
    """
    one, other = (np.asarray(boxes, dtype=np.float64) for boxes in (first, second))
    low, high = np.maximum(one[:, None, :2], other[:, :2]), np.minimum(one[:, None, 2:], other[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=-1) for boxes in (one, other)]
    return shared / (areas[0][:, None] + areas[1] - shared)


def root_box(root: np.ndarray, root_depth: float, focal: float, rect_3d_width: float = 2000.0,
             padding: float = 1.0) -> np.ndarray:
    """Return the box whose padded crop is a square of ``rect_3d_width`` around the root, at the root's depth.

    This needs the ground truth position and depth of the root.

    Args:
        root: Root keypoint (2,) in image px.
        root_depth: Depth of the root in the camera frame, mm.
        focal: Focal length in px.
        rect_3d_width: Side of the crop in mm. Defaults to 2000, the paper's.
        padding: Ratio of crop side to box side. Defaults to 1.

    Returns:
        Box (4,) float32 in px.

    Raises:
        ValueError: The root is not in front of the camera.
    """
    if not root_depth > 0:
        raise ValueError(f'the root must lie in front of the camera: depth {root_depth} mm, expected > 0')
    half = box_side_px(rect_3d_width, root_depth, focal) / padding / 2
    centre = np.asarray(root, dtype=np.float64)[:2] + 0.5
    return np.concatenate([centre - half, centre + half]).astype(np.float32)


def square_crop_matrix(centre: np.ndarray, side: float, size: int, rotation: float = 0.0) -> np.ndarray:
    """Return the affine map from image px to the px of a square crop.

    The edges of crop and box coincide, so that an unrotated box of ``size`` px is copied pixel by pixel.

    Args:
        centre: Centre (2,) of the box, px on pixel edges.
        side: Side of the box in image px.
        size: Side of the crop in px.
        rotation: Clockwise rotation of the content in the crop, degrees. Defaults to 0.

    Returns:
        Matrix (2, 3) float64, points in image px to points in crop px.

    Raises:
        ValueError: The box has no area.
    """
    if not side > 0:
        raise ValueError(f'a box of side {side} px cannot be cropped, expected > 0')
    angle = np.deg2rad(rotation)
    cos, sin = np.cos(angle), np.sin(angle)
    linear = size / side * np.array([[cos, -sin], [sin, cos]])
    shift = (size - 1) / 2 - linear @ (np.asarray(centre, dtype=np.float64) - 0.5)
    return np.concatenate([linear, shift[:, None]], axis=1)

