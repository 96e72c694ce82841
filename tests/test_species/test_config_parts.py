import pytest
from mmengine.config import Config

from mmxas.species.config_parts import synthetic_generator


def test_the_generator_has_the_models_skeleton(project):
    config = Config.fromfile(project / 'configs/xas_boxes.py')
    assert 'skeleton' not in config.train_dataloader.dataset.synthetic.generator
    assert synthetic_generator(config)['skeleton'] == config.model.skeleton
    config.train_dataloader.dataset.synthetic.generator.skeleton = 'h36m18'
    with pytest.raises(ValueError, match="synthetic.generator has the skeleton 'h36m18' with 18 .* 'boxes' with 8"):
        synthetic_generator(config)


def test_a_config_without_pairs_is_refused():
    with pytest.raises(ValueError, match='no train_dataloader.dataset.synthetic.generator'):
        synthetic_generator(Config(dict(train_dataloader=dict(dataset=dict(type='X')))))
