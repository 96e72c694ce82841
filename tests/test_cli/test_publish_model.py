import pytest
import torch
from mmengine.registry import init_default_scope
from test_runs.tiny_mocap import tiny_config, write_config

from mmxas.io import file_sha256
from mmxas.registry import MODELS


@pytest.fixture
def trained(tmp_path):
    """A config, and a checkpoint of it."""
    config = tiny_config(tmp_path)
    init_default_scope('mmpose')
    torch.save(dict(state_dict=MODELS.build(config.model).state_dict()), tmp_path / 'epoch_1.pth')
    return str(tmp_path / 'epoch_1.pth'), str(write_config(config, tmp_path))


def test_it_prints_size_and_sha256(load_command, trained, tmp_path, capsys):
    out = tmp_path / 'out' / 'a.safetensors'
    assert load_command('publish_model').main([*trained, 'a', '--out', str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f'{out}: {out.stat().st_size} bytes, sha256 {file_sha256(out)}']


@pytest.mark.parametrize(('options', 'message'), [
    ([], 'config.py: no metafile lists this config'),
    (['--max-bytes', '1000'], 'the detector alone has'),
])
def test_a_mistake_is_one_line_and_status_2(load_command, trained, tmp_path, capsys, options, message):
    out = ['--out', str(tmp_path / 'a.safetensors')] if options else []
    assert load_command('publish_model').main([*trained, 'a', *options, *out]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / 'a.safetensors').exists()
    assert load_command('publish_model').main(['none.pth', trained[1], 'a', *options]) == 2
    assert 'none.pth: no such checkpoint file' in capsys.readouterr().err
