import importlib
import inspect
import subprocess
import sys

import pytest

from benchmarks import everything


def test_a_part_that_fails_does_not_keep_the_others_from_running(monkeypatch, capsys):
    ran = []

    def run(command, cwd):
        ran.append(command)
        return subprocess.CompletedProcess(command, int(command[-1] == 'benchmarks.scaling'))

    monkeypatch.setattr(subprocess, 'run', run)
    assert everything.main([]) == 1
    assert ran == [[sys.executable, '-m', part] for part in everything.PARTS]
    assert ran[-1][-1] == 'benchmarks.report', 'the page is written last'
    assert 'failed, or an aim was missed: benchmarks.scaling' in capsys.readouterr().err
    assert everything.main(['--only', 'benchmarks.report']) == 0


@pytest.mark.parametrize('part', everything.PARTS)
def test_every_part_has_its_options(part, capsys):
    """Each is a module with a parser of its own; --help ends before anything is measured."""
    module = importlib.import_module('benchmarks.__main__' if part == 'benchmarks' else part)
    assert inspect.getsource(module).splitlines()[-2:] in (
        ["if __name__ == '__main__':", f'    {leave}(main())'] for leave in ('sys.exit', 'raise SystemExit'))
    with pytest.raises(SystemExit, match='0'):
        module.main(['--help'])
    assert f'usage: python -m {part} ' in capsys.readouterr().out
