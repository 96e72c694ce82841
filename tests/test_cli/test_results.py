import json

import cv2
import pytest

from mmxas.cli import results
from mmxas.evaluation.metrics import XASPoseMetric
from mmxas.evaluation.protocol import load_protocol
from mmxas.evaluation.result_file import FORMAT


@pytest.fixture
def write(tmp_path):
    """A small result in a file of a name."""

    def write_one(name, error, protocol='standard'):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(dict(
            format=FORMAT, metric=XASPoseMetric.__name__, protocol=load_protocol(protocol).to_dict(), unit='mm',
            groups=dict(all=dict(num_samples=1, top1={'MPJPE': error})))))
        return str(path)

    return write_one


@pytest.fixture
def main():
    return lambda *arguments: results.main_compare(list(arguments))


def test_files_side_by_side(main, write, capsys):
    main(write('a/pose.json', 90.0), write('b/pose.json', 80.0))
    out = capsys.readouterr().out
    assert 'a/pose.json' in out and '-10' in out
    main(write('x.json', 90.0), write('y.json', 80.0), write('z.json', 70.0))
    assert '| x ' in capsys.readouterr().out


def test_what_is_refused(main, write, tmp_path, capsys):
    first, second = write('a.json', 90.0), write('b.json', 80.0, 'released')
    assert main(first, second) == 2
    assert 'measured differently' in capsys.readouterr().err
    assert main(first, second, '--force') == 0
    assert 'left_right_switch: False | True' in capsys.readouterr().out
    assert main(first, str(tmp_path / 'gone.json')) == 2
    assert 'no such result file' in capsys.readouterr().err


def test_plot(tmp_path, capsys):
    log, curves = tmp_path / 'scalars.json', tmp_path / 'curves.png'
    log.write_text('{"loss": 1.0, "step": 1}\n{"loss": 0.5, "step": 2}\n')
    assert results.main_plot([str(log), '--keys', 'loss', '--out', str(curves)]) == 0
    assert str(curves) in capsys.readouterr().out
    assert cv2.imread(str(curves)).shape[2] == 3
