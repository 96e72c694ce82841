"""Two runs of one seed are one run, and a killed one ends where an unbroken one does."""
import signal

import pytest
import torch

from .tiny_mocap import ITERATIONS, ToolRun, read_losses, weights

WORKERS = ('train_dataloader.num_workers=2', 'train_dataloader.persistent_workers=True')


def assert_same_weights(one, other) -> None:
    one, other = weights(one), weights(other)
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


@pytest.mark.slow
def test_equal_losses_to_the_last_digit(unbroken, tmp_path):
    """Neither loading in other processes nor keeping these over epochs changes a loss of either stage."""
    ToolRun('train.py', [unbroken.config, '--work-dir', tmp_path, '--cfg-options', *WORKERS], tmp_path / 'log').check()
    losses = read_losses(tmp_path)
    assert len(losses) == ITERATIONS == 20
    assert losses == unbroken.losses
    assert_same_weights(tmp_path / 'epoch_5.pth', unbroken.work_dir / 'epoch_5.pth')


@pytest.mark.slow
def test_another_seed_is_another_run(unbroken, tmp_path):
    options = ['--cfg-options', 'randomness.seed=1', 'custom_hooks.1.kill_at=2']
    ToolRun('train.py', [unbroken.config, '--work-dir', tmp_path, *options], tmp_path / 'log').wait()
    assert all(a['loss'] != b['loss'] for a, b in zip(read_losses(tmp_path), unbroken.losses[:2], strict=True))


@pytest.mark.slow
def test_killed_and_resumed_ends_with_the_same_weights(unbroken, tmp_path):
    """Killed in the middle of an epoch of each stage, and halfway through writing a checkpoint when it keeps one."""
    number = 1  # of RecordLosses among the config's hooks
    arguments = [unbroken.config, '--work-dir', tmp_path, '--resume', '--cfg-options', *WORKERS,
                 'default_hooks.checkpoint.max_keep_ckpts=1']
    kills = {'kill_at=6': (1, 4), 'kill_at=19': (4, 16), 'kill_in_checkpoint=5': (4, 16)}
    for kill, (epoch, done) in kills.items():
        run = ToolRun('train.py', [*arguments, f'custom_hooks.{number}.{kill}'], tmp_path / 'log')
        how = signal.SIGXFSZ if 'checkpoint' in kill else signal.SIGKILL
        assert run.wait() == [-how], run.output()
        newest = (tmp_path / 'last_checkpoint').read_text()
        assert newest.endswith(f'epoch_{epoch}.pth')
        assert torch.load(newest)['meta']['iter'] == done
    run = ToolRun('train.py', arguments, tmp_path / 'log')
    run.check()
    assert "Stage 'full': epochs 4–5" in run.output()
    assert_same_weights(tmp_path / 'epoch_5.pth', unbroken.work_dir / 'epoch_5.pth')
    last = {line['iter']: line for line in read_losses(tmp_path)}
    assert list(last.values()) == unbroken.losses
    assert [path.name for path in tmp_path.glob('*.pth')] == ['epoch_5.pth']
    assert list(tmp_path.glob('.*')) == []


@pytest.mark.slow
def test_resumed_inside_an_epoch(unbroken, tmp_path):
    """A checkpoint every 7 iterations: the samples that the epoch has seen are not seen again."""
    arguments = [unbroken.config, '--work-dir', tmp_path, '--resume', '--cfg-options', *WORKERS,
                 'default_hooks.checkpoint.by_epoch=False', 'default_hooks.checkpoint.interval=7']
    run = ToolRun('train.py', [*arguments, 'custom_hooks.1.kill_at=15'], tmp_path / 'log')
    assert run.wait() == [-signal.SIGKILL], run.output()
    assert (tmp_path / 'last_checkpoint').read_text().endswith('iter_14.pth')
    ToolRun('train.py', arguments, tmp_path / 'log').check()
    losses = read_losses(tmp_path)
    assert [line['iter'] for line in losses] == [*range(15), *range(14, 20)]
    assert losses[:14] + losses[15:] == unbroken.losses
    assert_same_weights(tmp_path / 'iter_20.pth', unbroken.work_dir / 'epoch_5.pth')
