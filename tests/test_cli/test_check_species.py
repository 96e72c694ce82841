import cv2
import pytest
from tiny_body import write_tiny_body

from mmxas.species import write_project


@pytest.fixture
def check_species(load_command):
    return load_command('check_species').main


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return str(write_project('boxes', write_tiny_body(tmp_path), tmp_path / 'boxes').config)


def test_a_verdict_for_each_check_and_a_sheet(check_species, config, capsys):
    assert check_species([config, '--samples', '2']) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ['ok'] * 8 + ['look']
    assert cv2.imread('work_dirs/xas_boxes/check_species.png').shape[0] > 300


def test_a_failure_is_the_exit_status(check_species, config, capsys):
    options = ['--samples', '2', '--sheet', 'a.png', '--cfg-options', 'model.head.num_keypoints=9']
    assert check_species([config, *options]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == 'FAILED one skeleton  model.head.num_keypoints is 9; 8 expected'
    assert [line.split()[0] for line in lines] == ['ok', 'FAILED', *['ok'] * 6, 'look']


@pytest.mark.parametrize(('arguments', 'message'), [
    (['gone.py'], 'mmxas check-species: gone.py: no such config file'),
    (['{config}', '--samples', '1', '--sheet', 'a.xyz'], 'mmxas check-species: a.xyz: a name that ends in .png')])
def test_mistakes_are_one_line(check_species, config, capsys, arguments, message):
    assert check_species([argument.format(config=config) for argument in arguments]) == 2
    assert capsys.readouterr().err.startswith(message)


def test_no_samples_are_refused(check_species, config, capsys):
    with pytest.raises(SystemExit, match='2'):
        check_species([config, '--samples', '0'])
    assert 'mmxas check-species: argument --samples: 0 given, 1 or more expected' in capsys.readouterr().err
