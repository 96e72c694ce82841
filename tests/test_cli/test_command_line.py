import argparse
import copy
import re
from contextlib import nullcontext

import cv2
import pytest
from mmengine.config import Config
from tiny_project import write_tiny_config

from mmxas.cli import command_line
from mmxas.cli.command_line import UsageError
from mmxas.io import UnsafeFileError
from mmxas.registry import HOOKS, METRICS, MODELS, RENDERERS

LOSSES = dict(render=dict(type='RenderLoss'), mask=dict(type='MaskLoss'))
STAGE = dict(name='a', epochs=1, lr=0.1, loss_weights=dict(render=1.0))


def parse(*arguments):
    parser = argparse.ArgumentParser()
    command_line.add_shared_options(parser)
    return parser.parse_args(arguments)


def test_a_usage_error_is_one_line_and_status_2(capsys):
    def fail() -> None:
        raise UsageError('nope.py: no such config file')

    with pytest.raises(SystemExit) as caught:
        command_line.run_tool(fail)
    assert caught.value.code == 2
    assert capsys.readouterr().err == 'error: nope.py: no such config file\n'


def test_other_errors_keep_their_traceback():
    with pytest.raises(ZeroDivisionError):
        command_line.run_tool(lambda: 1 / 0)
    with pytest.raises(KeyError, match='some_key'):
        command_line.run_tool(lambda: {}['some_key'])


def test_an_unsafe_file_is_one_line(capsys):
    def fail() -> None:
        raise UnsafeFileError('a.pth: not a checkpoint of PyTorch')

    with pytest.raises(SystemExit, match='2'):
        command_line.run_tool(fail)
    assert capsys.readouterr().err == 'error: a.pth: not a checkpoint of PyTorch\n'


@pytest.mark.parametrize(('registry', 'name', 'message'), [
    (MODELS, 'XASPoseEstimater', "type='XASPoseEstimater': no model of this name.*did you mean XASPoseEstimator"),
    (METRICS, 'XASPoseMetrics', 'no metric of this name.*XASPoseMetric'),
    (HOOKS, 'CheckpointHok', 'no hook of this name.*CheckpointHook'),  # mmengine's own
    (RENDERERS, 'EmbreRenderer', 'no renderer of this name.*EmbreeRenderer'),  # a registry of mmxas
    (MODELS, 'Zzzz', 'no model of this name; correct it in the config, or name its module in custom_imports$'),
])
def test_an_unknown_component_is_one_line_with_near_names(registry, name, message, capsys):
    with pytest.raises(SystemExit, match='2'):
        command_line.run_tool(lambda: registry.build(dict(type=name)))
    (line, ) = capsys.readouterr().err.splitlines()
    assert re.search(message, line)


def test_another_key_error_is_no_unknown_component():
    assert command_line.unknown_component(KeyError('a')) is command_line.unknown_component(KeyError()) is None


def test_a_device_is_tried():
    assert command_line.require_device('cpu') == 'cpu'
    for name in ('foo', 'cuda:99'):
        with pytest.raises(UsageError, match=f'^--device {name}: torch cannot use it here .*; cpu always works'):
            command_line.require_device(name)


def test_a_file_that_cannot_be_written_is_named_with_its_option(tmp_path):
    command_line.require_writable_file(str(tmp_path / 'new' / 'a.json'), '--out')
    assert list((tmp_path / 'new').iterdir()) == []
    with pytest.raises(UsageError, match=f'^--out {tmp_path}: this is a folder'):
        command_line.require_writable_file(str(tmp_path), '--out')
    (tmp_path / 'file').touch()
    with pytest.raises(UsageError, match='file: nothing can be written into this folder of --out .*another by --out'):
        command_line.require_writable_file(str(tmp_path / 'file' / 'a.json'), '--out')


@pytest.mark.parametrize(('cfg', 'message'), [
    (dict(), None),
    (dict(model=dict(losses=LOSSES), train_cfg=dict(max_epochs=1)), None),
    (dict(model=dict(type='Other'), train_cfg=dict(stages=[STAGE])), None),
    (dict(model=dict(losses=LOSSES), train_cfg=dict(stages=[STAGE])), None),
    (dict(model=dict(losses=LOSSES), train_cfg=dict(stages=[dict(STAGE, loss_weights=dict(rendr=1.0))])),
     "stage 'a': loss_weights names 'rendr', but model.losses has: render, mask"),
    (dict(model=dict(losses=LOSSES), train_cfg=dict(stages=[dict(STAGE, epochs=0)])), "stage 'a': epochs=0"),
])
def test_stages_are_compared_with_the_losses(cfg, message):
    with pytest.raises(UsageError, match=message) if message else nullcontext():
        command_line.check_stages(Config(cfg))


def test_a_child_that_changes_nothing_is_one_line(tmp_path):
    (tmp_path / 'child.py').write_text("_base_ = 'mmxas::xas_mocap.py'\ncrop_size = 96\n")
    with pytest.raises(UsageError, match=r'child.py: crop_size = … changes nothing: .*mocap_human.py has used it'):
        command_line.load_config(str(tmp_path / 'child.py'))


def test_configs_are_read_by_path_and_by_name(tmp_path):
    assert command_line.load_config(str(write_tiny_config(tmp_path))).model.type == 'TinyModel'
    assert command_line.load_config('mmxas::_base_/default_runtime.py').default_scope == 'mmpose'


@pytest.mark.parametrize('line', ['a = dict(key=len)', 'a = {"it\'s": 1}', 'a = {"class": 1}'])
def test_a_config_that_could_not_be_read_again_is_refused(tmp_path, line):
    (tmp_path / 'odd.py').write_text(f'b = 1\n{line}\n')
    cfg = command_line.load_config(str(tmp_path / 'odd.py'))
    with pytest.raises(UsageError, match=r'odd.py: a run could not read its own config again, for this line: '
                                         r'.*(built-in|it|class)'):
        command_line.check_text(cfg)


def test_what_a_run_writes_down_is_its_config_at_once(tmp_path, monkeypatch):
    def break_lines(*_, **__):
        pytest.fail('yapf takes seconds')
    monkeypatch.setattr('mmengine.config.config.FormatCode', break_lines)
    cfg = command_line.load_config('mmxas::xas_mocap.py')
    command_line.check_text(cfg)
    assert cfg.pretty_text.startswith('augmentation=[\n    dict(')
    copy.deepcopy(cfg).dump(tmp_path / 'written.py')
    assert command_line.load_config(str(tmp_path / 'written.py')).to_dict() == cfg.to_dict()


@pytest.mark.parametrize(('text', 'message'), [
    (None, 'broken.py: no such config file'),
    ("_base_ = ['./gone.py']", 'broken.py: .*gone.py'),
    ("_base_ = ['mmxas::gone.py']", 'mmxas::gone.py: no such config in'),
    ('model = dict(\nlr = ', r'broken.py: line \d: '),
])
def test_a_config_that_cannot_be_read_is_named(tmp_path, text, message):
    path = tmp_path / 'broken.py'
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=message):
        command_line.load_config(str(path))


def test_a_missing_checkpoint_is_named_and_a_url_is_not_looked_for(tmp_path):
    with pytest.raises(UsageError, match='gone.pth: no such checkpoint file'):
        command_line.require_checkpoint(str(tmp_path / 'gone.pth'))
    assert command_line.require_checkpoint('https://host/weights.pth') == 'https://host/weights.pth'


@pytest.mark.parametrize(('arguments', 'in_config', 'expected'), [
    (['configs/a.py'], None, 'work_dirs/a'),
    (['mmxas::a.py'], None, 'work_dirs/a'),
    (['a.py'], 'from/config', 'from/config'),
    (['a.py', '--work-dir', 'from/option'], 'from/config', 'from/option'),
])
def test_the_work_directory(arguments, in_config, expected):
    cfg = Config(dict(work_dir=in_config))
    command_line.set_work_dir(cfg, parse(*arguments))
    assert cfg.work_dir == expected


def test_pictures_are_drawn_on_demand_only(monkeypatch):
    monkeypatch.setattr(cv2, 'getBuildInformation', lambda: 'GUI:    GTK3')
    hook = dict(type='PoseVisualizationHook', enable=False)
    cfg = Config(dict(default_hooks=dict(visualization=hook)))
    command_line.enable_visualization(cfg, parse('a.py'))
    assert not cfg.default_hooks.visualization.enable
    command_line.enable_visualization(cfg, parse('a.py', '--show-dir', 'out', '--interval', '5'))
    assert cfg.default_hooks.visualization == dict(
        type='PoseVisualizationHook', enable=True, show=False, out_dir='out', interval=5)
    command_line.enable_visualization(cfg, parse('a.py', '--show', '--wait-time', '2'))
    assert (cfg.default_hooks.visualization.show, cfg.default_hooks.visualization.wait_time) == (True, 2)
    with pytest.raises(UsageError, match='a.py: --show and --show-dir need'):
        command_line.enable_visualization(Config(), parse('a.py', '--show'))


def test_options_change_the_config_or_say_why_not():
    cfg = Config(dict(a=dict(b=1), c=[1, 2]))
    command_line.merge_options(cfg, parse('a.py', '--cfg-options', 'a.b=2', 'c=[3,4]').cfg_options)
    assert (cfg.a.b, cfg.c) == (2, [3, 4])
    with pytest.raises(UsageError, match='--cfg-options: Index 7'):
        command_line.merge_options(cfg, {'c.7': 1})


def test_knobs_act_on_the_command_line_and_spent_variables_are_refused():
    cfg = command_line.load_config('mmxas::xas_mocap.py')
    command_line.merge_options(cfg, {'train_dataloader.batch_size': 3, 'xas.num_pairs': 7, 'xas.crop_size': 96})
    assert cfg.train_dataloader.batch_size == 3 and cfg.train_dataloader.dataset.synthetic.num == 7
    assert cfg.crop_size == 96 and 'xas' not in cfg
    for key, way in (('crop_size', r'xas = dict\(crop_size='), ('data_root', r'xas = dict\(data_root='),
                     ('target_pipeline', 'what was built of it')):
        with pytest.raises(UsageError, match=f'--cfg-options {key}: changes nothing.*{way}'):
            command_line.merge_options(cfg, {key: 1})
    with pytest.raises(UsageError, match='--cfg-options: xas: nope unknown; there are: '):
        command_line.merge_options(cfg, {'xas.nope': 1})


@pytest.mark.parametrize('option', ['a.b', 'a=dict(b=1,c=2)', 'a=[1,2'])
def test_an_option_that_is_not_understood_is_named(option, capsys):
    with pytest.raises(SystemExit):
        parse('a.py', '--cfg-options', option)
    assert f'--cfg-options {option}: expected KEY=VALUE' in capsys.readouterr().err


def test_the_local_rank_is_passed_on_once(monkeypatch):
    monkeypatch.delenv('LOCAL_RANK', raising=False)
    command_line.set_local_rank(parse('a.py', '--local-rank', '3'))
    command_line.set_local_rank(parse('a.py', '--local_rank', '4'))
    assert command_line.os.environ['LOCAL_RANK'] == '3'
