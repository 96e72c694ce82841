import numpy as np
import pytest

from mmxas.datasets.skeletons import load_skeleton
from mmxas.ops.pose_metrics import auc, keypoint_distances, left_right_switch, mpjpe, n_mpjpe, p_mpjpe, pck

# Largest errors against the recorded vectors: mm, and percent (1e-5 mm and 1e-7 % measured).
PARITY_MM, PARITY_PERCENT = 1e-3, 1e-4


def test_parity_metrics(parity) -> None:
    data = parity('metrics.npz')
    prediction, target = data['pred_mm'], data['gt_mm']
    mm = dict(mpjpe=mpjpe(prediction, target, root=None), n_mpjpe=n_mpjpe(prediction, target, released=True),
              p_mpjpe=p_mpjpe(prediction, target))
    percent = dict(pck150=pck(prediction, target, root=None), auc=auc(prediction, target, root=None))
    for name, value in mm.items():
        assert value.mean() == pytest.approx(float(data[name]), abs=PARITY_MM), name
    for name, value in percent.items():
        assert value.mean() == pytest.approx(float(data[name]), abs=PARITY_PERCENT), name


def test_parity_left_right_switch(parity) -> None:
    data = parity('metrics.npz')
    switched, which = left_right_switch(data['pred_mm'], data['gt_mm'], load_skeleton('h36m18').pairs)
    np.testing.assert_array_equal(which, data['is_switched'])
    np.testing.assert_allclose(switched, data['switched_mm'], atol=PARITY_MM)


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


def test_exceptions() -> None:
    with pytest.raises(ValueError, match="alignment: one of 'none', 'scale', 'procrustes' expected, got 'rigid'"):
        pck(poses(2, 4), poses(2, 4), alignment='rigid')
    with pytest.raises(ValueError, match=r'target: shape \(..., 4, 3\) expected, got \(2, 5, 3\)'):
        mpjpe(poses(2, 4), poses(2, 5))
    with pytest.raises(ValueError, match='target: shape'):
        left_right_switch(poses(2, 4), poses(2, 5), [])
