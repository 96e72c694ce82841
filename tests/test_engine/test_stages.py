"""Stages: validation, which stage an epoch belongs to, and the learning rate in closed form."""
import math

import pytest

from mmxas.engine.stages import Stage, parse_stages, stage_at

PAPER = [dict(name='synthetic', epochs=50, lr=2e-4, schedule='step', milestones=(40, ), loss_weights=dict(render=1)),
         dict(name='full', epochs=15, lr=1e-4, loss_weights=dict(render=0.5, mask=0.02))]


def test_paper_recipe_learning_rates():
    first, second = parse_stages(PAPER)
    assert first.lr_at(0, 100) == 2e-4
    assert first.lr_at(3999, 100) == 2e-4
    assert first.lr_at(4000, 100) == pytest.approx(2e-5)
    assert second.lr_at(0, 100) == second.lr_at(1499, 100) == 1e-4


@pytest.mark.parametrize(('epoch', 'begin', 'name'), [(0, 0, 'synthetic'), (49, 0, 'synthetic'), (50, 50, 'full'),
                                                      (64, 50, 'full')])
def test_stage_at(epoch, begin, name):
    found_begin, stage = stage_at(parse_stages(PAPER), epoch)
    assert (found_begin, stage.name) == (begin, name)


def test_stage_at_behind_the_end_is_refused():
    with pytest.raises(ValueError, match='epoch 65 is after the last stage, which ends at 65'):
        stage_at(parse_stages(PAPER), 65)


def test_cosine_and_warmup():
    stage = Stage('a', epochs=2, lr=1.0, loss_weights=dict(x=1), schedule='cosine', min_lr=0.2, warmup_iters=10)
    assert stage.lr_at(0, 50) == pytest.approx(0.01)
    assert stage.lr_at(99, 50) == pytest.approx(0.2)
    assert stage.lr_at(33, 50) == pytest.approx(0.2 + 0.8 * 0.5 * (1 + math.cos(math.pi / 3)))


def test_linear_is_constant_and_then_a_line():
    stage = Stage('a', epochs=2, lr=1.0, loss_weights=dict(x=1), schedule='linear', min_lr=0.2, decay_begin=0.6)
    assert stage.lr_at(0, 50) == stage.lr_at(59, 50) == 1.0
    assert stage.lr_at(99, 50) == pytest.approx(0.2)
    assert stage.lr_at(80, 50) == pytest.approx(0.2 + 0.8 * (1 - 80 / 99) / 0.4)


@pytest.mark.parametrize(('change', 'message'), [
    (dict(epochs=0), 'epochs=0'), (dict(lr=0), 'lr=0'), (dict(loss_weights={}), 'no loss is on'),
    (dict(loss_weights=dict(render=0)), 'no loss is on'), (dict(schedule='fall'), "schedule='fall'"),
    (dict(decay_begin=1.0), 'decay_begin=1.0'), (dict(epochs=None), 'epochs=None'), (dict(lr='1e-3'), "lr='1e-3'"),
    (dict(lr=float('inf')), 'lr=inf'), (dict(loss_weights=['render']), r"loss_weights=\['render'\]"),
    (dict(loss_weights=dict(render=float('nan'))), "weight of 'render' is nan"),
    (dict(loss_weights=dict(render=-1)), "weight of 'render' is -1"), (dict(milestones=40), 'milestones=40, a tuple'),
    (dict(milestones=(50, )), 'milestone 50 is not within its 50 epochs'),
    (dict(schedule='cosine'), "milestones go with schedule='step', not 'cosine'"),
    (dict(epoch=3), "unknown field 'epoch'")])
def test_bad_stages_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        parse_stages([{**PAPER[0], **change}])


def test_empty_and_duplicate_stages_are_refused():
    with pytest.raises(ValueError, match='train_cfg.stages is empty'):
        parse_stages([])
    with pytest.raises(ValueError, match='stages is a dict: a list'):
        parse_stages(PAPER[0])
    with pytest.raises(ValueError, match="stage 'full': lr is missing"):
        parse_stages([PAPER[0], dict(name='full', epochs=1)])
    with pytest.raises(ValueError, match='stage 2: name is missing'):
        parse_stages([PAPER[0], dict(epochs=1)])
    with pytest.raises(ValueError, match='are not unique'):
        parse_stages([PAPER[0], PAPER[0]])


@pytest.mark.parametrize(('stages', 'message'), [
    ([dict(name='a', epochs=1, lr=1, loss_weights=dict(x=1)), 'b'], "stage 2 is 'b'; dict\\(name=…, epochs=…"),
    ([None], 'stage 1 is None'), ([3], 'stage 1 is 3'), (5, 'train_cfg.stages is a int: a list'),
    ('abc', 'train_cfg.stages is a str')])
def test_what_is_no_stage_is_named(stages, message):
    with pytest.raises(ValueError, match=message):
        parse_stages(stages)
