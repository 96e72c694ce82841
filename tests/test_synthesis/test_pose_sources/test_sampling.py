import numpy as np
import pytest
from scipy.stats import halfnorm, truncnorm

from mmxas.synthesis.pose_sources.sampling import half_normal, symmetric_normal


def rng():
    return np.random.default_rng(0)


def test_truncated_magnitudes_have_the_analytic_mean_and_spread():
    std = 30 / 1.96
    expected = truncnorm(0, 1.96, scale=std)
    drawn = half_normal(rng(), (200_000,), 30.0)
    assert drawn.min() >= 0 and drawn.max() <= 30
    np.testing.assert_allclose(drawn.mean(), expected.mean(), rtol=0.01)
    np.testing.assert_allclose(drawn.std(), expected.std(), rtol=0.01)


def test_clipped_magnitudes_pile_up_on_the_limit():
    drawn = half_normal(rng(), (200_000,), 30.0, mode='clip')
    assert drawn.max() == pytest.approx(30, abs=1e-12)
    np.testing.assert_allclose((drawn > 30 - 1e-9).mean(), halfnorm.sf(1.96), atol=0.002)
    assert (half_normal(rng(), (200_000,), 30.0) > 30 - 1e-9).mean() < 1e-4


def test_widths_broadcast_and_zero_width_stays_at_zero():
    drawn = half_normal(rng(), (1000, 2), np.array([0.0, 5.0]))
    assert (drawn[:, 0] == 0).all() and drawn[:, 1].max() > 4


def test_symmetric_normal_with_its_own_standard_deviation():
    drawn = symmetric_normal(rng(), (200_000,), 2.0, std=1.0)
    expected = truncnorm(-2, 2)
    assert np.abs(drawn).max() <= 2
    np.testing.assert_allclose(drawn.mean(), 0, atol=0.01)
    np.testing.assert_allclose(drawn.std(), expected.std(), rtol=0.01)
    assert (symmetric_normal(rng(), (3,), 0.0) == 0).all()
    clipped = symmetric_normal(rng(), (100_000,), 1.96, std=1.0, mode='clip')
    np.testing.assert_allclose((np.abs(clipped) == 1.96).mean(), 0.05, atol=0.003)


def test_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="mode='wrap'"):
        half_normal(rng(), (1,), 1.0, mode='wrap')
