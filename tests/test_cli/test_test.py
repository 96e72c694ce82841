import json
import pickle

import cv2
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import save_checkpoint
from tiny_project import TinyDataset, TinyModel, write_tiny_config

from mmxas.errors import UsageError
from mmxas.registry import MODELS


@MODELS.register_module(force=True)
class TinyDetector(TinyModel):
    """The tiny model with its layer as a backbone."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = self.layer
        del self.layer

    def forward(self, inputs, data_samples, mode='tensor'):
        """Absolute errors."""
        difference = self.backbone(torch.stack(inputs))[:, 0] - torch.stack(data_samples)
        return [dict(error=float(error)) for error in difference.abs()]


@pytest.fixture
def apply(load_command):
    """Config after the options of a command line."""
    tool = load_command('test')

    def apply_options(cfg, *arguments):
        cfg = Config(cfg)
        tool.apply_options(cfg, tool.parse_args(['a.py', *arguments]))
        return cfg

    return apply_options


@pytest.fixture
def exact_checkpoint(tmp_path):
    """Weights that compute the sum of the coordinates but for 0.25."""
    model = TinyModel()
    with torch.no_grad():
        model.layer.weight.fill_(1)
        model.layer.bias.fill_(0.25)
    save_checkpoint(dict(state_dict=model.state_dict(), meta={}), str(tmp_path / 'exact.pth'))
    return tmp_path / 'exact.pth'


def test_metrics_and_predictions_are_written(run_command, tmp_path, exact_checkpoint):
    out, dump = tmp_path / 'new' / 'metrics.json', tmp_path / 'predictions.pkl'
    run_command('test', write_tiny_config(tmp_path), exact_checkpoint, '--work-dir', tmp_path / 'work', '--out', out,
                '--dump', dump, '--cfg-options', 'experiment_name=tool_4')
    assert json.loads(out.read_text()) == {'tiny/error': pytest.approx(0.25)}
    assert [path.name for path in out.parent.iterdir()] == ['metrics.json']
    assert len(pickle.loads(dump.read_bytes())) == 8


def test_untrained_weights_are_evaluated_and_said_to_be(run_command, tmp_path):
    out = tmp_path / 'metrics.yaml'
    run_command('test', write_tiny_config(tmp_path), 'none', '--work-dir', tmp_path / 'work', '--out', out,
                '--cfg-options', 'experiment_name=tool_5')
    assert 'tiny/error' in out.read_text()
    logs = ''.join(path.read_text() for path in (tmp_path / 'work').rglob('*.log'))
    assert 'checkpoint none: these are the metrics of untrained weights' in logs


def detector_config(folder):
    """The tiny project with a model of a backbone, whose checkpoints are looked at."""
    path = write_tiny_config(folder)
    path.write_text(f"{path.read_text()}model = dict(type='TinyDetector')\n")
    return path


@pytest.mark.parametrize(('content', 'message'), [
    (dict(state_dict={}), "other.pth: weights: no tensor 'backbone.weight' in the checkpoint"),
    ({'backbone.weight': torch.zeros(2)}, "other.pth: weights: 'backbone.weight' has shape (2,), this config expects"),
    (None, 'other.pth: not a checkpoint'),
])
def test_a_checkpoint_of_something_else_is_one_line_before_the_data_are_built(
        load_command, tmp_path, monkeypatch, capsys, content, message):
    path = tmp_path / 'other.pth'
    path.write_text('hello') if content is None else torch.save(content, path)
    monkeypatch.setattr(TinyDataset, '__init__', lambda self: pytest.fail('the data were built'), raising=False)
    assert load_command('test').main([
        str(detector_config(tmp_path)), str(path), '--work-dir', str(tmp_path / 'work'), '--cfg-options',
        f'experiment_name={tmp_path.name}']) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith('mmxas test: ') and message in line
    assert not (tmp_path / 'work' / 'results').exists()


def test_a_checkpoint_of_the_detector_is_evaluated(run_command, tmp_path):
    torch.save(dict(state_dict={f'module.{k}': v for k, v in TinyDetector().state_dict().items()}), tmp_path / 'a.pth')
    out = tmp_path / 'metrics.json'
    run_command('test', detector_config(tmp_path), tmp_path / 'a.pth', '--work-dir', tmp_path / 'work', '--out', out,
                '--cfg-options', 'experiment_name=tool_6')
    assert list(json.loads(out.read_text())) == ['tiny/error']


@pytest.mark.parametrize(('option', 'name'), [('--out', 'm.json'), ('--dump', 'p.pkl')])
def test_an_unwritable_place_is_refused_before_the_run(run_command, tmp_path, option, name):
    (tmp_path / 'file').touch()
    with pytest.raises(UsageError, match=f'file: cannot write into this folder of {option}'):
        run_command('test', write_tiny_config(tmp_path), 'none', '--work-dir', tmp_path / 'work', option,
                    tmp_path / 'file' / name)


@pytest.mark.parametrize('arguments', [('train', ), ('test', 'none')])
def test_a_config_that_a_run_could_not_read_again_is_refused(run_command, tmp_path, arguments):
    name, *rest = arguments
    config = write_tiny_config(tmp_path)
    config.write_text(f'{config.read_text()}\nodd = dict(key=len)\n')
    with pytest.raises(UsageError, match=r'could not read its own dumped config .*built-in function len'):
        run_command(name, config, *rest, '--work-dir', tmp_path / 'work')
    assert not (tmp_path / 'work').exists()


def test_none_forgets_what_the_config_loads(apply):
    cfg = apply(dict(load_from='gone.pth', resume=True), 'none')
    assert (cfg.load_from, cfg.resume) == (None, False)


def test_a_missing_checkpoint_is_named(apply):
    with pytest.raises(UsageError, match='gone.pth: no such checkpoint file'):
        apply({}, 'gone.pth')


def test_the_dump_is_added_to_one_evaluator_or_many(apply):
    dump = dict(type='DumpResults', out_file_path='p.pkl')
    one, many = dict(type='A'), [dict(type='A'), dict(type='B')]
    assert apply(dict(test_evaluator=one), 'none', '--dump', 'p.pkl').test_evaluator == [one, dump]
    assert apply(dict(test_evaluator=many), 'none', '--dump', 'p.pkl').test_evaluator == [*many, dump]


@pytest.mark.parametrize(('option', 'name'), [('--dump', 'p.json'), ('--out', 'm.txt')])
def test_a_file_of_an_unknown_kind_is_refused_before_the_run(apply, option, name):
    with pytest.raises(UsageError, match=f'{option} {name}: expected a name that ends in'):
        apply(dict(test_evaluator=[]), 'none', option, name)


def test_bad_cases_are_shown_by_the_configs_hook(apply, monkeypatch):
    monkeypatch.setattr(cv2, 'getBuildInformation', lambda: 'GUI:    GTK3')
    hooks = dict(badcase=dict(type='BadCaseAnalysisHook'), visualization=dict(type='PoseVisualizationHook'))
    cfg = apply(dict(default_hooks=hooks), 'none', '--badcase', '--show', '--interval', '3')
    assert cfg.default_hooks.badcase == dict(
        type='BadCaseAnalysisHook', enable=True, show=True, wait_time=1, interval=3)
    assert 'enable' not in cfg.default_hooks.visualization
    with pytest.raises(UsageError, match='a.py: --badcase needs default_hooks.badcase'):
        apply({}, 'none', '--badcase')


def test_every_metric_of_the_package_gets_a_result_file(apply):
    own = dict(type='XASPoseMetric', out_file='mine.json')
    evaluators = [dict(type='XASPoseMetric'), own, dict(type='MaskIoUMetric'), dict(type='XASPoseMetric'),
                  dict(type='PCKAccuracy')]
    cfg = apply(dict(test_evaluator=evaluators, work_dir='w'), 'none')
    assert [evaluator.get('out_file') for evaluator in cfg.test_evaluator] == [
        'w/results/XASPoseMetric.json', 'mine.json', 'w/results/MaskIoUMetric.json', 'w/results/XASPoseMetric_2.json',
        None]
    assert cfg.custom_hooks == [dict(type='EvaluationContextHook')]
    present = dict(default_hooks=dict(context=dict(type='EvaluationContextHook')), test_evaluator=dict(own))
    assert 'custom_hooks' not in apply(present, 'none')
