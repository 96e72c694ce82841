import numpy as np
import pytest

from mmxas.evaluation.self_consistency import bone_asymmetry, flip_rate

PARENTS, PAIRS = (0, 0, 1, 0, 3), ((1, 3), (2, 4))  # two chains of two bones from the root


def test_asymmetry_in_percent_of_the_bone():
    pose = np.array([[0, 0, 0], [10, 0, 0], [10, 30, 0], [-10, 0, 0], [-10, 0, 30.0]])
    assert bone_asymmetry(pose, PARENTS, PAIRS) == 0
    pose[4] = [-10, 0, 10]
    assert bone_asymmetry(pose[None], PARENTS, PAIRS) == pytest.approx([100 * (0 + 20 / 20) / 2])
    assert bone_asymmetry(0 * pose, PARENTS, PAIRS) == 0
    assert bone_asymmetry(7 * pose, PARENTS, PAIRS) == pytest.approx(bone_asymmetry(pose, PARENTS, PAIRS))


def test_flips_are_counted_a_pair():
    pose = np.array([[0, 0], [0.4, 0], [0.4, 0.5], [-0.4, 0], [-0.4, 0.5]])
    half, whole = pose[[0, 3, 2, 1, 4]], pose[[0, 3, 4, 1, 2]]
    poses = np.stack([pose] * 3)
    assert flip_rate(poses, np.stack([pose, half, whole]), PAIRS).tolist() == [0, 50, 100]
    assert flip_rate(poses, poses + 0.3, PAIRS).tolist() == [0, 0, 0]


def test_pairs_on_each_other_do_not_count():
    pose = np.array([[0, 0], [0.02, 0], [0.4, 0.5], [-0.02, 0], [-0.4, 0.5]])
    turned = pose[[0, 3, 2, 1, 4]]
    assert flip_rate(pose[None], turned[None], PAIRS).tolist() == [0]
    assert flip_rate(pose[None], turned[None], PAIRS, min_separation=0.01).tolist() == [50]
    assert np.isnan(flip_rate(0 * pose[None], pose[None], PAIRS)).all()


def test_what_is_refused():
    with pytest.raises(ValueError, match='at least one left/right pair'):
        flip_rate(np.zeros((1, 5, 2)), np.zeros((1, 5, 2)), ())
    with pytest.raises(ValueError, match='at least one bone with a counterpart'):
        bone_asymmetry(np.zeros((5, 3)), PARENTS, ())
    with pytest.raises(ValueError, match=r'keypoints: shape .*5, 3. expected'):
        bone_asymmetry(np.zeros((4, 3)), PARENTS, PAIRS)
