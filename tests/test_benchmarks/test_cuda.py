"""The GPU's benchmark runs, on a CPU and small input."""
import json

import pytest
import torch

from benchmarks import cuda


def test_it_runs_on_a_cpu_and_writes_its_results(tmp_path, capsys):
    out = tmp_path / 'cuda.json'
    assert cuda.main(['--device', 'cpu', '--seconds', '0', '--only', 'decode', 'skeleton_mask', '--out', str(out)]) == 0
    content = json.loads(out.read_text())
    assert set(content['operations']) == {'decode', 'skeleton_mask'}
    decode = content['operations']['decode']
    assert decode['ours_ms'] > 0 and decode['plain_ms'] > 0
    # Three passes over 2 x 18 x 8^3 numbers of four bytes.
    assert decode['bound_ms'] == pytest.approx(3 * 4 * 2 * 18 * 8**3 / content['rates']['copy_gb_s'] / 1e6)
    assert 'the numbers say nothing' in capsys.readouterr().out


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_without_a_gpu_it_says_how_to_try_it(capsys):
    with pytest.raises(SystemExit):
        cuda.main([])
    assert '--device cpu' in capsys.readouterr().err
