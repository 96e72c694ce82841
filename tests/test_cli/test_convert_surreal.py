"""The command line; the conversion is tested beside its module."""
NAME = 'convert_surreal'


def test_arguments_and_mistakes(load_command, tmp_path, capsys, monkeypatch):
    tool = load_command(NAME)
    assert tool.main([str(tmp_path), str(tmp_path / 'out'), '--model-path', 'free']) == 2
    assert 'no clip in this folder' in capsys.readouterr().err and not (tmp_path / 'out').exists()
    given, report = [], {'num': 9, 'clips': 2, 'left_out': {'nobody in the frame': 4}}
    monkeypatch.setattr(tool, 'convert', lambda *args: given.append(args) or report)
    assert tool.main(['in', 'out', '--per-clip', '3', '--no-mirror', '--on-error', 'skip']) == 0
    source, out, options, body, on_error = given[0]
    assert (source, out, body, on_error) == ('in', 'out', dict(type='SMPLBodyModel', model_path='official'), 'skip')
    assert (options.per_clip, options.num_clips, options.mirror, options.centre_px, options.max_off_mask) == (
        3, 20000, False, 10.0, 4)
    assert capsys.readouterr().out == 'out: 9 pairs of 2 clips; left out: 4 nobody in the frame\n'
    tool.main(['in', 'out', '--all'])
    assert given[1][2] == tool.SurrealOptions(num_clips=None, per_clip=None, centre_px=None, max_off_mask=None)
