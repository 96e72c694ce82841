"""Coordinate frames and conversions between them.

=======  =========================================================  ===========
frame    axes                                                       unit
=======  =========================================================  ===========
world    the data set's own                                         mm
camera   x right, y down, z forward                                 mm
image    x right, y down, z = camera depth - root depth             px, px, mm
crop     x right, y down over the square crop, z as in the image    px, px, mm
norm     x, y in [-1, 1] over the crop; z = z_mm / rect_3d_width    -
=======  =========================================================  ===========

The frame ``norm`` has crop-normalised coordinates: pixel p of a crop of side S is at ``(2 p + 1) / S - 1``.
``rect_3d_width`` is the side of the crop in mm at the root's depth. ``align_corners=True`` selects the released code's
form, ``2 p / (S - 1) - 1`` and ``z_mm * S / rect_3d_width / (S - 1)``.

All functions take and return either torch tensors or numpy arrays, of shape (..., P, C) for P points. Per-camera
arguments have the leading axes (...): matrices (..., 3, 3), vectors (..., 3), numbers (...).
"""
from typing import Any, TypeAlias, TypeVar

import numpy as np
import torch

from .checks import check_choice, check_shape

Array = TypeVar('Array', torch.Tensor, np.ndarray)
Number: TypeAlias = float | torch.Tensor | np.ndarray


def rect_3d_width(side_px: Number, root_depth: Number, focal: Number) -> Number:
    """Return the side of a square crop in mm at the root's depth.

    Args:
        side_px: Side of the crop in px of the original image (not of the resized crop).
        root_depth: Depth of the root in mm.
        focal: Focal length in px of the original image.

    Returns:
        The side in mm.
    """
    return side_px * root_depth / focal


def box_side_px(side_mm: Number, root_depth: Number, focal: Number) -> Number:
    """Return the side of a square crop in image px from its side in mm; inverse of :func:`rect_3d_width`."""
    return side_mm * focal / root_depth


def pixel_to_norm(pixels: Array, size: Any, align_corners: bool = False) -> Array:
    """Convert crop px to crop-normalised x and y.

    Args:
        pixels: (..., 2) or (...) crop px.
        size: Crop side in px, or for (..., 2) an array (width, height) of the same kind.
        align_corners: See :func:`~mmxas.ops.marginals.bin_positions`.

    Returns:
        Crop-normalised coordinates of the same shape.
    """
    check_choice(align_corners, (False, True), 'align_corners')
    return (2.0 * pixels + 1.0) / size - 1.0 if not align_corners else 2.0 * pixels / (size - 1.0) - 1.0


def norm_to_pixel(norm: Array, size: Any, align_corners: bool = False) -> Array:
    """Convert crop-normalised x and y to crop px; inverse of :func:`pixel_to_norm`."""
    check_choice(align_corners, (False, True), 'align_corners')
    return ((norm + 1.0) * size - 1.0) / 2.0 if not align_corners else (norm + 1.0) * (size - 1.0) / 2.0


def depth_to_norm(depth: Array, side_mm: Number, crop_size: float | None = None, align_corners: bool = False) -> Array:
    """Convert root-relative depth in mm to crop-normalised z.

    Args:
        depth: (...) mm.
        side_mm: Side of the crop in mm (:func:`rect_3d_width`); broadcasts with ``depth``.
        crop_size: Crop side in px; needed only with ``align_corners=True``.
        align_corners: False: z_mm / rect_3d_width; True: z in crop px, divided by crop_size - 1.

    Returns:
        Crop-normalised z.
    """
    return depth / side_mm * _depth_factor(crop_size, align_corners)


def norm_to_depth(norm: Array, side_mm: Number, crop_size: float | None = None, align_corners: bool = False) -> Array:
    """Convert crop-normalised z to root-relative depth in mm; inverse of :func:`depth_to_norm`."""
    return norm * side_mm / _depth_factor(crop_size, align_corners)


def world_to_camera(points: Array, rotation: Array, translation: Array) -> Array:
    """Convert world mm to camera mm: R X + t.

    Args:
        points: (..., P, 3) mm.
        rotation: (..., 3, 3) world to camera.
        translation: (..., 3) mm.

    Returns:
        (..., P, 3) mm.
    """
    _check_points(points, 3)
    check_shape(rotation, ('...', 3, 3), 'rotation')
    check_shape(translation, ('...', 3), 'translation')
    return points @ rotation.swapaxes(-1, -2) + translation[..., None, :]


def camera_to_world(points: Array, rotation: Array, translation: Array) -> Array:
    """Convert camera mm to world mm; inverse of :func:`world_to_camera`."""
    _check_points(points, 3)
    check_shape(rotation, ('...', 3, 3), 'rotation')
    check_shape(translation, ('...', 3), 'translation')
    return (points - translation[..., None, :]) @ rotation


def camera_to_image(points: Array, intrinsics: Array, root_depth: Number = 0.0) -> Array:
    """Project camera mm to image px and root-relative depth (pinhole camera).

    Args:
        points: (..., P, 3) mm; depths must not be 0.
        intrinsics: (..., 3, 3) of the image, in px.
        root_depth: (...) depth of the root in mm.

    Returns:
        (..., P, 3) with x and y in px, z = depth - root depth in mm.
    """
    _check_points(points, 3)
    check_shape(intrinsics, ('...', 3, 3), 'intrinsics')
    depth = points[..., 2:]
    pixels = (points / depth) @ intrinsics.swapaxes(-1, -2)
    return _join(pixels[..., :2], depth - _per_point(root_depth))


def image_to_camera(points: Array, intrinsics: Array, root_depth: Number = 0.0) -> Array:
    """Convert image px and root-relative depth to camera mm; inverse of :func:`camera_to_image`."""
    _check_points(points, 3)
    check_shape(intrinsics, ('...', 3, 3), 'intrinsics')
    depth = points[..., 2:] + _per_point(root_depth)
    inverse = (torch if isinstance(intrinsics, torch.Tensor) else np).linalg.inv(intrinsics)
    return _join(points[..., :2], depth * 0 + 1.0) @ inverse.swapaxes(-1, -2) * depth


def apply_affine(points: Array, matrix: Array) -> Array:
    """Apply a 2 x 3 affine map to x and y; further channels are unchanged.

    Args:
        points: (..., P, C) with C >= 2.
        matrix: (..., 2, 3), e.g. ``warp_mat``, image px to crop px.

    Returns:
        (..., P, C).
    """
    check_shape(points, ('...', 'P', None), 'points')
    check_shape(matrix, ('...', 2, 3), 'matrix')
    moved = points[..., :2] @ matrix[..., :2].swapaxes(-1, -2) + matrix[..., None, :, 2]
    return moved if points.shape[-1] == 2 else _join(moved, points[..., 2:])


def invert_affine(matrix: Array) -> Array:
    """Return the inverse of a 2 x 3 affine map.

    Args:
        matrix: (..., 2, 3).

    Returns:
        (..., 2, 3).
    """
    check_shape(matrix, ('...', 2, 3), 'matrix')
    inverse = (torch if isinstance(matrix, torch.Tensor) else np).linalg.inv(matrix[..., :2])
    return _join(inverse, -inverse @ matrix[..., 2:])


def image_to_norm(points: Array, warp: Array, crop_size: float, side_mm: Number, align_corners: bool = False) -> Array:
    """Convert image px and root-relative mm to crop-normalised coordinates.

    Args:
        points: (..., P, 3): x, y in image px, z = depth - root depth in mm.
        warp: (..., 2, 3) image px to crop px.
        crop_size: Crop side in px.
        side_mm: (...) side of the crop in mm (:func:`rect_3d_width`).
        align_corners: See :func:`~mmxas.ops.marginals.bin_positions`.

    Returns:
        (..., P, 3) crop-normalised.
    """
    _check_points(points, 3)
    crop = apply_affine(points, warp)
    depth = depth_to_norm(crop[..., 2:], _per_point(side_mm), crop_size, align_corners)
    return _join(pixel_to_norm(crop[..., :2], crop_size, align_corners), depth)


def norm_to_image(points: Array, warp: Array, crop_size: float, side_mm: Number, align_corners: bool = False) -> Array:
    """Convert crop-normalised coordinates to image px and root-relative mm; inverse of :func:`image_to_norm`."""
    _check_points(points, 3)
    depth = norm_to_depth(points[..., 2:], _per_point(side_mm), crop_size, align_corners)
    crop = _join(norm_to_pixel(points[..., :2], crop_size, align_corners), depth)
    return apply_affine(crop, invert_affine(warp))


def camera_to_norm(points: Array, warp: Array, crop_size: float, intrinsics: Array, root_depth: Number,
                   side_mm: Number, align_corners: bool = False) -> Array:
    """Convert camera mm to crop-normalised coordinates.

    Args:
        points: (..., P, 3) camera mm.
        warp: (..., 2, 3) image px to crop px.
        crop_size: Crop side in px.
        intrinsics: (..., 3, 3) of the image.
        root_depth: (...) depth of the root in mm.
        side_mm: (...) side of the crop in mm (:func:`rect_3d_width`).
        align_corners: See :func:`~mmxas.ops.marginals.bin_positions`.

    Returns:
        (..., P, 3) crop-normalised.
    """
    return image_to_norm(camera_to_image(points, intrinsics, root_depth), warp, crop_size, side_mm, align_corners)


def norm_to_camera(points: Array, warp: Array, crop_size: float, intrinsics: Array, root_depth: Number,
                   side_mm: Number, align_corners: bool = False) -> Array:
    """Convert crop-normalised coordinates to camera mm, given the root depth; inverse of :func:`camera_to_norm`."""
    return image_to_camera(norm_to_image(points, warp, crop_size, side_mm, align_corners), intrinsics, root_depth)


def _check_points(points: Array, channels: int) -> None:
    check_shape(points, ('...', 'P', channels), 'points')


def _depth_factor(crop_size: float | None, align_corners: bool) -> float:
    check_choice(align_corners, (False, True), 'align_corners')
    if not align_corners:
        return 1.0
    if crop_size is None:
        raise ValueError("crop_size: the crop's side in px expected for align_corners=True, got None")
    return crop_size / (crop_size - 1.0)


def _per_point(value: Number) -> Any:
    """Reshape per-camera numbers (...) to (..., 1, 1), to broadcast over points and channels; scalars stay."""
    return value[..., None, None] if hasattr(value, 'shape') else value  # type: ignore[index]


def _join(left: Array, right: Array) -> Array:
    return torch.cat([left, right], dim=-1) if isinstance(left, torch.Tensor) else np.concatenate([left, right], -1)
