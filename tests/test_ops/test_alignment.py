import numpy as np
import pytest

from mmxas.ops.alignment import align_procrustes, align_scale, root_centred


def poses(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(*shape, 3)) * 300


def rotations(num: int) -> np.ndarray:
    q = np.linalg.qr(np.random.default_rng(5).normal(size=(num, 3, 3)))[0]
    return q * np.linalg.det(q)[:, None, None]


def test_root_centred() -> None:
    centred = root_centred(poses(2, 4, 5), root=3)
    assert (centred[..., 3, :] == 0).all()
    np.testing.assert_allclose(np.diff(centred, axis=-2), np.diff(poses(2, 4, 5), axis=-2))


def test_align_scale_is_least_squares() -> None:
    target = poses(3, 6)
    np.testing.assert_allclose(align_scale(target * [[[0.5]], [[2.0]], [[1.0]]], target), target)
    noisy = target + poses(3, 6, seed=1) * 0.3
    best = ((align_scale(noisy, target) - target) ** 2).sum(axis=(1, 2))
    for factor in (0.99, 1.01):
        assert (((align_scale(noisy, target) * factor - target) ** 2).sum(axis=(1, 2)) > best).all()


def test_align_scale_of_zeros_stays() -> None:
    assert (align_scale(np.zeros((1, 4, 3)), poses(1, 4)) == 0).all()


def test_procrustes_undoes_a_similarity_transform() -> None:
    target = poses(4, 7)
    moved = 1.7 * target @ rotations(4).swapaxes(-1, -2) + np.array([100.0, -50.0, 4000.0])
    np.testing.assert_allclose(align_procrustes(moved, target), target, atol=1e-8)
    np.testing.assert_allclose(align_procrustes(moved[:, None], target[:, None])[:, 0], target, atol=1e-8)


def test_procrustes_does_not_reflect() -> None:
    target = poses(1, 7)
    assert np.abs(align_procrustes(target * [-1, 1, 1], target) - target).max() > 10


def test_procrustes_of_a_point_goes_to_the_mean() -> None:
    target = poses(1, 5)
    aligned = align_procrustes(np.ones((1, 5, 3)), target)
    np.testing.assert_allclose(aligned, np.broadcast_to(target.mean(axis=1, keepdims=True), aligned.shape))


def test_exceptions() -> None:
    with pytest.raises(ValueError, match=r'target: shape \(2, 5, 3\) expected, got \(5, 3\)'):
        align_scale(poses(2, 5), poses(5))
    with pytest.raises(ValueError, match='points: shape'):
        root_centred(np.zeros((4, 2)))
