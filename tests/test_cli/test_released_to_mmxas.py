import torch

TOOL = 'released_to_mmxas'


def test_it_converts_and_says_what_was_left_out(load_command, released, small_config, tmp_path, capsys):
    out = tmp_path / 'b.pth'
    assert load_command(TOOL).main([str(released), str(out), '--config', str(small_config)]) == 0
    content = torch.load(out, weights_only=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f'{out}: {len(content["state_dict"])} tensors of {released}, epoch 14',
        'left out: 2 buffers of the body model (unsup_model/smpl_layer.th_faces, …)', 'left out: optimizer_detector']


def test_the_second_run_changes_nothing(load_command, released, small_config, tmp_path):
    out = tmp_path / 'b.pth'
    first = []
    for _ in range(2):
        assert load_command(TOOL).main([str(released), str(out), '--config', str(small_config)]) == 0
        first.append(out.read_bytes())
    assert first[0] == first[1]


def test_a_wrong_file_is_one_line_and_status_2(load_command, released, small_config, tmp_path, capsys):
    tool = load_command(TOOL)
    assert tool.main([str(tmp_path / 'gone.pth.tar'), str(tmp_path / 'b.pth')]) == 2
    assert tool.main([str(released), str(tmp_path / 'b.pth'), '--config', 'gone.py']) == 2
    (tmp_path / 'text.pth.tar').write_text('text')
    assert tool.main([str(tmp_path / 'text.pth.tar'), str(tmp_path / 'b.pth'), '--config', str(small_config)]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert [error.partition(': ')[2].rpartition('/')[2] for error in errors] == [
        'gone.pth.tar: no such checkpoint file', 'gone.py: no such config file',
        'text.pth.tar: not a checkpoint of PyTorch, or not a whole one (IndexError: pop from empty list); '
        'copy or download it again']
    assert not (tmp_path / 'b.pth').exists()
