"""Track bodies over frames: match the boxes of each frame to the known bodies by position and motion.

Shapes: N known bodies, M boxes of a frame. Boxes are x0, y0, x1, y1 in px on pixel edges. Frame
numbers increase; frames without detections may be skipped.
"""
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from .boxes import box_overlaps
from .checks import check_positive, check_shape


class Tracks(NamedTuple):
    """The bodies that are known up to a frame; ``Tracks()`` has none.

    Attributes:
        ids: (N,) int64 identity of each.
        boxes: (N, 4) where each was last seen.
        velocities: (N, 2) of the box's centre, px per frame; NaN for a body that was seen once.
        seen: (N,) int64 frame in which each was last seen.
        next_id: The identity of the next new body.
        frame: The last frame; None before the first.
    """

    ids: np.ndarray = np.zeros(0, dtype=np.int64)
    boxes: np.ndarray = np.zeros((0, 4))
    velocities: np.ndarray = np.zeros((0, 2))
    seen: np.ndarray = np.zeros(0, dtype=np.int64)
    next_id: int = 0
    frame: int | None = None


def update_tracks(tracks: Tracks, boxes: np.ndarray, frame: int, max_absence: int = 45, min_overlap: float = 0.1,
                  reach: float = 0.5) -> tuple[np.ndarray, Tracks]:
    """Assign identities to the boxes of a frame: of the matching known bodies, otherwise new ones.

    Boxes are matched twice, each time so that the sum of overlaps (intersection over union) is largest. The first
    matching uses the predicted boxes of the known bodies, at the constant velocity at which each was last seen. The
    second one takes the remaining boxes, grown by ``reach`` on each side, and compares them with the predicted or the
    last box, whichever fits better; this finds bodies that turned around, came back where they left, or have no known
    velocity yet. A body that was not seen for more than ``max_absence`` frames is dropped, and gets a new identity if
    it returns, so the state does not grow with the number of frames.

    Args:
        tracks: The known bodies; ``Tracks()`` before the first frame. Not modified.
        boxes: (M, 4) with an area; (0, 4) in a frame without bodies.
        frame: Number of the frame, larger than the previous one.
        max_absence: Frames for which a body is remembered. Defaults to 45.
        min_overlap: Smallest overlap of a match, in (0, 1]. Defaults to 0.1.
        reach: Fraction of its size by which a box grows on each side in the second matching. Defaults to 0.5.

    Returns:
        (M,) int64 identities in the order of the boxes, without repeats; new bodies get 0, 1, 2, ... And the updated
        tracks.

    Raises:
        ValueError: A box is invalid, the frame is not after the last one, or an option is out of range.

    Examples:
        >>> ids, tracks = update_tracks(Tracks(), np.array([[0, 0, 10, 20], [50, 0, 60, 20]]), frame=0)
        >>> update_tracks(tracks, np.array([[51, 0, 61, 20], [90, 0, 99, 20], [1, 0, 11, 20]]), frame=1)[0]
        array([1, 2, 0])
    """
    found = _check_boxes(boxes)
    if tracks.frame is not None and frame <= tracks.frame:
        raise ValueError(f'frame: expected a number above {tracks.frame}, the previous frame, got {frame}')
    check_positive(max_absence, 'max_absence')
    if not 0 < min_overlap <= 1 or not reach >= 0:
        raise ValueError(f'expected min_overlap in (0, 1] and reach >= 0, got {min_overlap} and {reach}')
    kept = frame - tracks.seen <= max_absence
    known = tracks._replace(ids=tracks.ids[kept], boxes=tracks.boxes[kept], velocities=tracks.velocities[kept],
                            seen=tracks.seen[kept])
    owner = np.full(len(found), -1)  # the row of ``known`` that each box is of
    expected = predict_boxes(known, frame)
    _match(owner, box_overlaps(expected, found), min_overlap)
    grown = _grow(found, reach)
    _match(owner, np.maximum(box_overlaps(_grow(expected, reach), grown),
                             box_overlaps(_grow(known.boxes, reach), grown)), min_overlap)
    return _with_boxes(known, found, owner, frame)


def predict_boxes(tracks: Tracks, frame: int) -> np.ndarray:
    """Return where the known bodies are in a frame, each at the constant velocity at which it was last seen.

    Args:
        tracks: What is known.
        frame: Number of the frame.

    Returns:
        (N, 4) boxes of the size that each was last seen with; a body that was seen once is where it was.
    """
    moved = np.nan_to_num(tracks.velocities) * (frame - tracks.seen)[:, None]
    return tracks.boxes + np.tile(moved, 2)


def _match(owner: np.ndarray, overlaps: np.ndarray, min_overlap: float) -> None:
    """Give boxes without an owner one of the bodies without a box; ``overlaps`` is (N, M)."""
    boxes = np.flatnonzero(owner < 0)
    bodies = np.setdiff1d(np.arange(len(overlaps)), owner)
    fits = overlaps[np.ix_(bodies, boxes)]
    fits = np.where(fits >= min_overlap, fits, 0.0)
    for row, column in zip(*linear_sum_assignment(fits, maximize=True), strict=True):
        if fits[row, column] > 0:
            owner[boxes[column]] = bodies[row]


def _with_boxes(known: Tracks, found: np.ndarray, owner: np.ndarray, frame: int) -> tuple[np.ndarray, Tracks]:
    """The identities of the boxes, and what is known with them: the absent bodies first, in their order."""
    new = owner < 0
    ids = np.zeros(len(found), dtype=np.int64)
    ids[~new] = known.ids[owner[~new]]
    ids[new] = known.next_id + np.arange(new.sum())
    velocities = np.full((len(found), 2), np.nan)
    before = owner[~new]
    moved = (_centres(found[~new]) - _centres(known.boxes[before])) / (frame - known.seen[before])[:, None]
    old = known.velocities[before]
    velocities[~new] = np.where(np.isnan(old), moved, (old + moved) / 2)  # the mean: boxes tremble
    absent = np.setdiff1d(np.arange(len(known.ids)), owner)
    return ids, Tracks(
        ids=np.concatenate([known.ids[absent], ids]), boxes=np.concatenate([known.boxes[absent], found]),
        velocities=np.concatenate([known.velocities[absent], velocities]),
        seen=np.concatenate([known.seen[absent], np.full(len(found), frame)]),
        next_id=known.next_id + int(new.sum()), frame=frame)


def _check_boxes(boxes: np.ndarray) -> np.ndarray:
    check_shape(boxes, ('M', 4), 'boxes')
    found = np.array(boxes, dtype=np.float64)
    wrong = ~(np.isfinite(found).all(axis=1) & (found[:, 2:] > found[:, :2]).all(axis=1))
    if wrong.any():
        raise ValueError(f'boxes: x0 < x1 and y0 < y1 expected, got {found[wrong][0].tolist()}')
    return found


def _centres(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def _grow(boxes: np.ndarray, share: float) -> np.ndarray:
    around = (boxes[:, 2:] - boxes[:, :2]) * share
    return np.concatenate([boxes[:, :2] - around, boxes[:, 2:] + around], axis=1)
