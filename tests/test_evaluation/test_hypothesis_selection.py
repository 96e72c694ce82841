import numpy as np
import pytest

from mmxas.evaluation.hypothesis_selection import (
    best_keypoints,
    best_pose_errors,
    counted_poses,
    depth_noise_copies,
    hypothesis_errors,
)

ROOT = np.array([0.0, 0.0, 4000.0])


@pytest.fixture
def target():
    points = np.random.default_rng(0).normal(0, 300, (4, 6, 3)) + ROOT
    points[:, 0] = ROOT
    return points


def moved(target, *offsets):
    """Hypotheses whose keypoints 1 to 5 are off by so many mm in depth."""
    hypotheses = np.repeat(target[:, None], len(offsets), axis=1)
    for h, offset in enumerate(offsets):
        hypotheses[:, h, 1:, 2] += offset
    return hypotheses


def test_the_best_valid_pose_wins(target):
    hypotheses, valid = moved(target, 60, 30, 0), np.ones((4, 3, 6), bool)
    assert np.allclose(best_pose_errors(hypotheses, valid, target)['MPJPE'], 0)
    valid[:, 2] = False
    assert np.allclose(best_pose_errors(hypotheses, valid, target)['MPJPE'], 30 * 5 / 6)
    valid[:2, 1, 1:] = False  # one valid keypoint is enough for a pose
    assert np.allclose(best_pose_errors(hypotheses, valid, target)['MPJPE'], 30 * 5 / 6)
    valid[:2, 1] = False
    assert np.allclose(best_pose_errors(hypotheses, valid, target)['MPJPE'], [50, 50, 25, 25])


def test_the_top1_pose_always_counts():
    valid = np.zeros((2, 3, 5), bool)
    valid[1, 2, 4] = True
    assert counted_poses(valid).tolist() == [[True, False, False], [True, False, True]]


def test_invalid_keypoints_never_win(target):
    hypotheses, valid = moved(target, 60, 0), np.ones((4, 2, 6), bool)
    valid[:, 1, 3:] = False
    best = best_keypoints(hypotheses, valid, target)
    distance = np.linalg.norm(best - (target - ROOT), axis=-1)
    assert np.allclose(distance, [0, 0, 0, 60, 60, 60])


def test_keypoints_are_joined_across_hypotheses(target):
    hypotheses = moved(target, 0, 0)
    hypotheses[:, 0, 1:3, 2] += 50
    hypotheses[:, 1, 3:, 2] += 50
    errors = hypothesis_errors(hypotheses, np.ones((4, 2, 6), bool), target)
    assert np.allclose(errors['best_of_h_per_joint']['MPJPE'], 0)
    assert np.allclose(errors['top1']['MPJPE'], 100 / 6)
    assert np.allclose(errors['best_of_h_per_pose']['MPJPE'], 100 / 6)


def test_three_metrics_and_the_order_between_them(target):
    rng = np.random.default_rng(1)
    hypotheses = np.repeat(target[:, None], 3, axis=1) + rng.normal(0, 80, (4, 3, 6, 3))
    errors = hypothesis_errors(hypotheses, np.ones((4, 3, 6), bool), target, mean_pose=np.zeros((6, 3)))
    assert list(errors) == [
        'mean_pose', 'top1', 'best_of_h_per_pose', 'best_of_h_per_joint', 'best_of_noise', 'best_of_first']
    for name in ('MPJPE', 'N-MPJPE', 'P-MPJPE'):
        assert (errors['best_of_h_per_pose'][name] <= errors['top1'][name] + 1e-9).all()
    assert (errors['best_of_h_per_joint']['MPJPE'] <= errors['best_of_h_per_pose']['MPJPE'] + 1e-9).all()
    assert (errors['top1']['P-MPJPE'] < errors['top1']['MPJPE']).all()
    assert np.allclose(errors['mean_pose']['MPJPE'], np.linalg.norm(target - ROOT, axis=-1).mean(1))


def test_scale_and_place_do_not_matter_where_they_should_not(target):
    scaled = ((target - ROOT) * 1.3 + ROOT)[:, None]
    errors = hypothesis_errors(scaled + [100.0, 0, 0], np.ones((4, 1, 6), bool), target)['top1']
    assert np.allclose(errors['N-MPJPE'], 0, atol=1e-9) and np.allclose(errors['P-MPJPE'], 0, atol=1e-6)
    assert (errors['MPJPE'] > 50).all()


def test_one_hypothesis_has_no_control(target):
    assert 'best_of_noise' not in hypothesis_errors(target[:, None], np.ones((4, 1, 6), bool), target)


def test_noise_has_the_spread_of_the_hypotheses_and_keeps_the_image():
    rng = np.random.default_rng(0)
    top1 = np.concatenate([rng.normal(0, 300, (500, 1, 18, 2)), rng.normal(4000, 200, (500, 1, 18, 1))], -1)
    hypotheses = np.repeat(top1, 3, axis=1)
    hypotheses[:, 1:, :, 2] += rng.choice([-90.0, 90.0], (500, 2, 18))
    valid = np.ones((500, 3, 18), bool)
    valid[::2, 2] = False
    copies = depth_noise_copies(hypotheses, valid)
    assert (copies[:, 0] == top1[:, 0]).all()
    assert (copies[:, 1:] - top1)[..., 2].std() == pytest.approx(90, rel=0.03)
    assert np.allclose(copies[..., :2] / copies[..., 2:], top1[..., :2] / top1[..., 2:])
    assert (depth_noise_copies(hypotheses, valid) == copies).all()
    valid[:, 1:] = False
    assert np.allclose(depth_noise_copies(hypotheses, valid)[:, 1:], top1)


def test_shapes_are_checked(target):
    with pytest.raises(ValueError, match='valid'):
        hypothesis_errors(moved(target, 0, 0), np.ones((4, 3, 6), bool), target)
