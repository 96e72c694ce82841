"""mmpose's own, unmodified tools run after ``import mmxas``."""
import json
import runpy
import sys
from pathlib import Path

import mmpose
import pytest
import torch
from tiny_project import write_tiny_config

MMPOSE_TOOLS = Path(mmpose.__file__).parent / '.mim' / 'tools'


@pytest.fixture
def run_mmpose_tool(monkeypatch):
    """Runs a tool of mmpose's as a script, with the arguments of a command line."""

    def run(name: str, *arguments) -> None:
        monkeypatch.setenv('LOCAL_RANK', '0')
        monkeypatch.setattr(sys, 'argv', [f'{name}.py', *map(str, arguments)])
        runpy.run_path(str(MMPOSE_TOOLS / f'{name}.py'), run_name='__main__')

    return run


def test_mmposes_tools_train_resume_and_test(run_mmpose_tool, tmp_path):
    config = write_tiny_config(tmp_path, epochs=1)
    work_dir, out = tmp_path / 'work', tmp_path / 'metrics.json'
    run_mmpose_tool('train', config, '--work-dir', work_dir, '--cfg-options', 'experiment_name=mmpose_1')
    run_mmpose_tool('train', config, '--work-dir', work_dir, '--resume', '--cfg-options', 'experiment_name=mmpose_2',
                    'train_cfg.max_epochs=2')
    assert torch.load(work_dir / 'epoch_2.pth')['meta']['iter'] == 8
    run_mmpose_tool('test', config, work_dir / 'epoch_2.pth', '--work-dir', work_dir, '--out', out,
                    '--cfg-options', 'experiment_name=mmpose_3')
    assert json.loads(out.read_text())['tiny/error'] > 0
