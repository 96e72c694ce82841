"""``tools/inspect_checkpoint.py`` says what is in a file, and what speaks against it."""
import json
import os
import runpy
import sys
from pathlib import Path

import pytest
import torch

TOOL = str(Path(__file__).parents[2] / 'tools' / 'inspect_checkpoint.py')


class Calls:
    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f'touch {self.canary}',)


def run(monkeypatch, *arguments) -> int:
    monkeypatch.setattr(sys, 'argv', [TOOL, *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(TOOL, run_name='__main__')
    return ended.value.code


def test_good_and_bad_files(tmp_path, monkeypatch, capsys):
    torch.save({'state_dict': {'a': torch.zeros(2)}}, tmp_path / 'good.pth')
    torch.save({'a': Calls(tmp_path / 'canary')}, tmp_path / 'bad.pth')
    assert run(monkeypatch, tmp_path / 'good.pth') == 0
    assert 'no reason to refuse it' in capsys.readouterr().out
    assert run(monkeypatch, tmp_path / 'good.pth', tmp_path / 'bad.pth') == 1
    assert 'REFUSED: names posix.system' in capsys.readouterr().out
    assert run(monkeypatch, '--json', tmp_path / 'bad.pth') == 1
    assert json.loads(capsys.readouterr().out)[0]['pickles']['bad/data.pkl']['imports'] == ['posix.system']
    assert not (tmp_path / 'canary').exists()
    assert run(monkeypatch, tmp_path / 'none.pth') == 2
