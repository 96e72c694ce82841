import numpy as np
import pytest
from mmengine.config import Config

from mmxas.compat.config_paths import config_path
from mmxas.datasets.converters.surreal_clip import GENDERS
from mmxas.synthesis import PairReader, synthesize
from mmxas.synthesis.pair_generator import PairGenerator
from mmxas.synthesis.pose_sources import PairPoses

GENERATOR = dict(body_model=dict(type='SMPLBodyModel'), pose_source=dict(type='TruncatedGaussianPrior'), image_size=32,
                 skeleton='h36m18')
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


def test_a_shape_is_shown_on_the_body_model_that_it_is_of(root):
    bodies = [GENERATOR['body_model']] * 2
    drawn = PairGenerator.from_config({**GENERATOR, 'body_model': bodies})
    assert {drawn.generate(i).body for i in range(6)} == {0, 1}
    own = PairGenerator.from_config(
        {**GENERATOR, 'body_model': bodies, 'pose_source': dict(type='PairPoses', data_root=root)})
    own.pose_source.body[:] = (0, 1, 0)
    assert [own.generate(i).body for i in range(6)] == [0, 1, 0, 0, 1, 0]
    assert own.pose_source.sample(2, RNG, index=1).body.tolist() == [1, 0]
    own.pose_source.body[:] = 2
    with pytest.raises(ValueError, match='a shape of body model 2, but body_model lists 2'):
        own.generate(0)
    del own.bodies[1]
    assert own.generate(0).body == 0, 'a generator of one body model shows all shapes on it'


def test_surreals_genders_are_in_the_configs_order():
    cfg = Config.fromfile(config_path('xas_h36m_sur_seg_no_disc.py'))
    generator = cfg.train_dataloader.dataset.synthetic.generator
    assert generator.pose_source.type == 'PairPoses'
    assert tuple(body.gender for body in generator.body_model) == GENDERS
