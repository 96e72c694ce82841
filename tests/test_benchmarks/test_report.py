import json

import pytest

from benchmarks import report

PAGE = 'Text.\n' + ''.join(f'<!-- {name} -->\nold {name}\n<!-- end -->\nmore\n' for name in report.TABLES)


def test_tables_with_results_are_replaced_and_others_stay(tmp_path):
    row = dict(plain_ms=361.2, ours_ms=60.05, speedup=6.018, memory_ratio=0.344, plain_mb=453.0, ours_mb=155.7,
               aim_speedup=5.0, aim_memory_ratio=0.4, aim_ms=None, holds=True, threads=2, repetitions=7,
               authors_ms=300.0, plain_as_authors_ms=361.2, against_authors=0.204)
    lone = dict(row, plain_ms=None, speedup=None, memory_ratio=None, plain_mb=None, aim_speedup=None, aim_ms=66.7,
                aim_memory_ratio=None, against_authors=None, threads=1, holds=False)
    content = dict(machine='one', threads=2, operations=dict(decode=row, render=lone))
    (tmp_path / 'latest.json').write_text(json.dumps(content))
    stage = dict(data_ms=4.123, step_ms=400.4, share=0.0123, samples_per_second=160.2, loader_samples_per_second=801.0)
    content = dict(config='c.py', workers=2, threads=1, stages=dict(full=stage))
    (tmp_path / 'data_path.json').write_text(json.dumps(content))
    page = report.filled(PAGE, tmp_path)
    assert '| `decode` | 2 | 361 | 60 | 6.02× | 0.34 (156 of 453 MB) | ≥ 5×, memory ≤ 0.4 | yes | ' \
        '361 for 300 (+20 %) |' in page
    assert '| `render` | 1 | – | 60 | – | – | ≤ 67 ms | no | – |' in page and 'one; medians of 7 or more.' in page
    assert '| full | 4.12 | 400 | 1.2 % | 160 | 801 |' in page and '`c.py`, 2 workers, 1 threads.' in page
    assert 'old operations' not in page and 'old curves' in page
    assert report.filled(page, tmp_path) == page


def test_the_projection_follows_from_bytes_and_operations(tmp_path):
    counted = {'a.py': dict(gradient_bytes=80_000_000, pair_gflop=100.0)}
    content = dict(config='a.py', batch=16, samples_per_second={'1': 10.0, '2': 15.0}, counted=counted)
    (tmp_path / 'processes.json').write_text(json.dumps(content))
    page = report.filled(PAGE, tmp_path)
    # A ring of 8: 2 * 7 / 8 * 80 MB; 32 pairs of 100 GFLOP at 50 TFLOP/s.
    assert '| `a.py` | 80 | 140 | 14 | 1.4 | 100 | 64 |' in page
    assert '| 2 | 15 | 1.50× |' in page


def test_bounds_and_curves(tmp_path):
    parts = dict(memory={'read': 3.0}, processor={'softmax': 4.0, 'sums': 2.0})
    operation = dict(parts_ms=parts, bound_ms=6.0, sum_ms=9.0, aim_ms=8.0, measured_ms=12.0)
    rates = dict(memory=10.0, fresh=2.0, cache=100.0, exp=1.0, gemm=100.0, onednn=200.0, conv=300.0)
    form = dict(gflop=3.0, wide_ms=12.0, products_ms=23.0, whole_ms=41.0)
    content = dict(threads=2, rates=rates, operations=dict(decode=operation), products=dict(fewer=form))
    (tmp_path / 'roofline.json').write_text(json.dumps(content))
    curve = dict(values=[1, 2], ms=[1.0, 2.0], mb=[3.0, 3.0], slope_ms=1.0, slope_mb=0.0)
    (tmp_path / 'scaling.json').write_text(json.dumps(dict(threads=2, curves={'decode, batch': curve})))
    page = report.filled(PAGE, tmp_path)
    assert '| `decode` | read: 3 | softmax: 4; sums: 2 | 6 | 9 | 8 | 12 | 50 % |' in page
    assert '| `fewer` | 3 | 12 | 23 | 41 |' in page
    assert '| decode, batch | 1: 1 / 3; 2: 2 / 3 | 1.00 | 0.00 |' in page and '](images/scaling.png)' in page


def test_numbers():
    assert [report.number(v) for v in (1234.5, 99.96, 12.34, 0.01234, None)] == ['1234', '100', '12.3', '0.0123', '–']


def test_a_page_without_a_place_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no place for the table 'curves'"):
        report.filled(PAGE.replace('<!-- curves -->', ''), tmp_path)
