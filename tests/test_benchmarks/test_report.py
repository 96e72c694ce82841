import json

import pytest

from benchmarks import report


def test_rows_of_the_table():
    row = dict(plain_ms=361.2, ours_ms=60.05, speedup=6.018, memory_ratio=0.344, plain_mb=453.0, ours_mb=155.7,
               aim_speedup=5.0, aim_memory_ratio=0.4, aim_ms=None, holds=True, threads=2, repetitions=7,
               authors_ms=300.0, plain_as_authors_ms=361.2, against_authors=0.204)
    lone = dict(row, plain_ms=None, speedup=None, memory_ratio=None, plain_mb=None, aim_speedup=None, aim_ms=66.7,
                aim_memory_ratio=None, against_authors=None, threads=1, holds=False)
    content = dict(machine='one', threads=2, operations=dict(decode=row, render=lone))
    page = report.operations(content)
    assert '| `decode` | 2 | 361 | 60 | 6.02× | 0.34 (156 of 453 MB) | ≥ 5×, memory ≤ 0.4 | yes | ' \
        '361 for 300 (+20 %) |' in page
    assert '| `render` | 1 | – | 60 | – | – | ≤ 67 ms | no | – |' in page and 'one; medians of 7 or more.' in page


def test_numbers():
    assert [report.number(v) for v in (1234.5, 99.96, 12.34, 0.01234, None)] == ['1234', '100', '12.3', '0.0123', '–']


def test_results_are_kept_whole_and_others_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(report, 'RESULTS', tmp_path / 'latest.json')
    monkeypatch.setattr(report, 'KEPT', tmp_path / 'operations.json')
    content = json.loads((report.ROOT / 'docs/results/operations.json').read_text(encoding='utf-8'))
    report.RESULTS.write_text(json.dumps(content))
    report.main()
    assert json.loads(report.KEPT.read_text()) == content
    del content['operations']['decode']['ours_ms']
    report.RESULTS.write_text(json.dumps(content))
    with pytest.raises(KeyError, match='ours_ms'):
        report.main()
    assert 'ours_ms' in json.loads(report.KEPT.read_text())['operations']['decode']
