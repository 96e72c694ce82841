import argparse
import re

import pytest

from mmxas.cli import running
from mmxas.cli.running import load_stack, mistakes, run_command, unknown_argument, unknown_component
from mmxas.compat import StackError
from mmxas.errors import UsageError
from mmxas.io import UnsafeFileError
from mmxas.registry import HOOKS, METRICS, MODELS, RENDERERS


def run(work) -> int:
    """Exit status of a command without options that does this."""
    return run_command('train', lambda _: argparse.Namespace(), lambda _: work())


def fail(error: Exception) -> None:
    """Raise it."""
    raise error


def test_the_status_is_what_the_work_returns():
    assert (run(lambda: None), run(lambda: 0), run(lambda: 1)) == (0, 0, 1)


@pytest.mark.parametrize('error', [UsageError('a.py: no such file'), UnsafeFileError('a.py: no such file')])
def test_a_mistake_is_one_line_and_status_2(error, capsys):
    assert run(lambda: fail(error)) == 2
    assert capsys.readouterr().err == 'mmxas train: a.py: no such file\n'


def test_a_mistake_in_the_command_line_itself_is_one_too(capsys):
    assert run_command('train', lambda _: fail(UsageError('no')), lambda _: pytest.fail('not reached')) == 2
    assert capsys.readouterr().err == 'mmxas train: no\n'


def test_a_broken_stack_is_status_1(capsys):
    assert run(lambda: fail(StackError('mmxas cannot start: torch'))) == 1
    assert capsys.readouterr().err == 'mmxas train: mmxas cannot start: torch\n'


def test_ctrl_c_is_one_line_and_status_130(capsys):
    assert run(lambda: fail(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == 'mmxas train: interrupted\n'


def test_other_errors_keep_their_traceback():
    with pytest.raises(ZeroDivisionError):
        run(lambda: 1 / 0)
    with pytest.raises(KeyError, match='some_key'):
        run(lambda: {}['some_key'])


@pytest.mark.parametrize(('registry', 'name', 'message'), [
    (MODELS, 'XASPoseEstimater', "type='XASPoseEstimater': no model of this name.*did you mean XASPoseEstimator"),
    (METRICS, 'XASPoseMetrics', 'no metric of this name.*XASPoseMetric'),
    (HOOKS, 'CheckpointHok', 'no hook of this name.*CheckpointHook'),  # mmengine's own
    (RENDERERS, 'EmbreRenderer', 'no renderer of this name.*EmbreeRenderer'),  # a registry of mmxas
    (MODELS, 'Zzzz', 'no model of this name; correct it in the config, or name its module in custom_imports$'),
])
def test_an_unknown_component_is_one_line_with_near_names(registry, name, message, capsys):
    assert run(lambda: registry.build(dict(type=name))) == 2
    (line, ) = capsys.readouterr().err.splitlines()
    assert re.search(message, line)


def test_another_key_error_is_no_unknown_component():
    assert unknown_component(KeyError('a')) is unknown_component(KeyError()) is None


@pytest.mark.parametrize(('argument', 'hint'), [('protocl', 'did you mean protocol?'), ('zzz', 'correct it in the')])
def test_an_argument_that_a_component_has_not_is_one_line(argument, hint, capsys):
    assert run(lambda: METRICS.build({'type': 'XASPoseMetric', argument: 1})) == 2
    assert re.match(rf"mmxas train: \w+Metric: no argument '{argument}'; {hint}", capsys.readouterr().err)


def test_an_argument_of_something_that_no_config_names_keeps_its_traceback():
    assert unknown_argument(TypeError("Unregistered.__init__() got an unexpected keyword argument 'a'")) is None
    with pytest.raises(TypeError):
        run(lambda: fail(TypeError('object is not callable')))


def test_errors_of_these_kinds_become_mistakes_of_one_line():
    with pytest.raises(UsageError, match='^first second$'), mistakes(ValueError, OSError):
        raise ValueError('first\nsecond')
    with pytest.raises(UsageError, match='did you mean XASPoseMetric'), mistakes(KeyError):
        METRICS.build(dict(type='XASPoseMetrics'))
    with pytest.raises(ZeroDivisionError), mistakes(ValueError):
        raise ZeroDivisionError


@pytest.mark.parametrize('later', [True, False])
def test_the_stack_is_loaded_once_where_the_import_left_it(later, monkeypatch):
    calls = []
    monkeypatch.setattr(running.compat, 'loads_later', lambda: later)
    monkeypatch.setattr(running, 'import_mmxas', lambda: calls.append(1))
    load_stack.cache_clear()
    load_stack()
    load_stack()
    assert len(calls) == later
    load_stack.cache_clear()
