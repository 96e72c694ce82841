import pytest

from benchmarks import report

PAGE = 'Text.\n<!-- operations -->\nold\n<!-- end -->\nmore\n'


def test_the_table_is_replaced(tmp_path):
    row = dict(plain_ms=361.2, ours_ms=60.05, speedup=6.018, memory_ratio=0.344, plain_mb=453.0, ours_mb=155.7,
               aim_speedup=5.0, aim_memory_ratio=0.4, aim_ms=None, holds=True, threads=2, repetitions=7,
               authors_ms=300.0, plain_as_authors_ms=361.2, against_authors=0.204)
    lone = dict(row, plain_ms=None, speedup=None, memory_ratio=None, plain_mb=None, aim_speedup=None, aim_ms=66.7,
                aim_memory_ratio=None, against_authors=None, threads=1, holds=False)
    content = dict(machine='one', threads=2, operations=dict(decode=row, render=lone))
    page = report.filled(PAGE, content)
    assert '| `decode` | 2 | 361 | 60 | 6.02× | 0.34 (156 of 453 MB) | ≥ 5×, memory ≤ 0.4 | yes | ' \
        '361 for 300 (+20 %) |' in page
    assert '| `render` | 1 | – | 60 | – | – | ≤ 67 ms | no | – |' in page and 'one; medians of 7 or more.' in page
    assert 'old' not in page and page.startswith('Text.\n') and page.endswith('<!-- end -->\nmore\n')
    assert report.filled(page, content) == page


def test_numbers():
    assert [report.number(v) for v in (1234.5, 99.96, 12.34, 0.01234, None)] == ['1234', '100', '12.3', '0.0123', '–']


def test_a_page_without_a_place_is_refused():
    with pytest.raises(ValueError, match='no place for the table'):
        report.filled('Text.', {})


def test_the_page_has_a_place():
    content = dict(machine='one', operations=dict(x=dict.fromkeys(
        ('plain_ms', 'speedup', 'memory_ratio', 'plain_mb', 'aim_speedup', 'aim_ms', 'aim_memory_ratio',
         'against_authors')) | dict(threads=1, ours_ms=2.0, holds=True, repetitions=7)))
    assert '| `x` | 1 | – | 2 |' in report.filled(report.PAGE.read_text(encoding='utf-8'), content)
