"""The command in this process, and as pip writes it in processes of its own."""
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_command import write_command

from mmxas.cli import main as module
from mmxas.cli.commands import family_overview, find_command, overview
from mmxas.cli.main import main
from mmxas.compat import StackError

CHECKOUT = Path(__file__).parents[2]
# -S leaves out site-packages: an environment in which nothing is installed.
BARE = [sys.executable, '-S']


def run_script(folder: Path, *words: str, python=BARE, last: str = '') -> subprocess.CompletedProcess:
    """Run the command in a process of its own."""
    environment = {**os.environ, 'PYTHONPATH': str(CHECKOUT)}
    return subprocess.run([*python, write_command(folder, last), *words], capture_output=True, text=True,
                          env=environment, timeout=600)


@pytest.fixture
def called(monkeypatch):
    """Commands that were run, with their arguments."""
    found = []
    monkeypatch.setattr(module, 'run', lambda command, arguments: found.append((command, arguments)) or 7)
    return found


@pytest.mark.parametrize(('words', 'name', 'arguments'), [
    (['train', 'a.py', '--amp'], 'train', ['a.py', '--amp']), (['train', '--help'], 'train', ['--help']),
    (['export', 'onnx', 'a.py'], 'export onnx', ['a.py']), (['export', 'onnx', '--help'], 'export onnx', ['--help'])])
def test_a_command_gets_the_rest_of_the_line(called, words, name, arguments):
    assert main(words) == 7
    assert called == [(find_command(name), arguments)]


def test_help(capsys):
    assert main(['--help']) == main(['-h']) == main(['convert', '--help']) == 0
    assert capsys.readouterr().out == f'{overview()}\n' * 2 + family_overview('convert') + '\n'


@pytest.mark.parametrize(('words', 'message'), [
    (['trian', 'a.py'], "mmxas: no command 'trian'; did you mean train?"),
    (['xyz'], "mmxas: no command 'xyz'; mmxas --help lists them"),
    (['--amp'], "mmxas: no command '--amp'; mmxas --help lists them"),
    (['export'], 'mmxas export: a kind is missing; there are: predictions, pairs, onnx'),
    (['export', 'onxx', 'a.py'], "mmxas export: no kind 'onxx'; there are: predictions, pairs, onnx")])
def test_a_mistake_is_one_line_and_status_2(called, capsys, words, message):
    assert main(words) == 2
    assert capsys.readouterr().err == f'{message}\n' and called == []


def test_no_command_shows_what_there_is(capsys):
    assert main([]) == 2
    assert capsys.readouterr().err == f'{overview()}\n'


def test_a_broken_stack_is_status_1_before_the_module_is_imported(monkeypatch, capsys):
    def fail() -> None:
        raise StackError('mmxas cannot start: torch')

    monkeypatch.setattr(module, 'load_stack', fail)
    monkeypatch.setattr(module, 'import_module', lambda _: pytest.fail('imported'))
    assert main(['train', 'a.py']) == 1
    assert capsys.readouterr().err == 'mmxas train: mmxas cannot start: torch\n'


@pytest.mark.parametrize(('words', 'status'), [(['--help'], 0), (['export', '--help'], 0), (['infer', '--help'], 0),
                                               (['infer', 'gone.jpg'], 2), (['trian'], 2)])
def test_what_needs_no_stack_works_without_one(tmp_path, words, status):
    done = run_script(tmp_path, *words)
    assert done.returncode == status and 'Traceback' not in done.stderr


def test_without_a_stack_check_names_what_to_do_and_others_name_check(tmp_path):
    done = run_script(tmp_path, 'check')
    assert (done.returncode, done.stderr) == (1, '') and '-m pip install torch==' in done.stdout
    done = run_script(tmp_path, 'train', 'a.py')
    assert done.returncode == 1 and done.stderr.startswith('mmxas train: mmxas cannot start:\n  torch: not installed')
    assert 'Traceback' not in done.stderr


def test_a_command_loads_the_stack_and_registers_the_components(tmp_path):
    done = run_script(tmp_path, 'browse', 'gone.py', python=[sys.executable],
                      last="from mmxas.registry import MODELS; print('XASPoseEstimator' in MODELS.module_dict)")
    assert (done.returncode, done.stdout) == (2, 'True\n'), done.stderr
    assert done.stderr.splitlines()[-1] == 'mmxas browse: gone.py: no such config file'
