"""``mmxas replay`` refuses what training did not dump; tests/robust replays what it did."""
import pytest
import torch
from tiny_project import write_tiny_config


@pytest.mark.parametrize(('name', 'message'), [('none.pth', 'No such file'), ('a.pth',
                                                                                  'a batch dumped by a training')])
def test_another_file_is_one_line(load_command, name, message, tmp_path, capsys):
    torch.save({}, tmp_path / 'a.pth')
    assert load_command('replay_batch').main([str(write_tiny_config(tmp_path)), str(tmp_path / name)]) == 2
    (line, ) = capsys.readouterr().err.splitlines()
    assert line.startswith('mmxas replay: ') and message in line
