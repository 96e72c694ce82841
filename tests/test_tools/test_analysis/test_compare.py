import json
import sys

import pytest

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
def main(load_tool, monkeypatch):
    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', ['compare.py', *arguments])
        load_tool('analysis/compare').main()

    return run


def test_files_side_by_side(main, write, capsys):
    main(write('a/pose.json', 90.0), write('b/pose.json', 80.0))
    out = capsys.readouterr().out
    assert 'a/pose.json' in out and '-10' in out
    main(write('x.json', 90.0), write('y.json', 80.0), write('z.json', 70.0))
    assert '| x ' in capsys.readouterr().out


def test_what_is_refused(main, write, load_tool, tmp_path, capsys):
    first, second = write('a.json', 90.0), write('b.json', 80.0, 'released')
    with pytest.raises(Exception, match='measured differently'):
        main(first, second)
    main(first, second, '--force')
    assert 'left_right_switch: False | True' in capsys.readouterr().out
    with pytest.raises(Exception, match='no such result file'):
        main(first, str(tmp_path / 'gone.json'))
