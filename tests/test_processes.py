"""Processes that work: how many fit, what they import, and how they fail."""
import os
import sys
import textwrap

import pytest
from tiny_work import dies, fails, imported, start, start_wrongly, times

from mmxas.processes import ProcessError, component_modules, run_in_processes, usable_cpus
from mmxas.registry import APPEARANCES, POSE_SOURCES


def test_results_of_all_items_arrive_and_progress_is_looked_at():
    looks = []
    results = run_in_processes(times, range(7), 2, start, (3, ), look=lambda: looks.append(1))
    assert sorted(results) == [0, 3, 6, 9, 12, 15, 18] and looks
    assert list(run_in_processes(times, [], 2, start, (3, ))) == []


def test_errors_of_the_work_are_shown_as_they_are():
    with pytest.raises(ValueError, match='item 4 is broken'):
        list(run_in_processes(fails, [4], 1, start, (1, )))
    with pytest.raises(ProcessError, match=r"a process could not start: KeyError: 'nothing of this name'"):
        list(run_in_processes(times, [1], 1, start_wrongly))
    with pytest.raises(ProcessError, match="a process could not start: ModuleNotFoundError: No module named 'nowhere'"):
        list(run_in_processes(times, [1], 1, start, (1, ), modules=['nowhere']))
    with pytest.raises(ProcessError, match='a process was killed'):
        list(run_in_processes(dies, [1, 2], 1, start, (1, )))


def test_modules_are_imported_first(tmp_path, monkeypatch):
    (tmp_path / 'a_users_module.py').write_text('x = 1')
    monkeypatch.syspath_prepend(str(tmp_path))
    assert list(run_in_processes(imported, ['a_users_module'], 1, start, (1, ), modules=['a_users_module'])) == [True]
    assert 'a_users_module' not in sys.modules


def test_modules_of_the_components_that_a_config_names(tmp_path, monkeypatch):
    (tmp_path / 'a_users_parts.py').write_text(textwrap.dedent("""
        from mmxas.registry import APPEARANCES, POSE_SOURCES

        @APPEARANCES.register_module()
        class UsersColours:
            pass

        @POSE_SOURCES.register_module()
        class UsersPoses:
            pass
    """))
    monkeypatch.syspath_prepend(str(tmp_path))
    import a_users_parts  # noqa: F401
    try:
        config = dict(pose_source=dict(type='MocapPoses'), appearance=dict(choices=[dict(type='UsersColours')]))
        assert component_modules(config) == ['a_users_parts']
        assert component_modules([dict(type='UsersPoses'), dict(type='PartSegmentation')]) == ['a_users_parts']
        assert component_modules(dict(type='PartSegmentation', other='UsersColours')) == []
    finally:
        del APPEARANCES.module_dict['UsersColours'], POSE_SOURCES.module_dict['UsersPoses']
        del sys.modules['a_users_parts']


@pytest.mark.skipif(not hasattr(os, 'sched_setaffinity'), reason='this system has no affinity')
def test_cpus_that_a_scheduler_allows():
    before = os.sched_getaffinity(0)
    assert usable_cpus() == len(before)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert usable_cpus() == 1
    finally:
        os.sched_setaffinity(0, before)
