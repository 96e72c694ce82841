"""A file of ``tools`` that only calls a command runs it, under its old name."""
import re
import runpy
import sys
from importlib import import_module
from pathlib import Path

import pytest

from mmxas.cli.commands import COMMANDS, find_command

TOOLS = Path(__file__).parents[2] / 'tools'
THIN = {path.relative_to(TOOLS).as_posix(): found[1] for path in sorted(TOOLS.rglob('*.py'))
        if (found := re.search(r'is ``mmxas ([\w -]+)``', path.read_text(encoding='utf-8')))}


def test_every_command_has_its_tool():
    assert sorted(THIN.values()) == sorted(command.name for command in COMMANDS if command.name != 'check')


@pytest.mark.parametrize('tool', THIN)
def test_a_tool_is_its_command(tool, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', [tool, '--help'])
    with pytest.raises(SystemExit, match='^0$'):
        runpy.run_path(str(TOOLS / tool), run_name='__main__')
    assert capsys.readouterr().out.startswith(f'usage: mmxas {THIN[tool]} ')
    main = runpy.run_path(str(TOOLS / tool))['main']
    command = find_command(THIN[tool])
    assert main is getattr(import_module(command.module), command.function)


def test_a_tool_ends_with_the_status_of_its_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['train.py', 'gone.py'])
    with pytest.raises(SystemExit, match='^2$'):
        runpy.run_path(str(TOOLS / 'train.py'), run_name='__main__')
    assert capsys.readouterr().err == 'mmxas train: gone.py: no such config file\n'
