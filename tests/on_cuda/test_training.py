"""Training on a GPU: as on the CPU, the same twice, in three precisions, resumed; the tools, NCCL and shards."""
import os
import subprocess
import sys
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.runner import runner as runner_module
from test_engine.conftest import make_runner  # noqa: F401  a fixture
from test_runs.conftest import data  # noqa: F401  a fixture
from test_runs.tiny_mocap import TOOLS, tiny_config, weights, write_config

pytestmark = pytest.mark.cuda
STAGES = [dict(name='synthetic', epochs=25, lr=1e-3, loss_weights=dict(render=1.0)),
          dict(name='full', epochs=25, lr=1e-3, loss_weights=dict(render=0.5, mask=1.0, adversarial=0.1))]
SHORT = dict(stages=[dict(stage, epochs=2) for stage in STAGES])


def trained(make_runner, **options):  # noqa: F811
    """The runner behind a training, and the sums of the losses."""
    runner, losses = make_runner(**{'train_cfg': dict(stages=STAGES), **options}), []
    runner.record.before_train_iter = lambda *_, **__: None
    runner.record.after_train_iter = lambda *_, outputs=None, **__: losses.append(float(outputs['loss']))
    runner.train()
    return runner, np.array(losses)


def same_weights(one, two) -> bool:
    """To the last bit."""
    states = one.model.state_dict(), two.model.state_dict()
    return all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_losses_of_both_stages_follow_the_cpus(make_runner, monkeypatch, without_tf32):  # noqa: F811
    on_gpu = trained(make_runner)
    assert next(on_gpu[0].model.parameters()).device.type == 'cuda'
    monkeypatch.setattr(runner_module, 'get_device', lambda: 'cpu')
    on_cpu = trained(make_runner)
    assert next(on_cpu[0].model.parameters()).device.type == 'cpu'
    assert len(on_cpu[1]) == len(on_gpu[1]) == 100
    np.testing.assert_allclose(on_gpu[1][:5], on_cpu[1][:5], rtol=1e-3)
    for part in np.split(np.arange(100), 10):
        np.testing.assert_allclose(on_gpu[1][part].mean(), on_cpu[1][part].mean(), rtol=0.05)


def test_the_same_bits_twice_and_after_a_resume(make_runner, tmp_path, deterministic):  # noqa: F811
    hooks = dict(checkpoint=dict(type='AtomicCheckpointHook', interval=3, by_epoch=False))
    whole, again = (trained(make_runner, train_cfg=SHORT, hooks=hooks)[0] for _ in range(2))
    assert same_weights(whole, again)
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_3.pth'))
    assert same_weights(whole, trained(make_runner, train_cfg=SHORT, resume=True)[0])


@pytest.mark.parametrize('dtype', ['bfloat16', 'float16'])
def test_half_precision_learns_and_its_gradients_are_logged(make_runner, dtype):  # noqa: F811
    if dtype == 'bfloat16' and not torch.cuda.is_bf16_supported(including_emulation=False):
        pytest.skip('this GPU has no bfloat16')
    wrapper = dict(type='AutocastOptimWrapper', dtype=dtype, optimizer=dict(type='Adam', lr=0.01))
    runner, losses = trained(make_runner, optim_wrapper=wrapper, model=dict(grad_log_interval=1))
    assert runner.optim_wrapper.enabled and runner.optim_wrapper.scaler.is_enabled() is (dtype == 'float16')
    assert np.isfinite(losses).all() and losses[40:50].mean() < losses[:5].mean()
    for name in ('render', 'mask', 'adversarial'):
        assert runner.message_hub.get_scalar(f'train/grad/{name}').current() > 0


def test_an_iteration_waits_for_the_gpu_three_times(make_runner):  # noqa: F811
    """For the order of channels (mmengine's), for whether the losses are finite, and for the logged numbers."""
    runner, counts = make_runner(train_cfg=SHORT), []
    caught = warnings.catch_warnings(record=True)

    def before(*_, **__) -> None:
        counts.append(caught.__enter__())
        warnings.simplefilter('always')
        torch.cuda.set_sync_debug_mode('warn')

    def after(*_, **__) -> None:
        torch.cuda.set_sync_debug_mode('default')
        caught.__exit__()

    runner.record.before_train_iter, runner.record.after_train_iter = before, after
    runner.train()
    waits = [[str(w.message) for w in found if 'synchroniz' in str(w.message)] for found in counts]
    assert all(len(found) <= 3 for found in waits[2:]), waits[2:]


def tool(name: str, *arguments, torchrun: bool = False) -> str:
    """Run a tool; its output."""
    launch = ['-m', 'torch.distributed.run', '--standalone', '--nproc_per_node=1'] if torchrun else []
    command = [sys.executable, *launch, str(TOOLS / name), *map(str, arguments),
               *(['--launcher', 'pytorch'] if torchrun else [])]
    paths = os.pathsep.join([str(TOOLS.parent), str(TOOLS.parent / 'tests'), os.environ.get('PYTHONPATH', '')])
    run = subprocess.run(command, capture_output=True, text=True, env={**os.environ, 'PYTHONPATH': paths})
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return run.stdout + run.stderr


EPOCHS = {'train_cfg.stages.0.epochs': 1, 'train_cfg.stages.1.epochs': 1}
SHARDED = {'runner_type': 'FlexibleRunner', 'strategy': dict(type='ShardedBackboneStrategy'),
           'model.channels_last': False}


@pytest.mark.parametrize('options', [{'sync_bn': 'torch'}, SHARDED], ids=['ddp and SyncBN', 'shards'])
def test_torchrun_trains_by_nccl(data, tmp_path, options):  # noqa: F811
    config = write_config(tiny_config(data), tmp_path, EPOCHS | options)
    tool('train.py', config, '--work-dir', tmp_path, torchrun=True)
    assert all(value.isfinite().all() for value in weights(tmp_path / 'epoch_2.pth').values())


def test_the_tools_train_resume_test_infer_and_export(data, tmp_path):  # noqa: F811
    config, photo = write_config(tiny_config(data), tmp_path, EPOCHS), tmp_path / 'photo.png'
    tool('train.py', config, '--work-dir', tmp_path, '--amp')
    tool('train.py', config, '--work-dir', tmp_path, '--amp', '--resume', tmp_path / 'epoch_1.pth')
    checkpoint = tmp_path / 'epoch_2.pth'
    assert 'xas/top1/MPJPE' in tool('test.py', config, checkpoint, '--work-dir', tmp_path / 'tested')
    cv2.imwrite(str(photo), np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8))
    for device in ('cpu', 'cuda:0'):
        tool('infer.py', photo, config, checkpoint, '--bbox', 10, 10, 80, 80, '--no-pictures', '--device', device,
             '--out-dir', tmp_path / device)
        assert any((tmp_path / device).rglob('*.json'))
    tool('export_onnx.py', config, checkpoint, tmp_path / 'model.onnx')
    assert Path(tmp_path / 'model.onnx').stat().st_size > 1000
