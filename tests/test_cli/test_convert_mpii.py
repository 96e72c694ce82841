"""The command line; the conversion is tested beside its module."""
NAME = 'convert_mpii'


def test_arguments_and_mistakes(load_command, tmp_path, capsys, monkeypatch):
    tool = load_command(NAME)
    assert tool.main([str(tmp_path / 'none.mat'), str(tmp_path / 'out')]) == 2
    assert 'none.mat: no such file' in capsys.readouterr().err and not (tmp_path / 'out').exists()
    given = []
    monkeypatch.setattr(tool.mpii, 'convert', lambda *args: given.append(args) or {'train': 3, 'val': 2})
    assert tool.main(['in.mat', 'out', '--val-list', 'val.txt']) == 0
    assert given == [('in.mat', 'out', 'val.txt')]
    assert capsys.readouterr().out == 'out: 3 people for train, 2 people for val\n'
