import numpy as np

from mmxas.synthesis.shards import PairWriter, SetMeta, SyntheticPair, encode


def test_pairs_become_files(load_command, tmp_path, capsys):
    pair = SyntheticPair(
        np.zeros((8, 8, 3), np.uint8), np.full((8, 8), 255, np.uint8), np.zeros((18, 3), np.float32),
        np.eye(3, dtype=np.float32), np.array([0, 0, 8, 8], np.float32), 'run', 0, 0.0, 0,
        np.zeros((24, 3), np.float32), np.zeros(10, np.float32))
    PairWriter(tmp_path / 'set', SetMeta(1, 1, 0, 95, 'test', {})).write(0, [encode(pair, 95)])
    tool = load_command('export_pairs')
    assert tool.main([str(tmp_path / 'set'), '--out', str(tmp_path / 'out')]) == 0
    assert '1 pairs in' in capsys.readouterr().out and (tmp_path / 'out/masks/000000.png').is_file()
    assert tool.main([str(tmp_path / 'absent'), '--out', str(tmp_path / 'out')]) == 2
    assert 'mmxas export pairs: ' in capsys.readouterr().err
