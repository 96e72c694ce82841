import importlib.util
import json
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[3] / 'tools/analysis/pose_set_distance.py'
CONFIG = """
body = dict(body_model=dict(type='SMPLBodyModel'), skeleton='h36m18')
synthesis = dict(
    prior=dict(generator=dict(body, pose_source=dict(type='TruncatedGaussianPrior'))),
    mocap=dict(generator=dict(body, pose_source=dict(type='MocapPoses', clips=['walk', 'kick']))))
"""


@pytest.fixture(scope='module')
def main():
    spec = importlib.util.spec_from_file_location('pose_set_distance_tool', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


@pytest.fixture
def config(tmp_path):
    (tmp_path / 'c.py').write_text(CONFIG)
    return str(tmp_path / 'c.py')


def test_walking_is_nearer_to_the_prior_than_kicking(main, config, tmp_path, capsys):
    out = tmp_path / 'table.json'
    assert main([config, '--query', 'mocap', '--reference', 'prior', '--num', '300', '--out', str(out)]) == 0
    table = json.loads(out.read_text())
    assert table['walk']['poses'] == 39 and table['kick']['poses'] == 47
    assert 50 < table['walk']['mean'] < 110 and 130 < table['kick']['mean'] < 200
    assert 'reference against itself' in capsys.readouterr().out


def test_unknown_set(main, config, capsys):
    assert main([config, '--query', 'none', '--reference', 'prior']) == 2
    assert "'none'" in capsys.readouterr().err
