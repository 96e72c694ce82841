import pytest
from mmengine.config import Config

from mmxas.species.config_parts import skeletons, synthetic_generator


def test_every_place_of_the_training_skeleton(project):
    config = Config.fromfile(project / 'configs/xas_boxes.py')
    places = skeletons(config)
    data = 'train_dataloader.dataset'
    assert sorted(places) == sorted([
        'model.skeleton', 'model.discriminator.skeleton', 'model.losses.facing.skeleton',
        f'{data}.synthetic.skeleton', f'{data}.synthetic.generator.skeleton', f'{data}.target.skeleton',
        f'{data}.target.generator.skeleton', 'val_dataloader.dataset.skeleton',
        'val_dataloader.dataset.generator.skeleton', 'test_dataloader.dataset.skeleton',
        'test_dataloader.dataset.generator.skeleton', 'val_evaluator.skeleton', 'test_evaluator.skeleton'])
    assert {str(place) for place in places.values()} == {config.skeleton}
    del config.train_dataloader.dataset.target['skeleton']
    assert skeletons(config)[f'{data}.target.skeleton'] == 'h36m18'
    mixed = dict(type='MixedDataset', datasets=[dict(skeleton='a'), dict(skeleton='b')])
    config.train_dataloader.dataset.target = mixed
    assert skeletons(config)[f'{data}.target.datasets.1.skeleton'] == 'b'


def test_what_is_forgotten_has_the_default_of_its_class(project):
    config = Config.fromfile(project / 'configs/xas_boxes.py')
    del config.val_evaluator['skeleton'], config.test_dataloader.dataset['skeleton']
    del config.train_dataloader.dataset.target.generator['skeleton']
    places = skeletons(config)
    forgotten = ('val_evaluator', 'test_dataloader.dataset', 'train_dataloader.dataset.target.generator')
    assert [places[f'{where}.skeleton'] for where in forgotten] == ['h36m18'] * 3


def test_an_evaluator_of_several_metrics_and_of_none_that_has_a_skeleton(project):
    config = Config.fromfile(project / 'configs/xas_boxes.py')
    config.val_evaluator = [dict(type='MaskIoUMetric', skeleton='a'), dict(type='TriangulationMetric')]
    config.test_evaluator = dict(type='Evaluator', metrics=[dict(type='PCKAccuracy'), dict(type='MaskPCKMetric')])
    found = {where: given for where, given in skeletons(config).items() if 'evaluator' in where}
    assert found == {'val_evaluator.0.skeleton': 'a', 'val_evaluator.1.skeleton': 'h36m18'}
    config.val_dataloader = config.val_evaluator = config.test_dataloader = config.test_evaluator = None
    assert not any(where.startswith(('val', 'test')) for where in skeletons(config))


def test_a_config_without_pairs_is_refused():
    with pytest.raises(ValueError, match='no train_dataloader.dataset.synthetic.generator'):
        synthetic_generator(Config(dict(train_dataloader=dict(dataset=dict(type='X')))))
