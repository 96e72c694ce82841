import cv2


def test_plot_log(run_command, tmp_path, capsys):
    log = tmp_path / 'scalars.json'
    log.write_text('{"loss": 1.0, "step": 1}\n{"loss": 0.5, "step": 2}\n')
    run_command('plot_log', log, '--keys', 'loss', '--out', tmp_path / 'curves.png')
    assert str(tmp_path / 'curves.png') in capsys.readouterr().out
    assert cv2.imread(str(tmp_path / 'curves.png')).shape[2] == 3
