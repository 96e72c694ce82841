import numpy as np
import pytest
from mmpose.evaluation.functional import keypoint_mpjpe, keypoint_pck_accuracy

from mmxas.ops.pose_metrics import (
    ambiguity_ratio,
    auc,
    error_2d,
    keypoint_distances,
    left_right_switch,
    mpjpe,
    n_mpjpe,
    p_mpjpe,
    pck,
    pckh,
)
from mmxas.structures import load_skeleton

# Largest errors against the recorded vectors, a mean's as a part of it (1e-7 measured), a keypoint's in mm.
RELATIVE, KEYPOINT_MM = 1e-5, 1e-3


def test_parity_metrics(parity) -> None:
    data = parity('metrics.npz')
    prediction, target = data['pred_mm'], data['gt_mm']
    mm = dict(mpjpe=mpjpe(prediction, target, root=None), n_mpjpe=n_mpjpe(prediction, target, released=True),
              p_mpjpe=p_mpjpe(prediction, target))
    percent = dict(pck150=pck(prediction, target, root=None), auc=auc(prediction, target, root=None))
    for name, value in {**mm, **percent}.items():
        assert value.mean() == pytest.approx(float(data[name]), abs=0, rel=RELATIVE), name


def test_parity_left_right_switch(parity) -> None:
    data = parity('metrics.npz')
    switched, which = left_right_switch(data['pred_mm'], data['gt_mm'], load_skeleton('h36m18').flip_pairs)
    np.testing.assert_array_equal(which, data['is_switched'])
    np.testing.assert_allclose(switched, data['switched_mm'], atol=KEYPOINT_MM)


@pytest.mark.parametrize(('alignment', 'own'), [
    ('none', lambda p, t: mpjpe(p, t, root=None)), ('scale', lambda p, t: n_mpjpe(p, t, released=True)),
    ('procrustes', p_mpjpe)])
def test_mmpose_has_the_same_errors(alignment, own) -> None:
    target = poses(40, 18) + [100.0, -50, 4000]
    prediction = target + poses(40, 18, seed=1) * 0.2
    expected = keypoint_mpjpe(prediction, target, np.ones((40, 18), bool), alignment)
    assert own(prediction, target).mean() == pytest.approx(expected, rel=RELATIVE)


def test_mmpose_has_the_same_pckh_of_all_and_of_visible_keypoints() -> None:
    rng = np.random.default_rng(3)
    target, head = rng.uniform(0, 500, (50, 16, 2)), rng.uniform(30, 90, 50)
    prediction = target + rng.normal(0, 25, target.shape)
    visible = rng.random((50, 16)) < 0.8
    for mask in (np.ones_like(visible), visible):
        accuracy = keypoint_pck_accuracy(prediction, target, mask, 0.5, np.repeat(head[:, None], 2, 1))[0]
        inside = np.stack([pckh(p[None], t[None], h) / 100 for p, t, h in zip(
            prediction.reshape(-1, 1, 2), target.reshape(-1, 1, 2), np.repeat(head, 16))]).reshape(50, 16)
        own = [inside[mask[:, k], k].mean() for k in range(16)]
        np.testing.assert_allclose(own, accuracy, rtol=RELATIVE)
        a_pose = [100 * inside[i][mask[i]].mean() for i in range(50)]
        np.testing.assert_allclose(pckh(prediction, target, head, 0.5, mask), a_pose)


def poses(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(*shape, 3)) * 300


def test_mpjpe_is_root_centred_by_default() -> None:
    target = poses(2, 4)
    shifted = target + 500.0
    np.testing.assert_allclose(mpjpe(shifted, target), 0, atol=1e-9)
    np.testing.assert_allclose(mpjpe(shifted, target, root=None), 500 * np.sqrt(3))
    moved = target.copy()
    moved[0, 2] += [30, 40, 0]
    np.testing.assert_allclose(mpjpe(moved, target), [12.5, 0], atol=1e-9)
    np.testing.assert_allclose(mpjpe(moved, target, root=2), [37.5, 0], atol=1e-9)


def test_n_mpjpe_scales_about_the_root_or_the_origin() -> None:
    target = poses(2, 5) + [0, 0, 4000]
    centred = 1.3 * (target - target[:, :1]) + [7.0, 8.0, 9.0]
    np.testing.assert_allclose(n_mpjpe(centred, target), 0, atol=1e-8)
    assert (n_mpjpe(centred, target, released=True) > 100).all()
    np.testing.assert_allclose(n_mpjpe(1.3 * target, target, released=True), 0, atol=1e-8)


def test_alignments_are_ordered() -> None:
    target, prediction = poses(8, 9), poses(8, 9) + poses(8, 9, seed=1) * 0.3
    assert (n_mpjpe(prediction, target) <= mpjpe(prediction, target) + 15).all()
    assert p_mpjpe(prediction, target).mean() < mpjpe(prediction, target).mean()


def test_hypotheses_broadcast() -> None:
    target, hypotheses = poses(3, 1, 5), poses(3, 4, 5, seed=1)
    for metric in (mpjpe, n_mpjpe, p_mpjpe, pck, auc):
        value = metric(hypotheses, target)
        assert value.shape == (3, 4)
        np.testing.assert_allclose(value[1, 2], metric(hypotheses[1, 2], target[1, 0]))


def test_pck_and_auc() -> None:
    target = np.zeros((1, 4, 3))
    prediction = target.copy()
    prediction[0, 1:, 0] = [75.0, 149.9, 150.0]
    assert pck(prediction, target).tolist() == [75.0]
    assert pck(prediction, target, threshold=50.0).tolist() == [25.0]
    assert pck(prediction, target, threshold=50.0, keypoints=[1, 2, 3]).tolist() == [0.0]  # the root is always right
    assert auc(prediction, target, keypoints=[0]).tolist() == [100 * 30 / 31]
    # Of the thresholds 0, 5, ..., 150: the root counts at 30, 75 mm at 15, 149.9 mm at one, 150 mm at none.
    assert auc(prediction, target)[0] == pytest.approx(100 * (30 + 15 + 1) / 31 / 4)


def test_distances_a_keypoint() -> None:
    target = poses(2, 4)
    prediction = target.copy()
    prediction[1, 3, 2] += 11.0
    expected = np.zeros((2, 4))
    expected[1, 3] = 11.0
    np.testing.assert_allclose(keypoint_distances(prediction, target), expected, atol=1e-9)


def test_switch_takes_the_nearer_counterpart_in_x_and_y() -> None:
    target = np.array([[[0, 0, 0], [100, 0, 0], [-100, 0, 900.0]]])
    prediction = target[:, [0, 2, 1]]
    switched, which = left_right_switch(prediction, target, [(1, 2)])
    np.testing.assert_array_equal(switched, target)
    assert which[0, :, 0].tolist() == [False, True, True]
    same, which = left_right_switch(target, target, [(1, 2)])
    np.testing.assert_array_equal(same, target)
    assert not which.any()


def test_the_2d_error_is_in_percent_of_the_crop() -> None:
    target, prediction = np.zeros((2, 4, 2)), np.zeros((2, 4, 2))
    prediction[0] = [3, 4]
    prediction[1, 0] = [30, 40]
    visible = np.array([[1, 1, 1, 1], [1, 0, 0, 0]])
    np.testing.assert_allclose(error_2d(prediction, target, np.array([100.0, 200.0])), [5, 100 * 12.5 / 200])
    np.testing.assert_allclose(error_2d(prediction, target, 100.0, visible), [5, 50])
    assert np.isnan(error_2d(prediction, target, 100.0, np.zeros((2, 4)))).all()


def test_ambiguity_is_what_the_views_disagree_in() -> None:
    switched = np.zeros((3, 4, 8), bool)
    switched[1] = True  # all views alike
    switched[2, :2, 0] = True  # two of four
    switched[2, :1, 1] = True  # one of four
    np.testing.assert_allclose(ambiguity_ratio(switched), [0, 0, (0.5 + 0.25) / 8])
    np.testing.assert_allclose(ambiguity_ratio(switched[..., None]), ambiguity_ratio(switched))
    assert ambiguity_ratio(switched[2]) == pytest.approx(0.75 / 8)


def test_many_thresholds_are_counted_without_a_table() -> None:
    distances = np.array([0.0, 4.999, 5.0, 77.0, 149.999, 150.0, 1e4])
    prediction = np.zeros((7, 1, 3))
    prediction[:, 0, 1] = distances
    expected = [(d < np.linspace(0, 150, 31)).mean() * 100 for d in distances]
    np.testing.assert_allclose(auc(prediction, np.zeros((7, 1, 3)), root=None), expected)


def test_exceptions() -> None:
    with pytest.raises(ValueError, match="alignment: one of 'none', 'scale', 'procrustes' expected, got 'rigid'"):
        pck(poses(2, 4), poses(2, 4), alignment='rigid')
    with pytest.raises(ValueError, match=r'target: shape \(..., 4, 3\) expected, got \(2, 5, 3\)'):
        mpjpe(poses(2, 4), poses(2, 5))
    with pytest.raises(ValueError, match='target: shape'):
        left_right_switch(poses(2, 4), poses(2, 5), [])
    with pytest.raises(ValueError, match='head_size: px above 0 expected, got 0.0'):
        pckh(np.zeros((1, 4, 2)), np.zeros((1, 4, 2)), np.zeros(1))
    with pytest.raises(ValueError, match='target: shape'):
        error_2d(np.zeros((1, 4, 2)), np.zeros((1, 5, 2)), 100.0)
