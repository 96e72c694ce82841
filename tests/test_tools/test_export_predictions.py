import json

import numpy as np
import pytest

from mmxas.interop import read_keypoints

POSES = [dict(keypoints=[[10.25, 20.5, z], [30, 40, -z]], keypoint_scores=[0.5, 0.75]) for z in (7.125, 9.0)]
RECORD = dict(image='a.jpg', skeleton=dict(name='s', keypoints=['root', 'tip'], links=[[0, 1]]),
              instances=[dict(bbox=[0, 0, 50, 60], units=['px', 'px', 'mm'], hypotheses=POSES)])


@pytest.fixture
def export(load_tool, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'predictions').mkdir()
    (tmp_path / 'predictions' / 'a.json').write_text(json.dumps(RECORD))
    return load_tool('export_predictions').main


@pytest.mark.parametrize('out', ['a.csv', 'a.json'])
def test_all_hypotheses(export, out, capsys):
    assert export(['predictions', out, '--scorer', 'net']) == 0
    assert capsys.readouterr().out == f'{out}: 1 poses, 2 hypotheses each, of 2 keypoints in px, px, mm\n'
    table = read_keypoints(out)
    np.testing.assert_array_equal(table.keypoints[0], [pose['keypoints'] for pose in POSES])
    np.testing.assert_array_equal(table.scores[0, 1], [0.5, 0.75])
    assert table.scorers == ('net_1', 'net_2') and table.names == ('root', 'tip')


def test_the_top1_pose_and_flat(export):
    assert export(['predictions/a.json', 'a.csv', '--top1']) == 0
    assert read_keypoints('a.csv').keypoints.shape == (1, 1, 2, 3)
    assert export(['predictions', 'a.csv', '--flat']) == 0
    assert read_keypoints('a.csv').keypoints.shape == (1, 1, 2, 2)


@pytest.mark.parametrize(('arguments', 'message'), [
    (['gone', 'a.csv'], 'error: '), (['predictions', 'a.txt'], 'error: a.txt: a name that ends in .csv'),
    (['predictions', 'a.slp'], 'error: a.slp: cannot be written (ValueError: SLEAP holds one pose of x and y')])
def test_mistakes_are_one_line(export, capsys, arguments, message):
    assert export(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith(message) and error.count('\n') == 1
