import argparse

import pytest
from mmengine.config import Config
from tiny_project import write_tiny_config

from mmxas.apis import command_line
from mmxas.apis.command_line import UsageError


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


def test_configs_are_read_by_path_and_by_name(tmp_path):
    assert command_line.load_config(str(write_tiny_config(tmp_path))).model.type == 'TinyModel'
    assert command_line.load_config('mmxas::_base_/default_runtime.py').default_scope == 'mmpose'


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


def test_pictures_are_drawn_on_demand_only():
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
