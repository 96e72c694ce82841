"""Autocast on a CPU: bfloat16 where the CPU has it, float32 where it has not, and clear refusals."""
from types import SimpleNamespace

import pytest
import torch

from mmxas.engine.optim import AutocastOptimWrapper, autocast_optim_wrapper
from mmxas.engine.optim.autocast_optim_wrapper import begin_epoch, is_between_steps, step_of


def _wrapper(model, **kwargs):
    return AutocastOptimWrapper(optimizer=torch.optim.SGD(model.parameters(), lr=0.5), **kwargs)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return torch.nn.Linear(4, 2)


@pytest.mark.parametrize('has_bf16', [True, False])
def test_dtype_inside_the_context(model, monkeypatch, has_bf16):
    monkeypatch.setattr(autocast_optim_wrapper, 'cpu_has_bf16', lambda: has_bf16)
    monkeypatch.setattr(autocast_optim_wrapper, 'get_device', lambda: 'cpu')
    wrapper = _wrapper(model)
    with wrapper.optim_context(model):
        assert model(torch.ones(1, 4)).dtype == (torch.bfloat16 if has_bf16 else torch.float32)
    assert model(torch.ones(1, 4)).dtype == torch.float32


def test_update_is_a_gradient_step(model, monkeypatch):
    monkeypatch.setattr(autocast_optim_wrapper, 'get_device', lambda: 'cpu')
    wrapper, before = _wrapper(model), model.bias.detach().clone()
    wrapper.update_params(model(torch.zeros(3, 4)).sum())
    torch.testing.assert_close(model.bias.detach(), before - 0.5 * 3)


def test_clipping(model):
    wrapper = _wrapper(model, clip_grad=dict(max_norm=1.0))
    before = torch.cat([p.detach().flatten().clone() for p in model.parameters()])
    wrapper.update_params(1000 * model(torch.ones(3, 4)).sum())
    after = torch.cat([p.detach().flatten() for p in model.parameters()])
    assert (after - before).norm() == pytest.approx(0.5, rel=1e-4)


def test_state_round_trip(model):
    wrapper = _wrapper(model)
    state = wrapper.state_dict()
    assert 'loss_scaler' in state
    other = _wrapper(model)
    other.load_state_dict(state)
    del state['loss_scaler']
    other.load_state_dict(state)


def test_refusals(model, monkeypatch):
    monkeypatch.setattr(autocast_optim_wrapper, 'get_device', lambda: 'cpu')
    with pytest.raises(ValueError, match='dtype=float16 needs CUDA'):
        _wrapper(model, dtype='float16')
    with pytest.raises(ValueError, match="dtype='int8'"):
        _wrapper(model, dtype='int8')
    monkeypatch.setattr(autocast_optim_wrapper, 'cpu_has_bf16', lambda: False)
    with pytest.raises(RuntimeError, match='no bfloat16 instructions'):
        _wrapper(model, require=True)


@pytest.mark.parametrize('has_bf16', [True, False])
def test_a_gpu_computes_as_the_cpu_does_in_bfloat16_or_float32(model, monkeypatch, has_bf16):
    """Published numbers are bfloat16's: float16 is another recipe, and is asked for."""
    monkeypatch.setattr(autocast_optim_wrapper, 'get_device', lambda: 'cuda:0')
    monkeypatch.setattr(autocast_optim_wrapper, 'cuda_has_bf16', lambda: has_bf16)
    wrapper = _wrapper(model)
    assert wrapper.device_type == 'cuda' and wrapper.dtype == torch.bfloat16
    assert wrapper.enabled is has_bf16 and not wrapper.scaler.is_enabled()
    if not has_bf16:
        with pytest.raises(RuntimeError, match='this GPU has no bfloat16'):
            _wrapper(model, require=True)


def test_a_gpu_computes_in_float16_where_asked(model, monkeypatch):
    monkeypatch.setattr(autocast_optim_wrapper, 'get_device', lambda: 'cuda:0')
    monkeypatch.setattr(autocast_optim_wrapper, 'cuda_has_bf16', lambda: False)
    wrapper = _wrapper(model, dtype='float16')
    assert wrapper.enabled and wrapper.dtype == torch.float16


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
