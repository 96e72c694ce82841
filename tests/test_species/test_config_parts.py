import pytest
from mmengine.config import Config

from mmxas.species.config_parts import skeletons, synthetic_generator


def test_every_place_of_the_training_skeleton(project):
    config = Config.fromfile(project / 'configs/xas_boxes.py')
    places = skeletons(config)
    data = 'train_dataloader.dataset'
    assert sorted(places) == sorted([
        'model.skeleton', 'model.discriminator.skeleton', 'model.losses.facing.skeleton',
        f'{data}.synthetic.skeleton', f'{data}.synthetic.generator.skeleton', f'{data}.target.skeleton'])
    assert {str(place) for place in places.values()} == {config.skeleton}
    del config.train_dataloader.dataset.target['skeleton']
    assert skeletons(config)[f'{data}.target.skeleton'] == 'h36m18'
    mixed = dict(type='MixedDataset', datasets=[dict(skeleton='a'), dict(skeleton='b')])
    config.train_dataloader.dataset.target = mixed
    assert skeletons(config)[f'{data}.target.datasets.1.skeleton'] == 'b'


def test_a_config_without_pairs_is_refused():
    with pytest.raises(ValueError, match='no train_dataloader.dataset.synthetic.generator'):
        synthetic_generator(Config(dict(train_dataloader=dict(dataset=dict(type='X')))))
