"""Select the hypotheses of successive frames that move least in 3D, and smooth poses over time.

Shapes: T frames, H hypotheses, K keypoints. For a missing frame, drop it and pass ``times`` that show the gap, or keep
it as a row without any valid hypothesis. The equations are in docs/video.md.
"""
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch
from scipy.signal import savgol_filter

from .checks import check_positive, check_shape

Array = TypeVar('Array', torch.Tensor, np.ndarray)
Groups = str | Sequence[Sequence[int]]

MISSING = -1  # the index of a hypothesis where there is none


def choose_path(poses: Array, valid: Array | None = None, times: Array | None = None, groups: Groups = 'keypoint',
                scores: Array | None = None, motion_std: float | None = None) -> Array:
    """Return which hypothesis to select in each frame, so that the keypoints move least over the whole clip.

    The cost of a path is the sum over its steps of the squared distances that the keypoints of the group move, divided
    by the duration of the step. A step leads to the next frame in which the group is present. Dynamic programming finds
    the cheapest of all H^T paths. Among paths of equal cost, the lower index wins, starting at the last frame.

    With ``scores``, each hypothesis also costs ``-2 * motion_std**2 * log(score)`` per keypoint. The result is then the
    most likely path if keypoints move as a random walk.

    Args:
        poses: (T, H, K, 3) with the same unit for x, y and z, such as camera mm. Invalid entries may be NaN, unless
            another keypoint of the group is valid in that hypothesis.
        valid: (T, H, K) bool. A hypothesis is never selected for a group without a valid keypoint in it. Defaults to
            None: all are valid.
        times: (T,) increasing, in any unit. Defaults to None: 0, 1, 2, ...
        groups: Which keypoints share a selection: ``'keypoint'`` selects per keypoint, ``'pose'`` for all together,
            and lists of indices per list, such as those of :func:`limb_groups`; each keypoint must be in exactly one
            list. Defaults to ``'keypoint'``.
        scores: (T, H, K), such as the depth profile's values at the hypotheses. A score of 0 is
            replaced by the keypoint's highest score in the frame, because an invalid entry repeats that depth; a
            keypoint without any positive score costs nothing. Defaults to None: not used.
        motion_std: Standard deviation of a keypoint's motion per axis and unit of time, in the unit of the poses; a
            larger value gives the scores more weight. Required with ``scores``, not allowed without.

    Returns:
        (T, K) int64 on the device of ``poses``, the index of each keypoint's hypothesis; -1 if its group is missing.

    Raises:
        ValueError: A shape, a time, a group or a score is wrong, or a valid entry is not finite.

    Examples:
        >>> front, back = [[[0.0, 0, -1]], [[0, 0, 1]]], [[[0, 0, 1]], [[0.0, 0, -1]]]
        >>> choose_path(np.array([front, front, back, front])).ravel()
        array([0, 0, 1, 0])
    """
    check_shape(poses, ('T', 'H', 'K', 3), 'poses')
    points = _as_numpy(poses, np.float64)
    sizes = points.shape[:3]
    entry_valid = np.ones(sizes, dtype=bool) if valid is None else _as_numpy(valid, bool)
    check_shape(entry_valid, sizes, 'valid')
    at = _check_times(times, sizes[0])
    members = _membership(groups, sizes[2])
    allowed = np.einsum('thk,gk->tgh', entry_valid, members) > 0
    needed = np.einsum('tgh,gk->thk', allowed, members) > 0
    _check_finite(points, needed)
    points = np.where(needed[..., None], points, 0.0)
    unary = np.where(allowed, _score_cost(scores, motion_std, entry_valid, members), np.inf)
    chosen = _cheapest(points, at, unary, members)
    path = chosen[:, members.argmax(axis=0)]
    return torch.from_numpy(path).to(poses.device) if isinstance(poses, torch.Tensor) else path


def take_path(poses: Array, path: Array) -> Array:
    """Return the poses that a path selects; the hypotheses are not modified.

    Args:
        poses: (T, H, K, C) floats.
        path: (T, K), as :func:`choose_path` returns it.

    Returns:
        (T, K, C), a copy; NaN where the path has -1.

    Raises:
        ValueError: A shape is wrong.

    Examples:
        >>> take_path(np.array([[[[1.0, 2]], [[3, 4]]]]), np.array([[1]]))
        array([[[3., 4.]]])
    """
    sizes = check_shape(poses, ('T', 'H', 'K', None), 'poses')
    check_shape(path, (sizes['T'], sizes['K']), 'path')
    if isinstance(poses, torch.Tensor):
        index = torch.as_tensor(path).clamp_min(0)[:, None, :, None].expand(-1, 1, -1, poses.shape[-1])
        return poses.gather(1, index)[:, 0].masked_fill((path == MISSING)[..., None], torch.nan)
    taken = np.take_along_axis(poses, np.maximum(path, 0)[:, None, :, None], axis=1)[:, 0]
    return np.where((path == MISSING)[..., None], np.nan, taken)


def limb_groups(parents: Sequence[int]) -> list[list[int]]:
    """Return the unbranched parts of a skeleton: limbs, trunk, and the root alone if the tree branches there.

    Args:
        parents: Index of each keypoint's parent; the root is its own (:class:`mmxas.structures.Skeleton`).

    Returns:
        Groups of indices, each from its top joint downwards; each keypoint is in one group.

    Raises:
        ValueError: The number of roots is not 1.

    Examples:
        >>> limb_groups([0, 0, 1, 0, 3, 4])
        [[0], [1, 2], [3, 4, 5]]
    """
    roots = [child for child, parent in enumerate(parents) if child == parent]
    if len(roots) != 1:
        raise ValueError(f'parents: expected one root, a keypoint that is its own parent, got {len(roots)}')
    children = [[child for child, parent in enumerate(parents) if parent == joint != child]
                for joint in range(len(parents))]
    tops = roots + [child for below in children if len(below) > 1 for child in below]
    groups = []
    for top in tops:
        groups.append([top])
        while len(children[groups[-1][-1]]) == 1:
            groups[-1] += children[groups[-1][-1]]
    return groups


def smooth_poses(poses: Array, window: int = 9, order: int = 2, times: Array | None = None) -> Array:
    """Smooth each keypoint over time with a Savitzky-Golay filter (polynomials fitted in a moving window).

    Gaps are not filled, and the filter does not cross them. A gap is a frame where the keypoint is NaN, or a time step
    of more than 1.5 times the median step. A run of frames shorter than the window is filtered with the longest odd
    window that fits into it; if that is not longer than ``order`` + 1, the run is not changed.

    Args:
        poses: (T, K, C) floats; NaN where a keypoint is missing.
        window: Odd number of frames, more than ``order``. Defaults to 9.
        order: Degree of the polynomials. Defaults to 2.
        times: (T,) increasing, in any unit; used to find gaps. Within a run, steps count as equal. Defaults to None:
            0, 1, 2, ...

    Returns:
        (T, K, C), a copy.

    Raises:
        ValueError: A shape or a time is wrong, or window and order do not fit.

    Examples:
        >>> smooth_poses(np.array([0.0, 3, 0]).reshape(3, 1, 1), window=3, order=0).ravel()
        array([1., 1., 1.])
    """
    check_shape(poses, ('T', 'K', None), 'poses')
    if type(order) is not int or order < 0 or type(window) is not int or window % 2 == 0 or window <= order:
        raise ValueError(f'window: expected an odd number of frames larger than order, got window={window!r}, '
                         f'order={order!r}')
    points = _as_numpy(poses, np.float64)
    at = _check_times(times, len(points))
    steps = np.diff(at)
    far = steps > 1.5 * np.median(steps) if len(steps) else steps > 0
    smooth = points.copy()
    for keypoint in range(points.shape[1]):
        there = np.isfinite(points[:, keypoint]).all(axis=-1)
        for start, end in _runs(there, far):
            size = min(window, end - start - (end - start + 1) % 2)
            if size > order + 1:
                smooth[start:end, keypoint] = savgol_filter(points[start:end, keypoint], size, order, axis=0)
    return torch.from_numpy(smooth).to(poses) if isinstance(poses, torch.Tensor) else smooth.astype(poses.dtype)


def _cheapest(points: np.ndarray, times: np.ndarray, unary: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Viterbi's algorithm for all groups at once: (T, H, K, 3), (T,), (T, G, H), (G, K) to (T, G) int64."""
    frames, num_groups, count = unary.shape
    here = np.isfinite(unary).any(axis=-1)  # (T, G)
    before = np.arange(count)
    back = np.empty((frames, num_groups, count), dtype=np.int64)
    total = np.zeros((num_groups, count))
    last, since = np.zeros(points.shape[1:]), np.full(num_groups, np.nan)  # where and when each group was last there
    for t in range(frames):
        now = here[t]
        moved = np.square(points[t][:, None] - last).sum(axis=-1)  # (H now, H before, K)
        step = np.einsum('abk,gk->gab', moved, members)
        elapsed = np.where(np.isnan(since), np.inf, times[t] - since)  # no step leads to a group's first frame
        cost = step / elapsed[:, None, None] + total[:, None]
        back[t] = np.where(now[:, None], cost.argmin(axis=-1), before)
        total = np.where(now[:, None], cost.min(axis=-1) + unary[t], total)
        moves = members.T @ now > 0  # (K,)
        last = np.where(moves[:, None], points[t], last)
        since = np.where(now, times[t], since)
    chosen = np.empty((frames, num_groups), dtype=np.int64)
    state = total.argmin(axis=-1)
    for t in range(frames - 1, -1, -1):
        chosen[t] = np.where(here[t], state, MISSING)
        state = np.take_along_axis(back[t], state[:, None], axis=-1)[:, 0]
    return chosen


def _score_cost(scores: Array | None, motion_std: float | None, valid: np.ndarray, members: np.ndarray) -> np.ndarray:
    """What the hypotheses of each group cost by their scores, (T, G, H)."""
    if (scores is None) != (motion_std is None):
        raise ValueError('scores and motion_std: pass both or neither')
    if scores is None or motion_std is None:
        return np.zeros((len(valid), len(members), valid.shape[1]))
    check_positive(motion_std, 'motion_std')
    score = _as_numpy(scores, np.float64)
    check_shape(score, valid.shape, 'scores')
    if not (np.isfinite(score[valid]) & (score[valid] >= 0)).all():
        raise ValueError(f'scores: expected finite numbers >= 0 for valid entries, got '
                         f'{score[valid].min()} to {score[valid].max()}')
    score = np.where(valid, score, 0.0)
    score = np.where(score > 0, score, score.max(axis=1, keepdims=True))
    cost = -2.0 * motion_std ** 2 * np.log(np.where(score > 0, score, 1.0))
    return np.einsum('thk,gk->tgh', cost, members)


def _membership(groups: Groups, num_keypoints: int) -> np.ndarray:
    """Which keypoints each group has, (G, K) of 0.0 and 1.0."""
    if isinstance(groups, str):
        if groups not in ('keypoint', 'pose'):
            raise ValueError(f"groups: 'keypoint', 'pose' or lists of indices expected, got {groups!r}")
        return np.eye(num_keypoints) if groups == 'keypoint' else np.ones((1, num_keypoints))
    if sorted(index for group in groups for index in group) != list(range(num_keypoints)) or not all(map(len, groups)):
        raise ValueError(f'groups: expected each of the {num_keypoints} keypoints in exactly one group, got '
                         f'{[list(group) for group in groups]}')
    members = np.zeros((len(groups), num_keypoints))
    for row, group in zip(members, groups, strict=True):
        row[list(group)] = 1.0
    return members


def _check_times(times: Array | None, frames: int) -> np.ndarray:
    if times is None:
        return np.arange(frames, dtype=np.float64)
    found = _as_numpy(times, np.float64)
    check_shape(found, (frames, ), 'times')
    if not np.isfinite(found).all() or (np.diff(found) <= 0).any():
        raise ValueError(f'times: expected finite, strictly increasing numbers, got {found.tolist()[:10]}'
                         f'{" ..." if frames > 10 else ""}')
    return found


def _check_finite(points: np.ndarray, needed: np.ndarray) -> None:
    wrong = np.argwhere(needed & ~np.isfinite(points).all(axis=-1))
    if len(wrong):
        frame, hypothesis, keypoint = wrong[0].tolist()
        raise ValueError(f'poses: expected finite numbers wherever a hypothesis can be selected, got '
                         f'{points[frame, hypothesis, keypoint].tolist()} at frame {frame}, hypothesis {hypothesis}, '
                         f'keypoint {keypoint}; mark it as invalid')


def _runs(there: np.ndarray, far: np.ndarray) -> list[tuple[int, int]]:
    """Start and end of the runs of frames that are there, without a long step inside."""
    joined = there[1:] & there[:-1] & ~far
    starts = np.flatnonzero(there & ~np.concatenate([[False], joined]))
    ends = np.flatnonzero(there & ~np.concatenate([joined, [False]])) + 1
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def _as_numpy(array: Array, dtype: type) -> np.ndarray:
    found = array.detach().cpu().numpy() if isinstance(array, torch.Tensor) else np.asarray(array)
    return found.astype(dtype)
