"""The command line; the conversion is tested beside its module."""
NAME = 'convert_mpi_inf_3dhp'


def test_arguments_and_mistakes(load_command, tmp_path, capsys, monkeypatch):
    tool = load_command(NAME)
    assert tool.main([str(tmp_path), str(tmp_path / 'out'), '--subjects', 'S1']) == 2
    assert 'mmxas convert mpi-inf-3dhp: ' in capsys.readouterr().err and not (tmp_path / 'out').exists()
    given = []
    monkeypatch.setattr(tool.mpi_inf_3dhp, 'convert', lambda *args: given.append(args) or {'test': 3})
    assert tool.main(['in', 'out', '--subjects', 'TS1', '--cameras', '0', '8', '--masks', '--no-chairs']) == 0
    assert given == [('in', 'out', ['TS1'], [0, 8], 5, True, False, 'raise')]
    assert capsys.readouterr().out == 'out: 3 frames for test\n'
