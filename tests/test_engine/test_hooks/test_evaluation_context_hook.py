import hashlib
from types import SimpleNamespace

import pytest
import torch
from mmengine.runner import save_checkpoint

from mmxas.engine.hooks import EvaluationContextHook
from mmxas.evaluation.metrics import SymmetryMetric
from mmxas.registry import HOOKS


class Frames(list):
    ann_file = 'test.npz'


def runner_of(metrics, cfg=None, **other):
    loader, evaluator = SimpleNamespace(dataset=Frames([1, 2])), SimpleNamespace(metrics=metrics)
    return SimpleNamespace(cfg=cfg or {}, model=torch.nn.Linear(1, 1), val_dataloader=loader, test_dataloader=loader,
                           val_evaluator=evaluator, test_evaluator=evaluator, **other)


def test_a_test_names_the_checkpoint_by_its_hash(tmp_path):
    path = tmp_path / 'a.pth'
    save_checkpoint(dict(state_dict={}), str(path))
    metric = SymmetryMetric(skeleton='h36m18')
    runner = runner_of([object(), metric], _load_from=str(path))
    HOOKS.build(dict(type='EvaluationContextHook')).before_test_epoch(runner)
    assert metric.context.model is runner.model
    assert metric.context.checkpoint['sha256'] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert metric.context.dataset == dict(type='Frames', mode='test', count=2, ann_file='test.npz')


def test_a_test_by_a_program_that_knows_no_knobs_is_refused():
    with pytest.raises(ValueError, match="xas={'crop_size': 96}: this program read the config by mmengine alone"):
        EvaluationContextHook().before_test_epoch(runner_of([], cfg=dict(xas=dict(crop_size=96)), _load_from=None))


def test_a_validation_names_the_run():
    metric = SymmetryMetric(skeleton='h36m18')
    EvaluationContextHook().before_val_epoch(runner_of([metric], timestamp='20260101', epoch=3, iter=40))
    assert metric.context.checkpoint == dict(file=None, sha256=None, run='20260101', epoch=3, iteration=40)
    assert metric.context.dataset['mode'] == 'val'
    EvaluationContextHook().before_val_epoch(SimpleNamespace(val_evaluator=None))
