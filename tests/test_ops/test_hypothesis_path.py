import itertools

import numpy as np
import pytest
import torch

from mmxas.ops import choose_path, limb_groups, smooth_poses, take_path
from mmxas.structures import load_skeleton


def cost_of(path, poses, times, groups, scores=None, motion_std=0.0):
    """What a path of one index a group and frame costs, written down without any array; -1 where a group is missing."""
    total = 0.0
    for g, group in enumerate(groups):
        seen = [(t, path[t][g]) for t in range(len(path)) if path[t][g] >= 0]
        for (t, h), (u, i) in zip(seen, seen[1:]):
            total += sum(((poses[u, i, k] - poses[t, h, k]) ** 2).sum() for k in group) / (times[u] - times[t])
        if scores is not None:
            total -= sum(2 * motion_std ** 2 * np.log(scores[t, h, k]) for t, h in seen for k in group)
    return total


def cheapest(poses, valid, times, groups, scores=None, motion_std=0.0):
    """The cheapest of all paths of each group, by trying them."""
    best = []
    for group in groups:
        choices = [np.flatnonzero(row[:, group].any(axis=-1)).tolist() or [-1] for row in valid]
        best.append(min(itertools.product(*choices), key=lambda path: cost_of(
            [[h] for h in path], poses, times, [group], scores, motion_std)))
    return np.array(best).T


@pytest.mark.parametrize('groups', [[[0], [1], [2]], [[2, 0], [1]], [[0, 1, 2]]])
@pytest.mark.parametrize('with_scores', [False, True])
@pytest.mark.parametrize('seed', range(4))
def test_the_path_is_the_cheapest_of_all(groups, with_scores, seed):
    """Five frames of three hypotheses, uneven times, invalid entries, and frames that have none for some keypoints."""
    rng = np.random.default_rng(seed)
    poses, valid = rng.normal(size=(5, 3, 3, 3)), rng.random((5, 3, 3)) < 0.6
    valid[2, :, 1] = False
    valid[0] = valid[0] & (seed != 0)
    times = np.cumsum(rng.uniform(0.2, 3, 5))
    scores = rng.uniform(0.1, 1, (5, 3, 3))
    scores = scores / scores.max(axis=1, keepdims=True)
    effective = np.where(valid, scores, 0)
    effective = np.where(valid, scores, effective.max(axis=1, keepdims=True))
    effective[effective == 0] = 1.0  # a keypoint without any valid entry says nothing
    given = dict(scores=np.where(valid, scores, 0), motion_std=0.7) if with_scores else {}
    expected = cheapest(poses, valid, times, groups, effective if with_scores else None, 0.7)
    path = choose_path(poses, valid, times, groups, **given)
    assert path.shape == (5, 3) and path.dtype == np.int64
    for g, group in enumerate(groups):
        for keypoint in group:
            assert path[:, keypoint].tolist() == expected[:, g].tolist()
    assert (path[2, 1] == -1) == ([1] in groups or not valid[2].any())


def test_named_groups():
    poses = np.random.default_rng(0).normal(size=(6, 3, 4, 3))
    one, each = choose_path(poses, groups='pose'), choose_path(poses, groups='keypoint')
    assert (one == one[:, :1]).all() and (one == choose_path(poses, groups=[[0, 1, 2, 3]])).all()
    assert (each == choose_path(poses)).all() and not (each == each[:, :1]).all()
    assert (choose_path(poses[:, :, 2:3])[:, 0] == each[:, 2]).all()


def test_where_the_confident_hypothesis_jumps_the_path_does_not():
    """An arm that swings in front; its mirror image behind is the most confident one in every third frame."""
    times = np.arange(30) / 30
    front = np.stack([np.cos(times), np.sin(times), -0.5 - 0.1 * times], axis=-1)[:, None]
    back = front * [1, 1, -1]
    confident = (np.arange(30) % 3 == 1)[:, None, None]
    poses = np.stack([np.where(confident, back, front), np.where(confident, front, back)], axis=1)
    path = choose_path(poses, times=times)
    assert np.abs(np.diff(poses[:, 0, 0, 2])).max() > 1
    assert path[:, 0].tolist() == (np.arange(30) % 3 == 1).astype(int).tolist()
    np.testing.assert_array_equal(take_path(poses, path), front)


def test_a_long_gap_makes_a_long_way_cheaper():
    """One step of 3 and then rest, or 3 times 1 that return in one: 9 / gap against 1 + 1 + 1."""
    z = np.array([[0.0, 0.0], [3.0, 1.0], [3.0, 2.0], [3.0, 3.0]])
    poses = np.zeros((4, 2, 1, 3))
    poses[..., 0, 2] = z
    assert choose_path(poses, times=[0, 1, 2, 3]).ravel()[1:].tolist() == [1, 1, 0]
    assert choose_path(poses, times=[0, 10, 11, 12]).ravel()[1:].tolist() == [0, 0, 0]


def test_missing_frames_are_the_same_whether_they_are_left_out_or_invalid():
    rng = np.random.default_rng(1)
    poses, kept = rng.normal(size=(60, 3, 2, 3)), rng.random(60) < 0.4
    whole = np.where(kept[:, None, None, None], poses, np.nan)
    path = choose_path(whole, np.isfinite(whole).all(axis=-1))
    assert (path[~kept] == -1).all()
    assert (path[kept] == choose_path(poses[kept], times=np.flatnonzero(kept))).all()
    assert not (path[kept] == choose_path(poses[kept])).all()  # the gaps count
    taken = take_path(whole, path)
    assert np.isnan(taken[~kept]).all() and np.isfinite(taken[kept]).all()


def test_nothing_at_all_and_a_single_frame():
    assert choose_path(np.zeros((0, 3, 2, 3))).shape == (0, 2)
    assert choose_path(np.full((4, 3, 2, 3), np.nan), np.zeros((4, 3, 2), dtype=bool)).tolist() == [[-1, -1]] * 4
    assert choose_path(np.zeros((1, 3, 2, 3)), np.array([[[0, 1], [1, 0], [1, 0]]], dtype=bool)).tolist() == [[1, 0]]


def test_of_equal_paths_the_more_confident_hypothesis():
    """Two hypotheses that move alike, and three that do not move."""
    poses = np.zeros((4, 2, 1, 3))
    poses[:, 1, 0, 2] = 8.0
    poses[:, :, 0, 0] = np.arange(4)[:, None]
    assert choose_path(poses).ravel().tolist() == [0, 0, 0, 0]
    assert choose_path(np.zeros((4, 3, 1, 3))).ravel().tolist() == [0, 0, 0, 0]


def test_scores_decide_as_far_as_movement_lets_them():
    """Two rows of hypotheses at rest, 1 apart: the second one is the more likely by log 4 a frame."""
    poses = np.zeros((3, 2, 1, 3))
    poses[:, 1, 0, 2] = 1.0
    scores = np.array([[0.8, 0.2], [0.2, 0.8], [0.8, 0.2]])[..., None]
    # To the second one and back costs 2, and gains 2 s^2 log 4: s = 0.849 is where they are equal.
    assert choose_path(poses, scores=scores, motion_std=0.84).ravel().tolist() == [0, 0, 0]
    assert choose_path(poses, scores=scores, motion_std=0.86).ravel().tolist() == [0, 1, 0]
    assert choose_path(poses, scores=1 - scores, motion_std=0.1).ravel().tolist() == [1, 1, 1]


def test_an_invalid_entry_of_a_pose_has_the_score_of_the_depth_that_it_repeats():
    """Keypoint 1 has one peak: its second entry must not count against the hypothesis that keypoint 0 prefers."""
    poses = np.zeros((1, 2, 2, 3))
    valid = np.array([[[True, True], [True, False]]])
    scores = np.array([[[0.3, 0.9], [0.6, 0.0]]])
    assert choose_path(poses, valid, groups='pose', scores=scores, motion_std=1.0).tolist() == [[1, 1]]


def test_tensors_give_tensors():
    rng = np.random.default_rng(2)
    poses, valid = rng.normal(size=(7, 3, 2, 3)).astype(np.float32), rng.random((7, 3, 2)) < 0.7
    path = choose_path(torch.from_numpy(poses).requires_grad_(), torch.from_numpy(valid), torch.arange(7))
    expected = choose_path(poses, valid)
    assert path.dtype == torch.int64 and (path.numpy() == expected).all() and (expected == -1).any()
    np.testing.assert_array_equal(take_path(torch.from_numpy(poses), path).numpy(), take_path(poses, expected))
    smooth = smooth_poses(torch.from_numpy(poses[:, 0]), window=5)
    assert smooth.dtype == torch.float32
    np.testing.assert_allclose(smooth.numpy(), smooth_poses(poses[:, 0], window=5))


@pytest.mark.parametrize('change, message', [
    (dict(poses=np.zeros((4, 2, 3, 2))), r'poses: shape \(T, H, K, 3\) expected, got \(4, 2, 3, 2\)'),
    (dict(valid=np.ones((4, 2))), r'valid: shape \(4, 2, 3\) expected, got \(4, 2\)'),
    (dict(times=[0, 1, 1, 2]), r'times: expected finite, strictly increasing numbers, got \[0.0, 1.0, 1.0, 2.0\]'),
    (dict(times=[0, 1]), r'times: shape \(4\) expected'),
    (dict(groups='limb'), "groups: 'keypoint', 'pose' or lists of indices expected, got 'limb'"),
    (dict(groups=[[0, 1], [1, 2]]), r'each of the 3 keypoints in exactly one group, got \[\[0, 1\], \[1, 2\]'),
    (dict(groups=[[0, 1], [2], []]), 'groups: expected each of the 3 keypoints in exactly'),
    (dict(scores=np.ones((4, 2, 3))), 'scores and motion_std: pass both or neither'),
    (dict(motion_std=1.0), 'scores and motion_std: pass both or neither'),
    (dict(scores=np.ones((4, 2, 3)), motion_std=0.0), 'motion_std: a number above 0 expected'),
    (dict(scores=-np.ones((4, 2, 3)), motion_std=1.0), 'scores: expected finite numbers >= 0 .* -1.0 to -1.0'),
    (dict(poses=np.full((4, 2, 3, 3), np.inf)), 'frame 0, hypothesis 0, keypoint 0; mark it as invalid'),
])
def test_errors(change, message):
    with pytest.raises(ValueError, match=message):
        choose_path(**{'poses': np.zeros((4, 2, 3, 3)), **change})


def test_take_path_errors():
    with pytest.raises(ValueError, match=r'path: shape \(4, 3\) expected, got \(4, 2\)'):
        take_path(np.zeros((4, 2, 3, 3)), np.zeros((4, 2), dtype=int))


def test_limbs_of_a_skeleton():
    skeleton = load_skeleton('h36m18')
    groups = [[skeleton.keypoints[k] for k in group] for group in limb_groups(skeleton.parents)]
    assert groups == [
        ['root'], ['right_hip', 'right_knee', 'right_ankle'], ['left_hip', 'left_knee', 'left_ankle'],
        ['torso', 'thorax'], ['neck', 'nose', 'head'], ['left_shoulder', 'left_elbow', 'left_wrist'],
        ['right_shoulder', 'right_elbow', 'right_wrist']]
    assert limb_groups([0, 0, 1]) == [[0, 1, 2]] and limb_groups([1, 1]) == [[1, 0]]
    with pytest.raises(ValueError, match='expected one root, a keypoint that is its own parent, got 2'):
        limb_groups([0, 1])


def test_smoothing_keeps_parabolas_and_halves_noise():
    time = np.arange(40.0)
    parabola = np.stack([time ** 2, -time, np.ones(40)], axis=-1)[:, None]
    np.testing.assert_allclose(smooth_poses(parabola), parabola, atol=1e-9)
    noise = np.random.default_rng(0).normal(size=(4000, 1, 3))
    # The middle weight of the filter of 9 frames and order 2 is 59 / 231, which is its variance's factor, too.
    assert smooth_poses(noise).std() / noise.std() == pytest.approx(np.sqrt(59 / 231), abs=0.02)


def test_smoothing_stops_at_gaps():
    """A step at the gap stays a step, whether the frames are NaN or left out; what is missing stays so."""
    poses = np.zeros((20, 2, 3))
    poses[12:, 0] = 100.0
    poses[10:12, 0] = np.nan
    expected = poses.copy()
    np.testing.assert_allclose(smooth_poses(poses), expected, atol=1e-9)
    kept = np.isfinite(poses[:, 0, 0])
    left_out = smooth_poses(poses[kept], times=np.arange(20)[kept])
    np.testing.assert_allclose(left_out, expected[kept], atol=1e-9)
    assert 10 < smooth_poses(poses[kept])[9, 0, 0] < 90  # without times there is no gap


def test_a_short_run_has_a_short_window():
    zigzag = np.array([0.0, 1, 0, 1, 0, 1])[:, None, None]
    np.testing.assert_array_equal(smooth_poses(zigzag[:4]), zigzag[:4])  # three frames hold a parabola
    np.testing.assert_allclose(smooth_poses(zigzag), smooth_poses(zigzag, window=5))
    assert np.abs(smooth_poses(zigzag) - zigzag).max() > 0.2
    assert smooth_poses(np.zeros((0, 2, 3))).shape == (0, 2, 3)


@pytest.mark.parametrize('window, order', [(4, 2), (3, 3), (1, 1), (5, -1)])
def test_smoothing_errors(window, order):
    with pytest.raises(ValueError, match=f'window: expected an odd number .* window={window}, order={order}'):
        smooth_poses(np.zeros((9, 1, 3)), window, order)
