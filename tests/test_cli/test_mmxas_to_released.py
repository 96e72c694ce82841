import torch

TOOL = 'mmxas_to_released'


def test_it_converts_back_with_the_body_model_of_a_released_file(
        load_command, released, small_config, tmp_path, capsys):
    mine, out = tmp_path / 'b.pth', tmp_path / 'c.pth.tar'
    load_command('released_to_mmxas').main([str(released), str(mine), '--config', str(small_config)])
    capsys.readouterr()
    arguments = [str(mine), str(out), '--config', str(small_config), '--smpl-from', str(released)]
    assert load_command(TOOL).main(arguments) == 0
    first, back = (torch.load(path, weights_only=True) for path in (released, out))
    assert set(back) == {'unsup_model', 'unsup_disc', 'epochs'} and back['epochs'] == first['epochs']
    for name in ('unsup_model', 'unsup_disc'):
        assert back[name].keys() == first[name].keys()
        assert all(torch.equal(back[name][key], first[name][key]) for key in back[name])
    assert capsys.readouterr().out == (
        f'{out}: {len(first["unsup_model"])} tensors in unsup_model, {len(first["unsup_disc"])} tensors in unsup_disc; '
        'the states of the optimizers are not converted\n')


def test_the_second_run_changes_nothing(load_command, released, small_config, tmp_path):
    mine, out, written = tmp_path / 'b.pth', tmp_path / 'c.pth.tar', []
    load_command('released_to_mmxas').main([str(released), str(mine), '--config', str(small_config)])
    for _ in range(2):
        assert load_command(TOOL).main([str(mine), str(out), '--config', str(small_config)]) == 0
        written.append(out.read_bytes())
    assert written[0] == written[1]


def test_a_wrong_file_is_one_line_and_status_2(load_command, released, small_config, tmp_path, capsys):
    assert load_command(TOOL).main([str(released), str(tmp_path / 'b.pth.tar'), '--config', str(small_config)]) == 2
    assert capsys.readouterr().err == (
        f'mmxas convert to-released: {released}: no state_dict, which a checkpoint of mmxas has\n')
