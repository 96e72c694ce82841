"""The gate: idle modules keep parameters and optimizer state, and alternating updates take turns."""
from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import OptimWrapper
from torch import nn

from mmxas.engine.hooks import UpdateGateHook


class _Model(nn.Module):

    def __init__(self, idle=()):
        super().__init__()
        self.backbone, self.discriminator, self.idle = nn.Linear(1, 1), nn.Linear(1, 1), set(idle)

    def idle_modules(self):
        return self.idle


def _runner(model):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    return SimpleNamespace(model=model, optim_wrapper=SimpleNamespace(optimizer=optimizer), iter=0,
                           train_dataloader=range(2))


def _moved(runner) -> set[str]:
    model, optimizer = runner.model, runner.optim_wrapper.optimizer
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    optimizer.zero_grad()
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    return {n.split('.')[0] for n, p in model.named_parameters() if not torch.equal(p, before[n])}


def test_idle_modules_do_not_move_nor_age():
    runner = _runner(_Model(idle=['discriminator']))
    hook = UpdateGateHook()
    hook.before_train(runner)
    assert _moved(runner) == {'backbone'}
    assert all(p not in runner.optim_wrapper.optimizer.state for p in runner.model.discriminator.parameters())
    runner.model.idle = set()
    assert _moved(runner) == {'backbone', 'discriminator'}
    hook.after_train(runner)
    runner.model.idle = {'backbone'}
    assert _moved(runner) == {'backbone', 'discriminator'}


def test_alternating_turns():
    runner = _runner(_Model())
    UpdateGateHook(dict(discriminator=2, detector=1)).before_train(runner)
    moved = []
    for runner.iter in range(6):
        moved.append(_moved(runner))
    assert moved == [{'discriminator'}, {'discriminator'}, {'backbone'}] * 2


def test_each_side_has_its_turn_where_gradients_are_accumulated(make_runner):
    """Turns are counted in steps: of iterations, every second one steps, and would be the same side's each time."""
    full = dict(name='full', epochs=2, lr=0.01, loss_weights=dict(render=0.5, mask=1.0, adversarial=1.0))
    runner = make_runner(batch_size=2, train_cfg=dict(alternate=dict(discriminator=1, detector=1), stages=[full]),
                         optim_wrapper=dict(optimizer=dict(type='Adam', lr=0.01), accumulative_counts=2))
    runner.train()
    rest = {'backbone', 'head', 'physique'}
    assert [record['moved'] for record in runner.record.iterations] == [set(), {'discriminator'}, set(), rest] * 2


def test_only_what_moves_counts_in_clipping():
    """An idle side's gradient had taken most of the norm, and the other side's step was short."""
    model = _Model()
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=1.0), clip_grad=dict(max_norm=1.0))
    runner = SimpleNamespace(model=model, optim_wrapper=wrapper, iter=0, train_dataloader=range(2))
    hook = UpdateGateHook(dict(discriminator=1, detector=1))
    hook.before_train(runner)
    before = [p.detach().clone() for p in model.discriminator.parameters()]
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 100.0)
    for parameter in model.discriminator.parameters():
        parameter.grad = torch.full_like(parameter, 3.0)
    wrapper.step()
    moved = torch.cat([(p - b).flatten() for p, b in zip(model.discriminator.parameters(), before)])
    assert moved.norm().item() == pytest.approx(1.0, rel=1e-4)
    hook.after_train(runner)
    assert '_clip_grad' not in vars(wrapper)


@pytest.mark.parametrize('alternate', [dict(discriminator=1), dict(discriminator=0, detector=1), dict(a=1, detector=1)])
def test_bad_alternation_is_refused(alternate):
    with pytest.raises(ValueError, match='alternate='):
        UpdateGateHook(alternate)
