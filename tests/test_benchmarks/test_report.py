import json

import pytest

from benchmarks import report

PAGE = 'Text.\n' + ''.join(f'<!-- {name} -->\nold {name}\n<!-- end -->\nmore\n' for name in report.TABLES)


def test_tables_with_results_are_replaced_and_others_stay(tmp_path):
    row = dict(plain_ms=361.2, ours_ms=60.05, speedup=6.015, memory_ratio=0.344, plain_mb=453.0, ours_mb=155.7,
               aim_speedup=5.0, aim_memory_ratio=0.4, aim_ms=None, holds=True)
    (tmp_path / 'latest.json').write_text(json.dumps(dict(machine='one', threads=2, operations=dict(decode=row))))
    stage = dict(data_ms=4.123, step_ms=400.4, share=0.0123, samples_per_second=160.2)
    (tmp_path / 'data_path.json').write_text(json.dumps(dict(stages=dict(full=stage))))
    page = report.filled(PAGE, tmp_path)
    assert '| `decode` | 361 | 60 | 6× | 0.34 (156 of 453 MB) | ≥ 5×, memory ≤ 0.4 | yes |' in page
    assert '| full | 4.12 | 400 | 1.2 % | 160 |' in page
    assert 'old operations' not in page and 'old curves' in page
    assert report.filled(page, tmp_path) == page


def test_numbers():
    assert [report.number(v) for v in (1234.5, 99.96, 12.34, 0.01234, None)] == ['1234', '100', '12.3', '0.0123', '–']


def test_a_page_without_a_place_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no place for the table 'curves'"):
        report.filled(PAGE.replace('<!-- curves -->', ''), tmp_path)
