"""The tool, and the walk-through of docs/new_species.md, command by command."""
import json
import re
import shlex
from pathlib import Path

import pytest
import torch
from tiny_body import tiny_arrays, write_tiny_body

ROOT = Path(__file__).parents[2]
PAGE = ROOT / 'docs' / 'new_species.md'


@pytest.fixture
def new_species(load_tool):
    return load_tool('new_species').main


def walk_through() -> list[list[str]]:
    """Words of the commands of the page's walk-through."""
    section = re.search(r'^## The walk-through$(.*?)^## ', PAGE.read_text(encoding='utf-8'), re.M | re.S)[1]
    blocks = re.findall(r'^```bash\n(.*?)^```$', section, re.M | re.S)
    lines = [line for block in blocks for line in block.replace('\\\n', ' ').splitlines() if line]
    return [shlex.split(line, comments=True) for line in lines]


@pytest.mark.slow
def test_the_walk_through_from_an_empty_folder(load_tool, run_tool, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    commands = walk_through()
    programs = [words[1] for words in commands]
    assert programs == ['tools/new_species.py', 'tools/check_species.py', 'tools/train.py']
    for _, program, *arguments in commands:
        name = Path(program).stem
        if name == 'train':
            run_tool(name, *arguments)
        else:
            assert load_tool(name).main(arguments) == 0, capsys.readouterr()
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith('ok ') for line in lines) == 8 and not any(line.startswith('FAILED') for line in lines)
    assert (tmp_path / 'horse_like' / 'limits.png').stat().st_size > 10000
    checkpoint, = (tmp_path / 'work_dirs' / 'first_look').glob('epoch_*.pth')
    assert torch.load(checkpoint)['meta']['iter'] == 2


def test_what_is_written_and_said(new_species, tmp_path, capsys):
    body = write_tiny_body(tmp_path)
    out = tmp_path / 'boxes'
    assert new_species(['boxes', '--body-model', str(body), '--out', str(out), '--shape', 'tall=1', 'wide=-0.5']) == 0
    assert capsys.readouterr().out == (
        f'{out}: 8 keypoints, 7 joints, body 1.34 m long (skeleton and prior derived: look at them)\n'
        f'next: python tools/check_species.py {out}/configs/xas_boxes.py\n')
    assert "shape={'tall': 1.0, 'wide': -0.5}" in (out / 'configs' / 'xas_boxes.py').read_text()
    assert new_species(['boxes', '--body-model', str(body), '--out', str(out)]) == 1
    assert capsys.readouterr().err == (
        f'error: {out} exists and is left as it is; choose another --out or name, or remove it\n')


def test_a_body_in_cm_is_warned_of(new_species, tmp_path, capsys):
    body = write_tiny_body(tmp_path, v_template=100 * tiny_arrays()['v_template'] * [0, 1, 1])
    skeleton = tmp_path / 's.json'
    skeleton.write_text(json.dumps(dict(name='x', keypoints=['root', 'kneeL', 'kneeR'], parents=[0, 0, 0],
                                        flip_pairs=[[1, 2]])))
    new_species(['boxes', '--body-model', str(body), '--out', str(tmp_path / 'x'), '--skeleton', str(skeleton)])
    printed = capsys.readouterr()
    assert printed.err == f'warning: {body}: body 114 m long, 0.02 to 30 m expected; write the file in metres\n'
    assert 'body 114.00 m long' in printed.out


@pytest.mark.parametrize(('arguments', 'message'), [
    (['--body-model', 'gone.npz'], 'error: gone.npz: no such body model file'),
    (['--body-model', 'x.npz', '--shape', 'tall'], 'error: --shape tall: NAME=NUMBER expected'),
    (['--body-model', 'x.npz', '--shape', 'tall=very'], 'error: --shape tall=very: NAME=NUMBER expected')])
def test_mistakes_are_one_line(new_species, capsys, arguments, message):
    assert new_species(['boxes', *arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith(message) and error.count('\n') == 1
