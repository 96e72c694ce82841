import numpy as np
import pytest

from mmxas.evaluation.pose_set_distance import nearest_pose_distance, yaw_aligned_distance


def poses(n, seed=0):
    return np.random.default_rng(seed).normal(0, 300, (n, 6, 3))


def turned(pose, angle, up=1):
    c, s = np.cos(angle), np.sin(angle)
    first, second = (axis for axis in range(3) if axis != up)
    out = pose.copy()
    out[..., first], out[..., second] = c * pose[..., first] - s * pose[..., second], \
        s * pose[..., first] + c * pose[..., second]
    return out


@pytest.mark.parametrize('up', [1, 2])
def test_turn_and_place_do_not_count(up):
    a = poses(4)
    b = turned(a, 2.1, up) + [100, 20, -30]
    np.testing.assert_allclose(yaw_aligned_distance(a, b, up=up), 0, atol=1e-9)
    assert (yaw_aligned_distance(a, b, up=3 - up) > 50).all()


def test_a_single_moved_keypoint_counts_its_share():
    a = poses(1)
    b = a.copy()
    b[0, 3, 1] += 60  # along the vertical: no turn can help
    np.testing.assert_allclose(yaw_aligned_distance(a, b), 10)


def test_the_turn_is_the_best_in_squares():
    a, b = poses(1), poses(1, 1)
    a, b = a - a[:, :1], b - b[:, :1]
    angles = np.linspace(0, 2 * np.pi, 2000)
    squares = [((turned(b, angle) - a) ** 2).sum() for angle in angles]
    best = turned(b, angles[int(np.argmin(squares))])
    np.testing.assert_allclose(yaw_aligned_distance(a, b), np.linalg.norm(best - a, axis=2).mean(1), rtol=1e-3)


def test_nearest_equals_brute_force():
    queries, references = poses(20), poses(50, 1)
    brute = yaw_aligned_distance(queries[:, None], references[None]).min(1)
    np.testing.assert_allclose(nearest_pose_distance(queries, references, candidates=50, chunk=7), brute)
    few = nearest_pose_distance(queries, references, candidates=8)
    assert (few >= brute - 1e-9).all() and few.mean() < 1.01 * brute.mean()


def test_a_set_against_itself_leaves_out_each_pose():
    a = poses(10)
    np.testing.assert_allclose(nearest_pose_distance(a, a), 0, atol=1e-9)
    alone = nearest_pose_distance(a, a, exclude='same_index', candidates=20, chunk=3)
    everything = yaw_aligned_distance(a[:, None], a[None])
    np.fill_diagonal(everything, np.inf)
    np.testing.assert_allclose(alone, everything.min(1))


def test_wrong_sets():
    with pytest.raises(ValueError, match=r'\(2, 6, 3\) and \(2, 5, 3\)'):
        nearest_pose_distance(poses(2), poses(2)[:, :5])
    with pytest.raises(ValueError, match='too few'):
        nearest_pose_distance(poses(2), poses(1), exclude='same_index')
