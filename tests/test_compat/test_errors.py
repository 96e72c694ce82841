import importlib
import sys
from collections import namedtuple

import pytest

from mmxas.compat import StackError, errors, findings
from mmxas.compat.errors import comes_from_stack, loads_later, readable_errors, require_versions
from mmxas.compat.stack import Requirement


def test_one_error_names_every_fault_its_command_and_the_check(monkeypatch):
    monkeypatch.setattr(findings, 'installed_version', {'setuptools': '82'}.get)
    wanted = (Requirement('torch', 'torch', '>=2.6'), Requirement('setuptools', 'x', '<81'),
              Requirement('extra', 'extra', optional=True))
    with pytest.raises(StackError) as caught:
        require_versions(wanted)
    lines = str(caught.value).splitlines()
    assert lines[0] == 'mmxas cannot start:'
    assert lines[1] == f'  torch: not installed; mend: {sys.executable} -m pip install "torch>=2.6"'
    assert lines[2].startswith('  setuptools: wrong version: <81 wanted; mend: ')
    assert lines[3:] == ['Run `python -m mmxas.check` for the whole stack.']


def test_an_old_python_is_named_first(monkeypatch):
    monkeypatch.setattr(errors.sys, 'version_info', namedtuple('V', 'major minor micro')(3, 10, 4))
    with pytest.raises(StackError, match=r'Python 3\.10\.4: >=3\.11 wanted'):
        require_versions(())


def test_the_stack_of_this_environment_passes():
    require_versions()


@pytest.mark.parametrize('statement', ["raise AssertionError('MMCV==2.3 is incompatible')", 'import no_such_package'])
def test_what_another_package_raises_at_import_becomes_readable(tmp_path, monkeypatch, statement):
    (tmp_path / 'broken_neighbour.py').write_text(statement)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(StackError, match='cannot start: .*\n.*python -m mmxas.check') as caught, readable_errors():
        importlib.import_module('broken_neighbour')
    assert caught.value.__cause__ is not None


def test_a_failing_call_is_not_the_stacks_fault():
    def register() -> None:
        raise KeyError('already registered')

    with pytest.raises(KeyError, match='already registered'), readable_errors():
        register()


def test_a_name_missing_from_mmxas_is_not_the_stacks_fault():
    with pytest.raises(ImportError) as caught, readable_errors():
        from mmxas.version import no_such_name  # noqa: F401
    assert not isinstance(caught.value, StackError)


def test_a_stack_error_passes_as_it_is():
    original = StackError('as it is')
    with pytest.raises(StackError) as caught, readable_errors():
        raise original
    assert caught.value is original


def test_an_error_that_was_never_raised_comes_from_nowhere():
    assert not comes_from_stack(ValueError('no frames'))


@pytest.mark.parametrize(('arguments', 'expected'), [
    (['python', '-m', 'mmxas.check'], True),
    (['python', '-mmmxas.check', '--versions'], True),
    (['python', '-X', 'dev', '-m', 'coverage', 'run', '-m', 'mmxas.check'], True),
    (['python', '/venv/bin/mmxas', 'train', 'a.py'], True),
    (['python', '-X', 'dev', '/venv/bin/mmxas', '--help'], True),
    (['python', '-c', 'import mmxas'], False),
    (['python', 'tools/train.py', 'mmxas.check'], False),
    (['python', '-c', 'from multiprocessing.spawn import spawn_main', '--multiprocessing-fork'], False),
])
def test_the_stack_is_left_to_check_and_to_the_command_but_not_to_their_workers(monkeypatch, arguments, expected):
    monkeypatch.setattr(sys, 'orig_argv', arguments)
    monkeypatch.setattr(sys, 'argv', ['/venv/bin/mmxas', 'train', 'a.py'])  # a worker inherits it
    assert loads_later() is expected
