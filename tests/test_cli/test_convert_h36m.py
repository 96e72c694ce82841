"""The command line; the conversion is tested beside its module."""
import pytest

NAME = 'convert_h36m'


def test_arguments_and_mistakes(load_command, tmp_path, capsys, monkeypatch):
    pytest.importorskip('cdflib', reason='cdflib is optional: pip install cdflib')
    tool = load_command(NAME)
    assert tool.main([str(tmp_path), str(tmp_path / 'out')]) == 2
    assert 'metadata.xml: no such camera file' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()
    assert tool.main([str(tmp_path), str(tmp_path / 'out'), '--subjects', 'S3']) == 2
    assert "convert h36m: subjects ['S3']: expected some of" in capsys.readouterr().err
    given = []
    monkeypatch.setattr(tool.h36m, 'convert', lambda *args: given.append(args) or {'train': 7, 'test': 3})
    assert tool.main(['in', 'out', '--step', '2', '--on-error', 'skip', '--metadata', 'm.xml']) == 0
    assert given == [('in', 'out', 'm.xml', 2, ('S1', 'S5', 'S6', 'S7', 'S8', 'S9', 'S11'), 'skip', False)]
    assert capsys.readouterr().out == 'out: 7 frames for train, 3 frames for test\n'
