from pathlib import Path

import pytest
from test_runs.tiny_mocap import tiny_config, write_config

from mmxas.apis.onnx_detector import OnnxDetector


@pytest.fixture
def config(tmp_path):
    """A small detector, without mirroring."""
    return write_config(tiny_config(Path('unused')), tmp_path, {'model.test_cfg.flip_test': False})


@pytest.mark.slow
def test_a_graph_is_written(load_command, config, tmp_path, capsys):
    pytest.importorskip('onnxscript', reason='onnxscript is not installed (requirements/optional.txt)')
    out = tmp_path / 'deep' / 'small.onnx'
    assert load_command('export_onnx').main([str(config), 'none', str(out)]) == 0
    assert 'largest difference to PyTorch' in capsys.readouterr().out
    assert OnnxDetector(out).facts['flip_test'] is False


@pytest.mark.parametrize(('arguments', 'message'), [
    (['{folder}/no.py', 'none'], 'no.py: no such config file'),
    (['{config}', '{folder}/no.pth'], 'no.pth: no such checkpoint file'),
])
def test_mistakes_are_one_line(load_command, config, tmp_path, capsys, arguments, message):
    arguments = [argument.format(folder=tmp_path, config=config) for argument in arguments]
    assert load_command('export_onnx').main([*arguments, str(tmp_path / 'out.onnx')]) == 2
    error = capsys.readouterr().err
    assert error.startswith('mmxas export onnx: ') and message in error and len(error.splitlines()) == 1
    assert not (tmp_path / 'out.onnx').exists()
