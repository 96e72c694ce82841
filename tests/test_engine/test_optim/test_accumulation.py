"""Which iterations make a step."""
from types import SimpleNamespace

import pytest
import torch

from mmxas.engine.optim.accumulation import begin_epoch, is_between_steps, step_of

ACCUMULATE = dict(optimizer=dict(type='Adam', lr=0.01), accumulative_counts=3)
RENDER = dict(name='synthetic', epochs=2, lr=0.01, loss_weights=dict(render=1.0))


@pytest.mark.parametrize(('counts', 'steps'), [
    (1, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), (2, [0, 0, 1, 1, 2, 3, 3, 4, 4, 5]), (5, [0] * 5 + [1] * 5)])
def test_steps_of_epochs_of_five_iterations(counts, steps):
    wrapper = SimpleNamespace(_accumulative_counts=counts)
    assert [step_of(wrapper, iteration, 5) for iteration in range(10)] == steps


def test_wrappers_that_do_not_accumulate():
    assert is_between_steps(SimpleNamespace())
    assert begin_epoch(SimpleNamespace(), None, 0, 4) is None
    assert step_of(SimpleNamespace(), 7, 4) == 7


def test_the_last_iteration_of_an_epoch_steps_with_what_it_has(make_runner):
    """Of four iterations the fourth is a step by itself, and counts as much as three."""
    runner = make_runner(batch_size=2, train_cfg=dict(stages=[RENDER]), optim_wrapper=ACCUMULATE)
    between, factors = [], []
    before, after = runner.record.before_train_iter, runner.record.after_train_iter

    def before_train_iter(runner, *args, **kwargs):
        before(runner, *args, **kwargs)
        factors.append(float(runner.optim_wrapper.scale_loss(torch.tensor(1.0))))

    def after_train_iter(runner, *args, **kwargs):
        after(runner, *args, **kwargs)
        between.append(is_between_steps(runner.optim_wrapper))

    runner.record.before_train_iter, runner.record.after_train_iter = before_train_iter, after_train_iter
    runner.train()
    assert between == [False, False, True, True] * 2
    assert [bool(record['moved']) for record in runner.record.iterations] == between
    assert factors == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1.0] * 2)
