import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import cv2
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import FlexibleRunner
from tiny_project import write_tiny_config

from mmxas.cli.work_directory import held
from mmxas.errors import UsageError
from mmxas.evaluation.metrics import ContextMetric
from mmxas.evaluation.protocol import Protocol
from mmxas.registry import METRICS

CHECKOUT = Path(__file__).parents[2]


@METRICS.register_module()
class WrittenMetric(ContextMetric):
    """The mean error, as the package's metrics write theirs."""

    def process(self, data_batch, data_samples):
        self.results += [sample['error'] for sample in data_samples]

    def compute_metrics(self, results):
        self.write(Protocol(), False, {'groups': {'all': {'error': sum(results) / len(results)}}})
        return {'error': sum(results) / len(results)}


@pytest.fixture
def apply(load_command):
    """Config after the options of a command line."""
    tool = load_command('train')

    def apply_options(cfg, *arguments):
        cfg = Config(cfg)
        tool.apply_options(cfg, tool.parse_args(['a.py', *arguments]))
        return cfg

    return apply_options


def test_training_writes_checkpoints_and_goes_on_from_the_newest(run_command, tmp_path):
    config = write_tiny_config(tmp_path, epochs=1)
    work_dir = tmp_path / 'work'
    run_command('train', config, '--work-dir', work_dir, '--cfg-options', 'experiment_name=tool_1')
    run_command('train', config, '--work-dir', work_dir, '--resume', '--cfg-options', 'experiment_name=tool_2',
             'train_cfg.max_epochs=2')
    assert torch.load(work_dir / 'epoch_2.pth')['meta']['iter'] == 8
    assert (work_dir / 'last_checkpoint').read_text() == str(work_dir / 'epoch_2.pth')


def test_the_last_validation_leaves_its_tables(run_command, tmp_path):
    config = Path(write_tiny_config(tmp_path, epochs=2))
    config.write_text(config.read_text() + "\nval_evaluator = dict(type='WrittenMetric')\n")
    run_command('train', config, '--work-dir', tmp_path / 'work', '--cfg-options', 'experiment_name=tool_results')
    result = json.loads((tmp_path / 'work/results/WrittenMetric.json').read_text())
    assert result['checkpoint']['epoch'] == 2 and result['dataset']['mode'] == 'val'
    assert result['dataset']['count'] == 8 and result['groups']['all']['error'] > 0


def test_result_files_go_where_the_config_says(apply):
    cfg = apply(dict(val_evaluator=dict(type='XASPoseMetric', out_file='mine.json')))
    assert cfg.val_evaluator.out_file == 'mine.json'
    cfg = apply(dict(val_evaluator=[dict(type='XASPoseMetric')], work_dir='w'))
    assert cfg.val_evaluator[0].out_file == 'w/results/XASPoseMetric.json'
    assert 'custom_hooks' not in apply(dict(val_evaluator=dict(type='XASPoseMetric')), '--no-validate')


def test_a_config_may_name_another_runner(run_command, tmp_path, monkeypatch):
    built = []
    monkeypatch.setattr(FlexibleRunner, 'train', lambda runner: built.append(type(runner.strategy).__name__))
    config = write_tiny_config(tmp_path, epochs=1)
    Path(config).write_text(Path(config).read_text() + "\nrunner_type = 'FlexibleRunner'\n")
    run_command('train', config, '--work-dir', tmp_path / 'work')
    assert built == ['SingleDeviceStrategy']


def test_amp_and_scaled_learning_rate(run_command, tmp_path):
    config = write_tiny_config(tmp_path, epochs=1)
    run_command('train', config, '--work-dir', tmp_path / 'work', '--amp', '--auto-scale-lr', '--no-validate',
                '--cfg-options', 'experiment_name=tool_3')
    saved = torch.load(tmp_path / 'work' / 'epoch_1.pth')
    assert saved['optimizer']['param_groups'][0]['lr'] == pytest.approx(0.2)  # a batch of 2 over a base of 1
    assert not any('val/' in key for key in saved['message_hub']['log_scalars'])


@pytest.mark.parametrize('kind', [None, 'OptimWrapper', 'AmpOptimWrapper', 'AutocastOptimWrapper'])
def test_amp_takes_the_wrapper_that_runs_on_a_cpu(apply, kind):
    wrapper = dict(optimizer=dict(type='SGD'), loss_scale='dynamic')
    cfg = apply(dict(optim_wrapper=wrapper if kind is None else dict(wrapper, type=kind)), '--amp')
    assert cfg.optim_wrapper == dict(optimizer=dict(type='SGD'), type='AutocastOptimWrapper')


def test_amp_refuses_a_wrapper_of_another_kind(apply):
    with pytest.raises(UsageError, match="--amp replaces .*; the config has 'Own'"):
        apply(dict(optim_wrapper=dict(type='Own')), '--amp')
    with pytest.raises(UsageError, match='the config has None'):
        apply({}, '--amp')


def test_resume(apply, tmp_path):
    cfg = apply(dict(load_from='gone.pth'), '--resume')
    assert (cfg.resume, cfg.load_from) == (True, None)
    checkpoint = tmp_path / 'a.pth'
    checkpoint.touch()
    cfg = apply({}, '--resume', str(checkpoint))
    assert (cfg.resume, cfg.load_from) == (True, str(checkpoint))
    with pytest.raises(UsageError, match='gone.pth: no such checkpoint file'):
        apply({}, '--resume', 'gone.pth')
    with pytest.raises(UsageError, match='gone.pth: no such checkpoint file'):
        apply(dict(load_from='gone.pth'))


def test_resume_names_a_checkpoint_that_is_broken_or_gone(apply, tmp_path):
    whole, half = tmp_path / 'epoch_1.pth', tmp_path / 'epoch_2.pth'
    torch.save(dict(a=torch.zeros(9)), whole)
    half.write_bytes(whole.read_bytes()[:-200])
    with pytest.raises(UsageError, match='epoch_2.pth: the end of this checkpoint is missing'):
        apply({}, '--resume', str(half))
    last = tmp_path / 'last_checkpoint'
    for named, message in ((half, 'the end of this checkpoint is missing'), ('gone.pth', 'no such checkpoint file')):
        last.write_text(str(named))
        with pytest.raises(UsageError, match=f'last_checkpoint names .*{message}.*there are: .*epoch_1.pth, '):
            apply({}, '--resume', '--work-dir', str(tmp_path))
    last.write_text(str(whole))
    assert apply({}, '--resume', '--work-dir', str(tmp_path)).load_from is None


def test_a_loss_that_the_model_has_not_is_named_before_anything_is_built(run_command, tmp_path):
    (tmp_path / 'typo.py').write_text("""
_base_ = ['mmxas::xas_mocap.py']
train_cfg = dict(stages=[dict(name='a', epochs=1, lr=1e-3, loss_weights=dict(rendr=1.0))])
""")
    with pytest.raises(UsageError, match="stage 'a': loss_weights names 'rendr', but model.losses has: render, "):
        run_command('train', tmp_path / 'typo.py', '--work-dir', tmp_path / 'work')
    assert not (tmp_path / 'work').exists()


def test_auto_scale_lr_needs_a_base(apply):
    assert apply(dict(auto_scale_lr=dict(base_batch_size=32)), '--auto-scale-lr').auto_scale_lr.enable
    with pytest.raises(UsageError, match='a.py: --auto-scale-lr needs auto_scale_lr=dict'):
        apply(dict(auto_scale_lr=None), '--auto-scale-lr')


def test_cfg_options_have_the_last_word(apply):
    cfg = apply({}, '--work-dir', 'a', '--launcher', 'pytorch', '--cfg-options', 'work_dir=b')
    assert (cfg.work_dir, cfg.launcher) == ('b', 'pytorch')


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return listener.getsockname()[1]


@pytest.mark.slow
def test_two_processes_train_on_a_cpu(tmp_path):
    config = write_tiny_config(tmp_path, epochs=1)
    environment = {**os.environ, 'PYTHON': sys.executable, 'PYTHONPATH': str(CHECKOUT / 'tests'),
                   'PORT': str(free_port()), 'CUDA_VISIBLE_DEVICES': '', 'OMP_NUM_THREADS': '1'}
    command = [CHECKOUT / 'tools' / 'dist_train.sh', config, '2', '--work-dir', tmp_path / 'work']
    with (tmp_path / 'log').open('w') as log:
        launcher = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            status = launcher.wait(timeout=180)
        except subprocess.TimeoutExpired:
            os.killpg(launcher.pid, signal.SIGTERM)  # lets torchrun end its processes
            status = f'not done in 180 s ({launcher.wait(timeout=30)})'
    assert status == 0, (tmp_path / 'log').read_text()[-3000:]
    saved = torch.load(tmp_path / 'work' / 'epoch_1.pth')
    assert saved['meta']['iter'] == 2  # 8 samples, 2 processes with batches of 2
    assert list(saved['state_dict']) == ['layer.weight', 'layer.bias']


@pytest.mark.parametrize('name', ['dist_train', 'dist_test', 'slurm_train', 'slurm_synthesize'])
def test_launchers_without_arguments_print_their_usage(name):
    done = subprocess.run([CHECKOUT / 'tools' / f'{name}.sh'], capture_output=True, text=True)
    assert done.returncode == 2
    assert f'tools/{name}.sh ' in done.stderr


@pytest.mark.parametrize(('content', 'options', 'message'), [
    ({'layer.weight': torch.zeros(1, 3)}, ['--resume', '{}'], 'a.pth: training cannot resume from it, it has no meta'),
    ({'other.weight': torch.zeros(3)}, ['--cfg-options', 'load_from={}'], 'a.pth: weights: none of its 1 tensors (oth'),
    ({'layer.weight': torch.full((1, 3), float('nan'))}, ['--cfg-options', 'load_from={}'],
     "a.pth: weights: 'layer.weight' is not finite"),
    ({}, ['--cfg-options', 'optim_wraper.type=AmpOptimWrapper'], 'optim_wraper = … is never used; did you mean'),
])
def test_what_would_train_something_else_is_one_line(load_command, tmp_path, capsys, content, options, message):
    torch.save(content, tmp_path / 'a.pth')
    config = write_tiny_config(tmp_path, epochs=1)
    options = [option.format(tmp_path / 'a.pth') for option in options]
    if '--cfg-options' in options:
        options.append(f'experiment_name={tmp_path.name}')
    assert load_command('train').main([str(config), '--work-dir', str(tmp_path / 'work'), *options]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith('mmxas train: ') and message in line
    assert not list((tmp_path / 'work').glob('*.pth'))


def test_a_second_training_does_not_write_over_the_first(run_command, tmp_path):
    config, work_dir = write_tiny_config(tmp_path, epochs=1), tmp_path / 'work'
    run_command('train', config, '--work-dir', work_dir, '--cfg-options', 'experiment_name=tool_7')
    before = (work_dir / 'epoch_1.pth').read_bytes()
    with pytest.raises(UsageError, match=r'work: holds checkpoints of another training \(epoch_1.pth is the last\); -'):
        run_command('train', config, '--work-dir', work_dir, '--cfg-options', 'experiment_name=tool_8')
    assert (work_dir / 'epoch_1.pth').read_bytes() == before


def test_a_config_may_leave_out_what_the_runner_has_defaults_for(run_command, tmp_path):
    cfg = Config.fromfile(write_tiny_config(tmp_path, epochs=1))
    for key in ('load_from', 'resume', 'log_level', 'launcher'):
        cfg.pop(key, None)
    cfg.dump(tmp_path / 'bare.py')
    run_command('train', tmp_path / 'bare.py', '--work-dir', tmp_path / 'work', '--cfg-options',
                'experiment_name=tool_11')
    assert (tmp_path / 'work/epoch_1.pth').is_file()


def test_two_trainings_at_once_are_refused(run_command, tmp_path):
    config, work_dir = write_tiny_config(tmp_path, epochs=1), tmp_path / 'work'
    work_dir.mkdir()
    with held(str(work_dir)), pytest.raises(UsageError, match='work: another training is running in this folder'):
        run_command('train', config, '--work-dir', work_dir, '--cfg-options', 'experiment_name=tool_9')
    run_command('train', config, '--work-dir', work_dir, '--cfg-options', 'experiment_name=tool_10')
    assert (work_dir / 'epoch_1.pth').is_file()


def test_a_worker_that_outlives_its_training_does_not_hold_the_folder(tmp_path):
    fork = multiprocessing.get_context('fork')
    begun = fork.Event()
    worker = fork.Process(target=lambda: (begun.set(), time.sleep(60)))
    with held(str(tmp_path)):
        worker.start()
        assert begun.wait(60)
    try:
        with held(str(tmp_path)), pytest.raises(UsageError), held(str(tmp_path)):
            assert worker.is_alive()
    finally:
        worker.kill()
        worker.join()


@pytest.mark.parametrize(('name', 'arguments', 'hook'), [
    ('train', ['--show'], 'visualization'), ('test', ['none', '--show'], 'visualization'),
    ('test', ['none', '--show', '--badcase'], 'badcase')])
def test_windows_are_refused_where_opencv_has_none(load_command, monkeypatch, name, arguments, hook):
    tool = load_command(name)
    for gui in ('NONE', 'GTK3'):
        cfg = Config(dict(default_hooks=dict(visualization=dict(type='A'), badcase=dict(type='B'))))
        args = tool.parse_args(['a.py', *arguments])
        monkeypatch.setattr(cv2, 'getBuildInformation', lambda gui=gui: f'  GUI:                   {gui}\n')
        with pytest.raises(UsageError, match='opens no windows .*--show-dir') if gui == 'NONE' else nullcontext():
            tool.apply_options(cfg, args)
    assert cfg.default_hooks[hook].show is True
