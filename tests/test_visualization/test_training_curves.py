"""Scalars of a run, and their curves."""
import json

import numpy as np
import pytest

from mmxas.visualization.training_curves import draw_curves, read_scalars


@pytest.fixture
def work_dir(tmp_path):
    folder = tmp_path / 'run/20260101_000000/vis_data'
    folder.mkdir(parents=True)
    lines = [dict(loss=1.0, epoch=1, step=50), dict(loss=0.5, lr=0.1, epoch=1, step=100)]
    (folder / 'scalars.json').write_text('\n'.join(map(json.dumps, lines)) + '\n')
    return tmp_path / 'run'


def test_scalars_by_name(work_dir):
    scalars = read_scalars(work_dir)
    assert scalars['loss'][0].tolist() == [50, 100] and scalars['loss'][1].tolist() == [1.0, 0.5]
    assert scalars['lr'][0].tolist() == [100]
    assert 'step' not in scalars


def test_the_newest_log_of_a_work_dir(work_dir):
    newer = work_dir / '20260102_000000/vis_data'
    newer.mkdir(parents=True)
    (newer / 'scalars.json').write_text('{"loss": 7.0, "step": 1}\n')
    assert read_scalars(work_dir)['loss'][1].tolist() == [7.0]


def test_a_line_a_run_and_a_panel_a_name(work_dir):
    scalars = read_scalars(work_dir)
    one, two = draw_curves({'a': scalars}, ['loss']), draw_curves({'a': scalars}, ['loss', 'lr'])
    assert one.dtype == np.uint8 and two.shape[1] == 2 * one.shape[1]
    assert (one != 255).any()


def test_what_is_refused(work_dir, tmp_path):
    with pytest.raises(KeyError, match="'foo'; there are epoch, loss, lr"):
        draw_curves({'a': read_scalars(work_dir)}, ['foo'])
    with pytest.raises(FileNotFoundError, match='scalars.json'):
        read_scalars(tmp_path)
    bad = tmp_path / 'bad.json'
    bad.write_text('{"step": 1}\nnothing\n')
    with pytest.raises(ValueError, match='line 2'):
        read_scalars(bad)
