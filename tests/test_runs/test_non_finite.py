"""A loss that is not finite stops the run; its files are named and its checkpoints stay good."""
import signal

import pytest
import torch

from .tiny_mocap import ToolRun, read_losses, tiny_config, weights, write_config


@pytest.mark.slow
def test_the_run_stops_names_the_batch_and_resumes(data, tmp_path):
    config = write_config(tiny_config(data), tmp_path / 'own')  # the work directory gets a copy with the options
    arguments = [config, '--work-dir', tmp_path, '--resume']
    run = ToolRun('train.py', [*arguments, '--cfg-options', 'custom_hooks.1.spoil_at=6'], tmp_path / 'log')
    assert run.wait() == [1]
    last = run.output().strip().splitlines()[-1]
    assert last.startswith('FloatingPointError: loss_marginal = nan; loss_render = nan: training stops before')
    named = last.partition('The batch: ')[2].split(', ')
    assert len(named) == 4
    assert all(name.startswith('synthetic/0000') for name in named)
    assert [line['iter'] for line in read_losses(tmp_path)] == [0, 1, 2, 3, 4]
    assert (tmp_path / 'last_checkpoint').read_text().endswith('epoch_1.pth')
    assert all(torch.isfinite(value).all() for value in weights(tmp_path / 'epoch_1.pth').values())
    run = ToolRun('train.py', [*arguments, '--cfg-options', 'custom_hooks.1.kill_at=6'], tmp_path / 'log')
    assert run.wait() == [-signal.SIGKILL], run.output()
    assert read_losses(tmp_path)[-1]['iter'] == 5
