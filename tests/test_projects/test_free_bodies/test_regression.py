import numpy as np
import pytest
from body_model_building import regression


@pytest.fixture
def cloud():
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(200, 3))
    return 0.1 * directions / np.linalg.norm(directions, axis=1, keepdims=True)


def test_candidates_surround_the_point(cloud):
    allowed = np.ones(200, bool)
    allowed[:20] = False
    ring = regression.ring_of_candidates(cloud, np.zeros(3), allowed, per_direction=2)
    assert len(set(ring)) == len(ring) and ring.min() >= 20 and 40 <= len(ring) <= 52
    assert not len(regression.ring_of_candidates(cloud + 1, np.zeros(3), allowed))
    assert np.abs(cloud[ring].mean(0)).max() < 0.03


def test_weights_reproduce_a_convex_point(cloud):
    rng = np.random.default_rng(1)
    true = np.zeros(200)
    true[[3, 50, 120]] = 0.5, 0.3, 0.2
    shapes = cloud + 0.02 * rng.normal(size=(60, 200, 3))
    weights = regression.fit_weights(shapes, shapes.transpose(0, 2, 1) @ true, np.arange(0, 200, 1), ridge=1e-4)
    np.testing.assert_allclose(weights, true, atol=2e-3)
    assert (weights >= 0).all() and weights.sum() == pytest.approx(1)


def test_joint_regressor_reads_only_the_family(cloud):
    rng = np.random.default_rng(2)
    shapes = cloud * (1 + 0.1 * rng.normal(size=(30, 1, 1)))
    skinning = np.zeros((200, 4))
    skinning[np.arange(200), np.arange(200) % 4] = 1
    rows = regression.fit_joint_regressor(shapes, np.zeros((30, 4, 3)), skinning, (-1, 0, 1, 2))
    np.testing.assert_allclose(rows.sum(1), 1)
    np.testing.assert_allclose(rows @ shapes, 0, atol=1e-4)
    used = [set(np.flatnonzero(row) % 4) for row in rows]
    assert used[0] <= {0, 1} and used[1] <= {0, 1, 2} and used[3] <= {2, 3}


def test_symmetrised_and_rounded_rows():
    rows = np.array([[0.6, 0.1, 0.3], [0.2, 0.5, 0.3]])
    result = regression.symmetrised_rows(rows, np.array([1, 0, 2]), (1, 0))
    np.testing.assert_allclose(result, [[0.55, 0.15, 0.3], [0.15, 0.55, 0.3]])
    thirds = regression.rounded_rows(np.full((1, 3), 1 / 3) + 1e-9)
    assert sorted(thirds[0]) == [0.333333, 0.333333, 0.333334] and thirds.sum() == 1
