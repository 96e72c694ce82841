import json
import time

import pytest
import torch

from benchmarks import __main__ as table
from benchmarks import comparison
from benchmarks.comparison import Contest, Result, alternate, hold, peak_bytes, take_turns


def test_runs_alternate_and_the_first_does_not_count():
    order = []
    times = alternate({'a': lambda: order.append('a'), 'b': lambda: order.append('b')}, 3)
    assert order == ['a', 'b'] * 4
    assert set(times) == {'a', 'b'} and all(0 <= value < 100 for value in times.values())


def test_short_runs_go_on_until_the_time_is_up():
    times = take_turns({'a': lambda: time.sleep(0.01)}, 2, seconds=0.1)['a']
    assert 2 < len(times) <= 11 and min(times) >= 10
    assert hold(Contest('x', 'x', lambda way: lambda: time.sleep(0.01)), 1, 1, seconds=0.1).repetitions > 1


def test_a_run_follows_one_of_its_own():
    order = []
    times = take_turns({'a': lambda: order.append('a'), 'b': lambda: order.append('b')}, 2, after=2)
    assert order == ['a', 'b'] + 2 * (['a'] * 3 + ['b'] * 3) and len(times['a']) == 2


def test_both_sides_keep_memory_where_the_contest_says_so(monkeypatch):
    order = []
    monkeypatch.setattr(comparison, 'keep_freed_memory', lambda keep=True: order.append(keep) or True)

    def build(way):
        return lambda: order.append(way)

    hold(Contest('x', 'x', build), repetitions=1, threads=1)
    assert order == ['plain', 'ours'] * 2
    order.clear()
    hold(Contest('x', 'x', build, keeps_memory=True), repetitions=1, threads=1)
    assert order == [True, 'plain', 'ours', 'plain', 'ours', False]
    order.clear()
    with pytest.raises(ZeroDivisionError):
        hold(Contest('x', 'x', lambda way: lambda: 1 / 0, keeps_memory=True), repetitions=1, threads=1)
    assert order == [True, False]


def test_a_contest_that_cannot_keep_memory_is_left_out(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv('MALLOC_ARENA_MAX', '1')
    known = {'one': Contest('one', 'first', lambda _: int, keeps_memory=True),
             'two': Contest('two', 'second', lambda _: int)}
    monkeypatch.setattr(table, 'contests', lambda: known)
    quickly = ['--repetitions', '1', '--seconds', '0', '--threads', '1']
    assert table.main(['--out', str(tmp_path / 'latest.json'), *quickly]) == 1
    assert list(json.loads((tmp_path / 'latest.json').read_text())['operations']) == ['two']
    assert 'left out: freed memory is kept with glibc only' in capsys.readouterr().out


def test_peak_counts_what_lives_at_once():
    def run() -> None:
        for _ in range(3):
            torch.ones(250_000)  # 1 MB, freed at once
        kept = torch.ones(500_000)
        del kept

    assert peak_bytes(run) == pytest.approx(2e6, rel=0.01)


def test_results_know_their_aims():
    assert Result(5.0, 0.3, 10.0, 2.0, aim_speedup=5.0, aim_memory_ratio=0.4).holds
    assert not Result(4.9, 0.3, 10.0, 2.0, aim_speedup=5.0).holds
    assert not Result(6.0, 0.5, 10.0, 2.0, aim_speedup=5.0, aim_memory_ratio=0.4).holds
    assert not Result(6.0, None, 10.0, 2.0, aim_memory_ratio=0.4).holds
    assert Result(None, None, None, 60.0, aim_ms=66.0).holds and not Result(None, None, None, 70.0, aim_ms=66.0).holds


def test_a_side_that_is_not_installed_leaves_no_ratio(capsys):
    def build(way):
        if way == 'plain':
            raise ImportError('pytorch3d is not installed')
        return lambda: None

    result = hold(Contest('x', 'x', build, at_most_ms=1e3), repetitions=1, threads=1)
    assert result.speedup is None and result.holds and result.as_dict()['plain_ms'] is None
    assert 'x: nothing to compare with: pytorch3d' in capsys.readouterr().err


def test_a_plain_way_is_measured_against_the_authors_on_their_input():
    asked = []

    def build(way, size=1):
        asked.append((way, size))
        return lambda: time.sleep(0.01 * size)

    same = hold(Contest('x', 'x', build, authors_ms=10.0), repetitions=1, threads=1)
    assert same.plain_as_authors_ms == same.plain_ms and same.against_authors >= 0
    other = hold(Contest('x', 'x', build, authors_ms=10.0, as_authors=dict(size=5)), repetitions=1, threads=1)
    assert asked[-1] == ('plain', 5) and other.plain_as_authors_ms >= 50
    assert other.against_authors == pytest.approx(other.plain_as_authors_ms / 10 - 1)
    assert hold(Contest('x', 'x', build), repetitions=1, threads=1).as_dict()['against_authors'] is None


@pytest.mark.parametrize(('plain', 'said'), [(119.0, None), (81.0, None), (125.0, '+25 %'), (70.0, '-30 %')])
def test_an_unfair_opponent_is_named(plain, said):
    note = table.remark(Result(None, None, plain, 1.0, authors_ms=100.0, plain_as_authors_ms=plain))
    assert note is None if said is None else f'{said}, more than 20 % apart' in note


def test_an_operation_that_is_not_installed_does_not_lose_the_others(tmp_path, capsys, monkeypatch):
    def missing(way):
        raise ImportError('onnxruntime is not installed')

    known = {'one': Contest('one', 'first', missing, 1.0), 'two': Contest('two', 'second', lambda _: int, 1e-9)}
    monkeypatch.setattr(table, 'contests', lambda: known)
    quickly = ['--repetitions', '1', '--seconds', '0', '--threads', '1']
    assert table.main(['--out', str(tmp_path / 'latest.json'), *quickly]) == 1
    assert list(json.loads((tmp_path / 'latest.json').read_text())['operations']) == ['two']
    assert 'left out: onnxruntime is not installed' in capsys.readouterr().out


def test_the_table_is_printed_and_written(tmp_path, capsys, monkeypatch):
    threads = []

    def build(way):
        return lambda: threads.append(torch.get_num_threads())

    known = {'one': Contest('one', 'first', build, 1e-9), 'two': Contest('two', 'second', build, 1e9, threads=1)}
    monkeypatch.setattr(table, 'contests', lambda: known)
    before = torch.get_num_threads()
    try:
        quickly = ['--repetitions', '2', '--seconds', '0', '--threads', '2']
        status = table.main(['--out', str(tmp_path / 'latest.json'), *quickly])
    finally:
        torch.set_num_threads(before)
    content = json.loads((tmp_path / 'latest.json').read_text())
    assert status == 1 and content['threads'] == 2 and 'cores' in content['machine']
    assert content['operations']['one']['holds'] and not content['operations']['two']['holds']
    assert set(threads) == {1, 2} and content['operations']['two']['threads'] == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith('first') and ' yes ' in lines[2] and ' NO ' in lines[3] and '>= 1e+09x' in lines[3]


def test_an_unknown_side_is_named(capsys):
    with pytest.raises(SystemExit):
        table.main(['--peak', 'decode', 'other'])
    assert 'plain or ours, expected' in capsys.readouterr().err
