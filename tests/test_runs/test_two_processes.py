"""Two processes of a gloo group train as one does with both of their batches."""
import pytest
import torch

from .tiny_mocap import BATCH, PAIRS, ToolRun, read_losses, tiny_config, weights, write_config

EPOCHS = {'train_cfg.stages.0.epochs': 1, 'train_cfg.stages.1.epochs': 1}
HALF = {'train_dataloader.batch_size': BATCH // 2, 'train_cfg.val_begin': 1, 'train_cfg.val_interval': 2}


def test_weights_and_losses_equal_one_process_with_the_doubled_batch(data, tmp_path):
    """In double precision, with fixed batch statistics and no dropout: both stages, the change between them, and an
    evaluation; each parameter takes part in each step, so that DDP needs no search for unused ones."""
    options = {**EPOCHS, 'model.type': 'Float64Estimator'}
    one = write_config(tiny_config(data), tmp_path / 'one', options)
    two = write_config(tiny_config(data), tmp_path / 'two', options | HALF)
    runs = [ToolRun('train.py', [config, '--work-dir', config.parent], config.parent / 'log', processes)
            for config, processes in ((one, 1), (two, 2))]
    for run in runs:
        run.check()
    assert 'xas/top1/MPJPE' in runs[1].output()
    alone, halves = read_losses(one.parent), [read_losses(two.parent, rank) for rank in (0, 1)]
    assert len(alone) == len(halves[0]) == len(halves[1]) == 2 * PAIRS // BATCH
    for single, first, second in zip(alone, *halves, strict=True):
        assert first['loss_render'] != second['loss_render']
        for name in single:
            if name.startswith('loss'):
                assert single[name] == pytest.approx((first[name] + second[name]) / 2, abs=1e-9), name
    expected, found = weights(one.parent / 'epoch_2.pth'), weights(two.parent / 'epoch_2.pth')
    assert expected.keys() == found.keys()
    moved = weights(one.parent / 'epoch_1.pth')
    for name, value in expected.items():
        assert value.dtype in (torch.float64, torch.int64)
        torch.testing.assert_close(found[name], value, rtol=0, atol=1e-9, msg=name)
        if name.endswith('weight') and 'bn' not in name and 'norm' not in name:
            assert not torch.equal(value, moved[name]), f'{name} is not trained'
