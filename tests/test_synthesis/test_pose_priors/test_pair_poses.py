import numpy as np
import pytest

from mmxas.synthesis import PairReader, synthesize
from mmxas.synthesis.pair_generator import PairGenerator
from mmxas.synthesis.pose_priors import PairPoses

GENERATOR = dict(body_model=dict(type='SMPLBodyModel'), pose_source=dict(type='TruncatedGaussianPrior'), image_size=32)
RNG = np.random.default_rng(0)


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp('pairs') / 'set'
    synthesize(GENERATOR, out=str(folder), num=3, workers=0, seed=0)
    return str(folder)


def test_index_means_pair_and_starts_again_behind_the_last(root):
    source, pairs = PairPoses(root), PairReader(root)
    sample = source.sample(4, RNG, index=1)
    for place, row in enumerate((1, 2, 0, 1)):
        np.testing.assert_array_equal(sample.pose[place], pairs[row].pose)
        np.testing.assert_array_equal(sample.betas[place], pairs[row].betas)
    assert len(source) == 3 and [path.name for path in source.data_files] == ['meta.json']


def test_rendered_again_a_pair_shows_the_same_body_from_elsewhere(root):
    again = PairGenerator.from_config({**GENERATOR, 'pose_source': dict(type='PairPoses', data_root=root)}, seed=5)
    first, second = (PairGenerator.from_config(GENERATOR, seed=0).body_keypoints([2])[0], again.body_keypoints([2])[0])
    np.testing.assert_allclose(first, second, atol=1e-3)
    assert abs(again.generate(2).keypoints_cam - PairReader(root)[2].keypoints_cam).max() > 10


def test_a_world_whose_y_points_down_is_turned_upright(root):
    up, down = (PairPoses(root, y_axis=axis) for axis in ('up', 'down'))
    np.testing.assert_array_equal(up.pose[:, 1:], down.pose[:, 1:])
    generator = PairGenerator.from_config({**GENERATOR, 'pose_source': dict(type='PairPoses', data_root=root)})
    upright = generator.body_keypoints([0])[0][0]
    generator.pose_source = down
    turned = generator.body_keypoints([0])[0][0]
    np.testing.assert_allclose(turned - turned[0], (upright - upright[0]) * [1, -1, -1], atol=1e-2)


def test_exceptions(root, tmp_path):
    with pytest.raises(FileNotFoundError):
        PairPoses(str(tmp_path))
    with pytest.raises(ValueError, match="y_axis='left', expected 'up' or 'down'"):
        PairPoses(root, y_axis='left')
