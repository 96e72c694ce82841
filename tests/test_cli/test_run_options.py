import argparse
import os

import cv2
import pytest
from mmengine.config import Config

from mmxas.cli import run_options
from mmxas.cli.options import add_run_options
from mmxas.errors import UsageError


def parse(*arguments) -> argparse.Namespace:
    """Read a command line of a training."""
    parser = argparse.ArgumentParser()
    add_run_options(parser)
    return parser.parse_args(arguments)


def test_a_device_is_tried():
    assert run_options.require_device('cpu') == 'cpu'
    for name in ('foo', 'cuda:99'):
        with pytest.raises(UsageError, match=f'^--device {name}: torch cannot use it here .*; cpu always works'):
            run_options.require_device(name)


@pytest.mark.parametrize(('arguments', 'in_config', 'expected'), [
    (['configs/a.py'], None, 'work_dirs/a'),
    (['mmxas::a.py'], None, 'work_dirs/a'),
    (['a.py'], 'from/config', 'from/config'),
    (['a.py', '--work-dir', 'from/option'], 'from/config', 'from/option'),
])
def test_the_work_directory(arguments, in_config, expected):
    cfg = Config(dict(work_dir=in_config))
    run_options.set_work_dir(cfg, parse(*arguments))
    assert cfg.work_dir == expected


def test_pictures_are_drawn_on_demand_only(monkeypatch):
    monkeypatch.setattr(cv2, 'getBuildInformation', lambda: 'GUI:    GTK3')
    hook = dict(type='PoseVisualizationHook', enable=False)
    cfg = Config(dict(default_hooks=dict(visualization=hook)))
    run_options.enable_visualization(cfg, parse('a.py'))
    assert not cfg.default_hooks.visualization.enable
    run_options.enable_visualization(cfg, parse('a.py', '--show-dir', 'out', '--interval', '5'))
    assert cfg.default_hooks.visualization == dict(
        type='PoseVisualizationHook', enable=True, show=False, out_dir='out', interval=5)
    run_options.enable_visualization(cfg, parse('a.py', '--show', '--wait-time', '2'))
    assert (cfg.default_hooks.visualization.show, cfg.default_hooks.visualization.wait_time) == (True, 2)
    with pytest.raises(UsageError, match='a.py: --show and --show-dir need'):
        run_options.enable_visualization(Config(), parse('a.py', '--show'))


def test_the_local_rank_is_passed_on_once(monkeypatch):
    monkeypatch.delenv('LOCAL_RANK', raising=False)
    run_options.set_local_rank(parse('a.py', '--local-rank', '3'))
    run_options.set_local_rank(parse('a.py', '--local_rank', '4'))
    assert os.environ['LOCAL_RANK'] == '3'
