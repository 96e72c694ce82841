"""One unbroken training that others are compared with."""
from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine.registry import DefaultScope

from mmxas.datasets.rendered_sets import prepare_sets
from mmxas.datasets.shared_parts import share_config

from .tiny_mocap import ToolRun, read_losses, tiny_config, write_config


@pytest.fixture(scope='session')
def data(tmp_path_factory) -> Path:
    """Folder of the rendered sets."""
    folder = tmp_path_factory.mktemp('rendered')
    cfg = tiny_config(folder)
    share_config(cfg)
    with DefaultScope.overwrite_default_scope('mmpose'):
        prepare_sets(cfg)
    return folder


@pytest.fixture(scope='session')
def unbroken(data, tmp_path_factory) -> SimpleNamespace:
    """Both stages in one process without workers: ``config``, ``work_dir``, ``losses``, ``log``."""
    work_dir = tmp_path_factory.mktemp('unbroken')
    config = write_config(tiny_config(data), work_dir)
    run = ToolRun('train.py', [config, '--work-dir', work_dir], work_dir / 'log')
    run.check()
    return SimpleNamespace(config=config, work_dir=work_dir, losses=read_losses(work_dir), log=run.output())
