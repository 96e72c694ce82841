import importlib.util
import json
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / 'benchmarks/rendering.py'


def test_the_benchmark_measures_both_sets_at_both_sizes(tmp_path, capsys):
    spec = importlib.util.spec_from_file_location('rendering_benchmark', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    status = module.main(['--num', '2', '--out', str(tmp_path / 'r.json')])
    result = json.loads((tmp_path / 'r.json').read_text())
    assert {(row['set'], row['size']) for row in result['rows']} == {
        (name, size) for name in ('synthetic', 'target') for size in (128, 256)}
    slow = any(row['per_core_second'] < module.TARGETS[row['size']] for row in result['rows'])
    assert status == int(slow) and ('too slow' in capsys.readouterr().out) == slow
