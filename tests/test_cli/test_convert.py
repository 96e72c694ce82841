"""The command lines; the conversions are tested beside their modules."""
import pytest
import torch

from mmxas.cli import convert


def test_h36m(tmp_path, capsys, monkeypatch):
    pytest.importorskip('cdflib', reason='cdflib is optional: pip install cdflib')
    assert convert.main_h36m([str(tmp_path), str(tmp_path / 'out')]) == 2
    assert 'metadata.xml: no such camera file' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()
    assert convert.main_h36m([str(tmp_path), str(tmp_path / 'out'), '--subjects', 'S3']) == 2
    assert "convert h36m: subjects ['S3']: expected some of" in capsys.readouterr().err
    given = []
    monkeypatch.setattr(convert.h36m, 'convert', lambda *args: given.append(args) or {'train': 7, 'test': 3})
    assert convert.main_h36m(['in', 'out', '--step', '2', '--on-error', 'skip', '--metadata', 'm.xml']) == 0
    assert given == [('in', 'out', 'm.xml', 2, ('S1', 'S5', 'S6', 'S7', 'S8', 'S9', 'S11'), 'skip', False)]
    assert capsys.readouterr().out == 'out: 7 frames for train, 3 frames for test\n'


def test_mpi_inf_3dhp(tmp_path, capsys, monkeypatch):
    assert convert.main_mpi_inf_3dhp([str(tmp_path), str(tmp_path / 'out'), '--subjects', 'S1']) == 2
    assert 'mmxas convert mpi-inf-3dhp: ' in capsys.readouterr().err and not (tmp_path / 'out').exists()
    given = []
    monkeypatch.setattr(convert.mpi_inf_3dhp, 'convert', lambda *args: given.append(args) or {'test': 3})
    arguments = ['in', 'out', '--subjects', 'TS1', '--cameras', '0', '8', '--masks', '--no-chairs']
    assert convert.main_mpi_inf_3dhp(arguments) == 0
    assert given == [('in', 'out', ['TS1'], [0, 8], 5, True, False, 'raise')]
    assert capsys.readouterr().out == 'out: 3 frames for test\n'


def test_mpii(tmp_path, capsys, monkeypatch):
    assert convert.main_mpii([str(tmp_path / 'none.mat'), str(tmp_path / 'out')]) == 2
    assert 'none.mat: no such file' in capsys.readouterr().err and not (tmp_path / 'out').exists()
    given = []
    monkeypatch.setattr(convert.mpii, 'convert', lambda *args: given.append(args) or {'train': 3, 'val': 2})
    assert convert.main_mpii(['in.mat', 'out', '--val-list', 'val.txt']) == 0
    assert given == [('in.mat', 'out', 'val.txt')]
    assert capsys.readouterr().out == 'out: 3 people for train, 2 people for val\n'


def test_surreal(tmp_path, capsys, monkeypatch):
    assert convert.main_surreal([str(tmp_path), str(tmp_path / 'out'), '--model-path', 'free']) == 2
    assert 'no clip in this folder' in capsys.readouterr().err and not (tmp_path / 'out').exists()
    given, report = [], {'num': 9, 'clips': 2, 'left_out': {'nobody in the frame': 4}}
    monkeypatch.setattr(convert.surreal, 'convert', lambda *args: given.append(args) or report)
    assert convert.main_surreal(['in', 'out', '--per-clip', '3', '--no-mirror', '--on-error', 'skip']) == 0
    source, out, options, body, on_error = given[0]
    assert (source, out, body, on_error) == ('in', 'out', dict(type='SMPLBodyModel', model_path='official'), 'skip')
    assert (options.per_clip, options.num_clips, options.mirror, options.centre_px, options.max_off_mask) == (
        3, 20000, False, 10.0, 4)
    assert capsys.readouterr().out == 'out: 9 pairs of 2 clips; left out: 4 nobody in the frame\n'
    convert.main_surreal(['in', 'out', '--all'])
    assert given[1][2] == convert.surreal.SurrealOptions(
        num_clips=None, per_clip=None, centre_px=None, max_off_mask=None)


def test_from_released_converts_and_says_what_was_left_out(released, small_config, tmp_path, capsys):
    out = tmp_path / 'b.pth'
    assert convert.main_from_released([str(released), str(out), '--config', str(small_config)]) == 0
    content = torch.load(out, weights_only=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f'{out}: {len(content["state_dict"])} tensors of {released}, epoch 14',
        'left out: 2 buffers of the body model (unsup_model/smpl_layer.th_faces, …)', 'left out: optimizer_detector']


def test_the_second_run_of_from_released_changes_nothing(released, small_config, tmp_path):
    out = tmp_path / 'b.pth'
    first = []
    for _ in range(2):
        assert convert.main_from_released([str(released), str(out), '--config', str(small_config)]) == 0
        first.append(out.read_bytes())
    assert first[0] == first[1]


def test_a_wrong_released_file_is_one_line_and_status_2(released, small_config, tmp_path, capsys):
    main = convert.main_from_released
    assert main([str(tmp_path / 'gone.pth.tar'), str(tmp_path / 'b.pth')]) == 2
    assert main([str(released), str(tmp_path / 'b.pth'), '--config', 'gone.py']) == 2
    (tmp_path / 'text.pth.tar').write_text('text')
    assert main([str(tmp_path / 'text.pth.tar'), str(tmp_path / 'b.pth'), '--config', str(small_config)]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert [error.partition(': ')[2].rpartition('/')[2] for error in errors] == [
        'gone.pth.tar: no such checkpoint file', 'gone.py: no such config file',
        'text.pth.tar: not a checkpoint of PyTorch, or not a whole one (IndexError: pop from empty list); '
        'copy or download it again']
    assert not (tmp_path / 'b.pth').exists()


def test_to_released_converts_back_with_the_body_model_of_a_released_file(released, small_config, tmp_path, capsys):
    mine, out = tmp_path / 'b.pth', tmp_path / 'c.pth.tar'
    convert.main_from_released([str(released), str(mine), '--config', str(small_config)])
    capsys.readouterr()
    arguments = [str(mine), str(out), '--config', str(small_config), '--smpl-from', str(released)]
    assert convert.main_to_released(arguments) == 0
    first, back = (torch.load(path, weights_only=True) for path in (released, out))
    assert set(back) == {'unsup_model', 'unsup_disc', 'epochs'} and back['epochs'] == first['epochs']
    for name in ('unsup_model', 'unsup_disc'):
        assert back[name].keys() == first[name].keys()
        assert all(torch.equal(back[name][key], first[name][key]) for key in back[name])
    assert capsys.readouterr().out == (
        f'{out}: {len(first["unsup_model"])} tensors in unsup_model, {len(first["unsup_disc"])} tensors in unsup_disc; '
        'the states of the optimizers are not converted\n')


def test_the_second_run_of_to_released_changes_nothing(released, small_config, tmp_path):
    mine, out, written = tmp_path / 'b.pth', tmp_path / 'c.pth.tar', []
    convert.main_from_released([str(released), str(mine), '--config', str(small_config)])
    for _ in range(2):
        assert convert.main_to_released([str(mine), str(out), '--config', str(small_config)]) == 0
        written.append(out.read_bytes())
    assert written[0] == written[1]


def test_a_wrong_checkpoint_is_one_line_and_status_2(released, small_config, tmp_path, capsys):
    arguments = [str(released), str(tmp_path / 'b.pth.tar'), '--config', str(small_config)]
    assert convert.main_to_released(arguments) == 2
    assert capsys.readouterr().err == (
        f'mmxas convert to-released: {released}: no state_dict, which a checkpoint of mmxas has\n')
