"""Interpolate boxes and masks between key frames, because finding them is the slowest part of a video.

Boxes are x0, y0, x1, y1 in px on pixel edges.
"""
import cv2
import numpy as np

from .checks import check_positive, check_shape


def key_frames(num_frames: int, every: int = 15) -> np.ndarray:
    """Return the numbers of the key frames: every n-th frame, starting at the first, and the last one.

    Args:
        num_frames: Length of the clip.
        every: Distance of two key frames, in frames. Defaults to 15.

    Returns:
        int64 numbers of frames, increasing.

    Raises:
        ValueError: ``every`` is less than 1.

    Examples:
        >>> key_frames(35).tolist()
        [0, 15, 30, 34]
    """
    check_positive(every, 'every')
    return np.unique(np.append(np.arange(0, num_frames, every), np.arange(num_frames)[-1:]))


def interpolate_boxes(frames: np.ndarray, boxes: np.ndarray, wanted: np.ndarray,
                      max_gap: float | None = None) -> np.ndarray:
    """Return the boxes of one body between the frames in which it was found, by linear interpolation.

    Args:
        frames: (M,) increasing numbers, or times, of the frames in which it was found.
        boxes: (M, 4) boxes in these frames.
        wanted: (T,) frames, or times, to return boxes for.
        max_gap: The body is absent between two frames that are farther apart. Defaults to None: no limit.

    Returns:
        (T, 4) float64; NaN before the first box, after the last one, and where the body is absent.

    Raises:
        ValueError: A shape is wrong, or the frames do not increase.

    Examples:
        >>> interpolate_boxes(np.array([0, 10]), np.array([[0, 0, 4, 8], [10, 0, 14, 8]]), np.array([5])).tolist()
        [[5.0, 0.0, 9.0, 8.0]]
    """
    sizes = check_shape(boxes, ('M', 4), 'boxes')
    check_shape(frames, (sizes['M'], ), 'frames')
    check_shape(wanted, ('T', ), 'wanted')
    if (np.diff(frames) <= 0).any():
        raise ValueError(f'frames: expected strictly increasing numbers, got {np.asarray(frames).tolist()}')
    if not sizes['M']:
        return np.full((len(wanted), 4), np.nan)
    between = np.stack([np.interp(wanted, frames, side, np.nan, np.nan) for side in np.asarray(boxes, float).T], axis=1)
    if max_gap is not None and sizes['M'] > 1:
        after = np.clip(np.searchsorted(frames, wanted), 1, sizes['M'] - 1)
        far = (np.diff(frames) > max_gap)[after - 1] & ~np.isin(wanted, frames)
        between[far] = np.nan
    return between


def move_mask(mask: np.ndarray, box: np.ndarray, new_box: np.ndarray) -> np.ndarray:
    """Return a mask, shifted and scaled from one box to another.

    Args:
        mask: (h, w) bool, from a key frame, such as the nearest one.
        box: (4,) box of the body in that frame, with an area.
        new_box: (4,) box of the body in another frame, with an area.

    Returns:
        (h, w) bool; parts outside the image are cut off, and areas from outside it are empty.

    Raises:
        ValueError: A shape is wrong, or a box has no area.
    """
    check_shape(mask, ('h', 'w'), 'mask')
    old, new = (_check_box(given, name) for given, name in ((box, 'box'), (new_box, 'new_box')))
    scale = (new[2:] - new[:2]) / (old[2:] - old[:2])
    # A point x of pixel centres is at x + 0.5 on the scale of boxes.
    shift = new[:2] + scale * (0.5 - old[:2]) - 0.5
    matrix = np.concatenate([np.diag(scale), shift[:, None]], axis=1)
    levels = np.asarray(mask, dtype=bool).astype(np.uint8) * 255
    return cv2.warpAffine(levels, matrix, mask.shape[::-1], flags=cv2.INTER_LINEAR) >= 128


def _check_box(box: np.ndarray, name: str) -> np.ndarray:
    found = np.asarray(box, dtype=np.float64)
    check_shape(found, (4, ), name)
    if not np.isfinite(found).all() or not (found[2:] > found[:2]).all():
        raise ValueError(f'{name}: x0 < x1 and y0 < y1 expected, got {found.tolist()}')
    return found
