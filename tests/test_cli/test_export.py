"""The command lines; what they write is tested beside their modules."""
import json
from pathlib import Path

import numpy as np
import pytest
from test_runs.tiny_mocap import tiny_config, write_config

from mmxas.apis.onnx_detector import OnnxDetector
from mmxas.cli import export
from mmxas.interop import read_keypoints
from mmxas.synthesis.shards import PairWriter, SetMeta, SyntheticPair, encode

POSES = [dict(keypoints=[[10.25, 20.5, z], [30, 40, -z]], keypoint_scores=[0.5, 0.75]) for z in (7.125, 9.0)]
RECORD = dict(image='a.jpg', skeleton=dict(name='s', keypoints=['root', 'tip'], links=[[0, 1]]),
              instances=[dict(bbox=[0, 0, 50, 60], units=['px', 'px', 'mm'], hypotheses=POSES)])


@pytest.fixture
def export_predictions(tmp_path, monkeypatch):
    """The command, in a folder with predictions."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'predictions').mkdir()
    (tmp_path / 'predictions' / 'a.json').write_text(json.dumps(RECORD))
    return export.main_predictions


@pytest.mark.parametrize('out', ['a.csv', 'a.json'])
def test_all_hypotheses_of_predictions(export_predictions, out, capsys):
    assert export_predictions(['predictions', out, '--scorer', 'net']) == 0
    assert capsys.readouterr().out == f'{out}: 1 poses, 2 hypotheses each, of 2 keypoints in px, px, mm\n'
    table = read_keypoints(out)
    np.testing.assert_array_equal(table.keypoints[0], [pose['keypoints'] for pose in POSES])
    np.testing.assert_array_equal(table.scores[0, 1], [0.5, 0.75])
    assert table.scorers == ('net_1', 'net_2') and table.names == ('root', 'tip')


def test_the_top1_pose_and_flat(export_predictions):
    assert export_predictions(['predictions/a.json', 'a.csv', '--top1']) == 0
    assert read_keypoints('a.csv').keypoints.shape == (1, 1, 2, 3)
    assert export_predictions(['predictions', 'a.csv', '--flat']) == 0
    assert read_keypoints('a.csv').keypoints.shape == (1, 1, 2, 2)


@pytest.mark.parametrize(('arguments', 'message'), [
    (['gone', 'a.csv'], ''), (['predictions', 'a.txt'], 'a.txt: a name that ends in .csv'),
    (['predictions', 'a.slp'], 'a.slp: cannot be written (ValueError: SLEAP holds one pose of x and y')])
def test_mistakes_of_predictions_are_one_line(export_predictions, capsys, arguments, message):
    assert export_predictions(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(f'mmxas export predictions: {message}') and error.count('\n') == 1


def test_pairs_become_files(tmp_path, capsys):
    pair = SyntheticPair(
        np.zeros((8, 8, 3), np.uint8), np.full((8, 8), 255, np.uint8), np.zeros((18, 3), np.float32),
        np.eye(3, dtype=np.float32), np.array([0, 0, 8, 8], np.float32), 'run', 0, 0.0, 0,
        np.zeros((24, 3), np.float32), np.zeros(10, np.float32))
    PairWriter(tmp_path / 'set', SetMeta(1, 1, 0, 95, 'test', {})).write(0, [encode(pair, 95)])
    assert export.main_pairs([str(tmp_path / 'set'), '--out', str(tmp_path / 'out')]) == 0
    assert '1 pairs in' in capsys.readouterr().out and (tmp_path / 'out/masks/000000.png').is_file()
    assert export.main_pairs([str(tmp_path / 'absent'), '--out', str(tmp_path / 'out')]) == 2
    assert 'mmxas export pairs: ' in capsys.readouterr().err


@pytest.fixture
def config(tmp_path):
    """A small detector, without mirroring."""
    return write_config(tiny_config(Path('unused')), tmp_path, {'model.test_cfg.flip_test': False})


@pytest.mark.slow
def test_a_graph_is_written(config, tmp_path, capsys):
    pytest.importorskip('onnxscript', reason='onnxscript is not installed (requirements/optional.txt)')
    out = tmp_path / 'deep' / 'small.onnx'
    assert export.main_onnx([str(config), 'none', str(out)]) == 0
    assert 'largest difference to PyTorch' in capsys.readouterr().out
    assert OnnxDetector(out).facts['flip_test'] is False


@pytest.mark.parametrize(('arguments', 'message'), [
    (['{folder}/no.py', 'none'], 'no.py: no such config file'),
    (['{config}', '{folder}/no.pth'], 'no.pth: no such checkpoint file'),
])
def test_mistakes_of_onnx_are_one_line(config, tmp_path, capsys, arguments, message):
    arguments = [argument.format(folder=tmp_path, config=config) for argument in arguments]
    assert export.main_onnx([*arguments, str(tmp_path / 'out.onnx')]) == 2
    error = capsys.readouterr().err
    assert error.startswith('mmxas export onnx: ') and message in error and len(error.splitlines()) == 1
    assert not (tmp_path / 'out.onnx').exists()
