"""Validation and testing take the skeleton from the model of the runner's config."""
from types import SimpleNamespace

import pytest
from mmengine.config import Config

from mmxas.engine.loops import XASTestLoop, XASValLoop


def runner_of(model: dict) -> SimpleNamespace:
    """What a loop asks of a runner; it returns the configs that it should build."""
    return SimpleNamespace(
        cfg=Config(dict(model=model)), _randomness_cfg={}, seed=0, logger=None, visualizer=SimpleNamespace(),
        build_dataloader=lambda loader, **_: SimpleNamespace(dataset=SimpleNamespace(metainfo={}), given=loader),
        build_evaluator=lambda evaluator: SimpleNamespace(given=evaluator))


@pytest.mark.parametrize(('kind', 'split'), [(XASValLoop, 'val'), (XASTestLoop, 'test')])
def test_data_and_metrics_get_the_models_skeleton(kind, split):
    loader, metric = dict(dataset=dict(type='MocapHuman')), dict(type='XASPoseMetric')
    loop = kind(runner_of(dict(skeleton='h36m18')), loader, metric)
    assert loop.dataloader.given['dataset']['skeleton'] == loop.evaluator.given['skeleton'] == 'h36m18'
    toy = dict(name='toy', keypoints=['a', 'b'], parents=[0, 0])
    with pytest.raises(ValueError, match=f"{split}_evaluator has the skeleton 'toy' .* model.skeleton is 'h36m18'"):
        kind(runner_of(dict(skeleton='h36m18')), loader, dict(metric, skeleton=toy))
