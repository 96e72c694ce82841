"""``tools/replay_batch.py`` refuses what training did not dump; tests/robust replays what it did."""
import runpy
import sys
from pathlib import Path

import pytest
import torch
from tiny_project import write_tiny_config

TOOL = str(Path(__file__).parents[2] / 'tools' / 'replay_batch.py')


@pytest.mark.parametrize(('name', 'message'), [('none.pth', 'can not be found'), ('a.pth',
                                                                                  'a batch that training dumped')])
def test_another_file_is_one_line(name, message, tmp_path, monkeypatch, capsys):
    torch.save({}, tmp_path / 'a.pth')
    monkeypatch.setattr(sys, 'argv', [TOOL, str(write_tiny_config(tmp_path)), str(tmp_path / name)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(TOOL, run_name='__main__')
    assert ended.value.code == 2 and message in capsys.readouterr().err
