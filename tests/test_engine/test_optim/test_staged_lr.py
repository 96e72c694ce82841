"""StagedLR follows the stages, keeps each group's factor, and resumes."""
import pytest
import torch
from mmengine.optim import OptimWrapper

from mmxas.engine.optim import StagedLR

STAGES = [dict(name='a', epochs=2, lr=0.1, schedule='step', milestones=(1, ), loss_weights=dict(x=1)),
          dict(name='b', epochs=1, lr=0.5, loss_weights=dict(x=1))]


def _optimizer(factor: float = 1.0) -> torch.optim.Optimizer:
    groups = [dict(params=[torch.nn.Parameter(torch.zeros(1))], lr=0.2 * factor),
              dict(params=[torch.nn.Parameter(torch.zeros(1))], lr=0.02 * factor)]
    return torch.optim.SGD(groups, lr=0.2)


def _rates(scheduler, optimizer, steps: int) -> list[float]:
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        scheduler.step()
    return rates


def test_rates_of_both_stages():
    optimizer = _optimizer()
    scheduler = StagedLR(OptimWrapper(optimizer), STAGES, iters_per_epoch=2)
    assert _rates(scheduler, optimizer, 6) == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.5, 0.5])
    assert optimizer.param_groups[1]['lr'] == pytest.approx(0.05), 'lr_mult of 0.1 is kept'


def test_automatic_scaling_is_kept():
    optimizer = _optimizer(factor=4.0)
    StagedLR(optimizer, STAGES, iters_per_epoch=2)
    assert optimizer.param_groups[0]['lr'] == pytest.approx(0.4)


def test_resume_continues_where_it_was():
    optimizer = _optimizer()
    scheduler = StagedLR(optimizer, STAGES, iters_per_epoch=2)
    _rates(scheduler, optimizer, 3)
    resumed_optimizer = _optimizer()
    resumed = StagedLR(resumed_optimizer, STAGES, iters_per_epoch=2)
    resumed.load_state_dict(scheduler.state_dict())
    resumed_optimizer.load_state_dict(optimizer.state_dict())
    assert _rates(resumed, resumed_optimizer, 3) == pytest.approx([0.01, 0.5, 0.5])
