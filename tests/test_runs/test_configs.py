"""Every shipped config can be built: its model, its stages, the transforms of its data and its metrics."""
from pathlib import Path

import pytest
from mmengine.config import Config, ConfigDict
from mmengine.registry import DefaultScope

from mmxas.engine import parse_stages
from mmxas.registry import HOOKS, METRICS, MODELS, TRANSFORMS

CONFIGS = sorted((Path(__file__).parents[2] / 'configs').glob('*.py'))


@pytest.fixture(params=CONFIGS, ids=lambda path: path.stem)
def cfg(request) -> Config:
    """One of the configs, without pre-trained weights."""
    cfg = Config.fromfile(request.param)
    if 'pretrained' in cfg.model.backbone:
        cfg.model.backbone.pretrained = False
    cfg.model.backbone.pop('init_cfg', None)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        yield cfg


def _datasets(cfg: ConfigDict) -> list[ConfigDict]:
    """The data sets with a pipeline in a data loader's config."""
    if 'pipeline' in cfg.dataset:
        return [cfg.dataset]
    return [cfg.dataset[part] for part in ('synthetic', 'target') if part in cfg.dataset]


def test_model_and_stages(cfg):
    model = MODELS.build(cfg.model)
    assert model.head.num_keypoints == model.skeleton.num_keypoints
    domains = set()
    for stage in parse_stages(cfg.train_cfg.stages):
        model.set_stage(stage.loss_weights)
        assert set(model.domains) <= set(cfg.train_dataloader.dataset)
        domains |= model.domains
    assert domains == {'synthetic', 'target'}, 'both data sets are used in some stage'
    unused = model.idle_modules()
    assert not unused or all(getattr(model, name) is None for name in unused), f'{unused} are trained in no stage'


def test_pipelines_metrics_and_hooks(cfg):
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        for dataset in _datasets(loader):
            transforms = [TRANSFORMS.build(transform) for transform in dataset.pipeline]
            assert type(transforms[-1]).__name__ == 'PackXASInputs'
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        METRICS.build(evaluator)
    for hook in [*cfg.default_hooks.values(), *cfg.custom_hooks]:
        HOOKS.build(hook)
