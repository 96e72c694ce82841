"""Triangulation of points from several calibrated views by a weighted direct linear transform.

Symbols: V views, (...) any further axes, such as frame sets and keypoints. World and camera frames in mm, images in px.
"""
import numpy as np

from .checks import check_positive, check_shape


def triangulate(points: np.ndarray, intrinsics: np.ndarray, rotation: np.ndarray, translation: np.ndarray,
                weights: np.ndarray | None = None, refinements: int = 2, homogeneous: bool = False,
                min_angle: float = 0.5) -> np.ndarray:
    """Triangulate points from V views by least squares.

    Each view with projection P = K [R | t] gives two equations, ``w (x P3 - P1) X = 0`` and ``w (y P3 - P2) X = 0``.
    They weight errors in px by the point's depth. ``refinements`` repeats the solution with w divided by this depth,
    which minimises the sum of squared errors in px.

    Args:
        points: (..., V, 2) px; those of weight 0 may be NaN.
        intrinsics: (..., V, 3, 3).
        rotation: (..., V, 3, 3) world to camera.
        translation: (..., V, 3) mm.
        weights: (..., V) weight of each view; 0 excludes it. Defaults to None: equal weights.
        refinements: Number of repeated solutions. Defaults to 2.
        homogeneous: Solve for (X, 1) up to scale by the smallest singular vector, as the released code does; the
            result then depends on the world's origin. Defaults to False: the last coordinate is fixed to 1.
        min_angle: Minimum of the largest angle between two rays to a point, degrees. Defaults to 0.5.

    Returns:
        (..., 3) world mm. Diverging rays, from wrong detections, intersect behind the cameras; this raises no error.

    Raises:
        ValueError: A shape is wrong; a weight is negative; a point of non-zero weight is not finite; a point has fewer
            than two views; or the views are degenerate: the cameras are at one place, or all rays to a point are
            parallel (the point is in line with the cameras), so that its depth is undetermined.
    """
    sizes = check_shape(points, ('...', 'V', 2), 'points')
    check_shape(intrinsics, ('...', sizes['V'], 3, 3), 'intrinsics')
    check_shape(rotation, ('...', sizes['V'], 3, 3), 'rotation')
    check_shape(translation, ('...', sizes['V'], 3), 'translation')
    check_positive(min_angle, 'min_angle')
    points, intrinsics, rotation, translation = (
        np.asarray(values, dtype=np.float64) for values in (points, intrinsics, rotation, translation))
    weights = np.ones(points.shape[:-1]) if weights is None else np.broadcast_to(
        np.asarray(weights, dtype=np.float64), points.shape[:-1])
    points = np.where(np.isfinite(points) | (weights[..., None] > 0), points, 0.0)  # excluded, but 0 * NaN is NaN
    centres = -(np.swapaxes(rotation, -1, -2) @ translation[..., None])[..., 0]
    _check_weights(points, weights)
    _check_rays(points, intrinsics, rotation, weights, min_angle)
    _check_places(centres, weights)
    # Centre on the cameras' mean and scale by their distance from it: well conditioned for any world origin.
    origin = np.zeros(3) if homogeneous else centres.mean(axis=-2)
    unit = 1.0 if homogeneous else np.linalg.norm(centres - origin[..., None, :], axis=-1).mean(axis=-1)
    unit = np.maximum(unit, 1e-12) if not homogeneous else unit
    moved = (translation + (rotation @ np.broadcast_to(origin[..., None, :], centres.shape)[..., None])[..., 0])
    moved = moved / np.asarray(unit)[..., None, None]
    projection = intrinsics @ np.concatenate([rotation, moved[..., None]], axis=-1)
    scale = weights
    for _ in range(refinements + 1):
        solution = _solve(points, projection, scale, homogeneous)
        joined = np.concatenate([solution, np.ones_like(solution[..., :1])], axis=-1)
        depth = (projection[..., 2, :] * joined[..., None, :]).sum(axis=-1)
        scale = weights / np.maximum(np.abs(depth), 1e-12)
    return solution * np.asarray(unit)[..., None] + origin


def _solve(points: np.ndarray, projection: np.ndarray, weights: np.ndarray, homogeneous: bool) -> np.ndarray:
    """(..., V, 2), (..., V, 3, 4) and (..., V) to (..., 3)."""
    rows = points[..., None] * projection[..., 2:, :] - projection[..., :2, :]
    rows = (weights[..., None, None] * rows).reshape(*rows.shape[:-3], -1, 4)
    if homogeneous:
        vector = np.linalg.svd(rows)[2][..., -1, :]
        return vector[..., :3] / vector[..., 3:]
    return (np.linalg.pinv(rows[..., :3]) @ -rows[..., 3:])[..., 0]


def _check_weights(points: np.ndarray, weights: np.ndarray) -> None:
    wrong = weights[~((weights >= 0) & (weights < np.inf))]
    if wrong.size:
        raise ValueError(f'weights: 0 or more expected, got {wrong[0]}; 0 leaves a view out')
    used = weights > 0
    if (used.sum(axis=-1) < 2).any():
        raise ValueError(f'points: expected two or more views of each point, got {int(used.sum(axis=-1).min())} '
                         '(views of weight 0 do not count)')
    bad = np.argwhere(~np.isfinite(points).all(axis=-1))
    if len(bad):
        place = tuple(bad[0].tolist())
        raise ValueError(f'points: expected finite px, got {points[place].tolist()} at {list(place)}; give weight 0 to '
                         'a view that does not see a point')


def _check_places(centres: np.ndarray, weights: np.ndarray) -> None:
    """Raise if all cameras of a point are at one place; their rays meet in the camera, whatever the detections."""
    gaps = np.linalg.norm(centres[..., :, None, :] - centres[..., None, :, :], axis=-1)
    used = weights > 0
    widest = np.where(used[..., :, None] & used[..., None, :], gaps, 0.0).max(axis=(-2, -1))
    rounding = 1e-3 + 1e-6 * np.abs(centres).max()
    if (widest < rounding).any():
        raise ValueError(f'degenerate views: the cameras of {int((widest < rounding).sum())} of {widest.size} points '
                         f'are at the same position ({widest.min():.2g} mm apart): use cameras at different positions')


def _check_rays(points: np.ndarray, intrinsics: np.ndarray, rotation: np.ndarray, weights: np.ndarray,
                min_angle: float) -> None:
    used = weights > 0
    pixels = np.concatenate([points, np.ones_like(points[..., :1])], axis=-1)
    rays = np.swapaxes(rotation, -1, -2) @ np.linalg.inv(intrinsics) @ pixels[..., None]
    rays = rays[..., 0] / np.linalg.norm(rays[..., 0], axis=-1, keepdims=True)
    sines = np.linalg.norm(np.cross(rays[..., :, None, :], rays[..., None, :, :]), axis=-1)
    sines = np.where(used[..., :, None] & used[..., None, :], sines, 0.0).max(axis=(-2, -1))
    widest = np.degrees(np.arcsin(np.clip(sines, 0.0, 1.0)))
    if (widest < min_angle).any():
        raise ValueError(f'degenerate views: the rays to {int((widest < min_angle).sum())} of {widest.size} points are '
                         f'parallel to within {widest.min():.2g} degrees; expected at least {min_angle:g} in one pair '
                         'of views: use cameras farther apart')
