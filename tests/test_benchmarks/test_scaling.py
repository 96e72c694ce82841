import json

import cv2
import pytest
import torch

from benchmarks import scaling


def test_slope_is_the_exponent():
    assert scaling.slope([1, 2, 4, 8], [3, 12, 48, 192]) == pytest.approx(2.0)


def test_a_peak_counts_what_a_run_frees_of_the_one_before(monkeypatch):
    def prepare(size):
        kept = []

        def run():
            kept.clear()
            kept.extend([torch.empty(size), torch.empty(size)])
            return torch.empty(2 * size)
        return run

    monkeypatch.setitem(scaling.CURVES, 'kept', ('numbers', (10_000, 100_000), prepare))
    assert scaling.measure('kept', 1)['mb'] == pytest.approx([0.08, 0.8], rel=1e-2)


def test_curves_are_written_and_drawn(tmp_path, monkeypatch):
    def prepare(size):
        return lambda: torch.ones(size).sum()

    monkeypatch.setattr(scaling, 'CURVES', {'sum, numbers': ('numbers', (10_000, 100_000), prepare)})
    out, picture = tmp_path / 'out.json', tmp_path / 'picture.png'
    arguments = ['--only', 'sum, numbers', '--threads', '1', '--out', str(out), '--picture', str(picture)]
    before = torch.get_num_threads()
    try:
        assert scaling.main(arguments) == 0
    finally:
        torch.set_num_threads(before)
    curve = json.loads(out.read_text())['curves']['sum, numbers']
    assert curve['values'] == [10_000, 100_000] and curve['slope_mb'] == pytest.approx(1.0, abs=0.01)
    assert cv2.imread(str(picture)).shape[0] > 100
