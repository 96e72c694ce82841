"""The GPU's benchmark runs, on a CPU and small input."""
import itertools
import json
import time

import pytest
import torch

from benchmarks import cuda, feeding


def test_it_runs_on_a_cpu_and_writes_its_results(tmp_path, capsys):
    out = tmp_path / 'cuda.json'
    assert cuda.main(['--device', 'cpu', '--seconds', '0', '--only', 'decode', 'skeleton_mask', '--out', str(out)]) == 0
    content = json.loads(out.read_text())
    assert set(content['operations']) == {'decode', 'skeleton_mask'}
    decode = content['operations']['decode']
    assert decode['ours_ms'] > 0 and decode['plain_ms'] > 0
    # Three passes over 2 x 18 x 8^3 numbers of four bytes.
    assert decode['bound_ms'] == pytest.approx(3 * 4 * 2 * 18 * 8**3 / content['rates']['copy_gb_s'] / 1e6)
    assert 'the numbers say nothing' in capsys.readouterr().out


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_without_a_gpu_it_says_how_to_try_it(capsys):
    with pytest.raises(SystemExit):
        cuda.main([])
    assert '--device cpu' in capsys.readouterr().err


def test_steps_of_all_precisions_are_counted_with_one_model(monkeypatch):
    card, built, right = cuda.Card('cpu'), [], cuda.run_step
    monkeypatch.setattr(cuda, 'run_step', lambda *args: built.append(args) or right(*args))
    rate = dict(float32_tflop_s=2.0, bf16_tflop_s=8.0)
    single, quadruple = (cuda.bound(card, name, rate) for name in ('step_float32_1', 'step_bf16_4'))
    assert len(built) == 1
    # 2 pairs of 134 GFLOP at 256 px are 2 * 134 / 16 at 64 px, at 2 TFLOP/s; the quadruple batch takes as long at 8.
    assert single == quadruple == pytest.approx(2 * 134 / 16 / 2, rel=0.05)


def test_a_loader_is_timed_behind_its_first_batches_and_workers_round_up():
    clock = itertools.count()
    batches = iter([dict(data_samples=[0] * number) for number in (1, 2, 8, 8, 8, 8)])
    assert feeding.rate(batches, 3, lambda: next(clock), skip=2) == 3 * 8 / 4  # began at 0, looked at 1, 2 and 3
    assert (feeding.workers_for(1000, 130), feeding.workers_for(260, 130)) == (8, 2)


def test_a_loader_reads_small_renderings_in_the_recipes_own_crops(tmp_path):
    cfg = feeding.small_recipe('xas_photos_256', tmp_path, num=2)
    steps = [step.type for step in cfg.train_dataloader.dataset.synthetic.pipeline]
    assert 'RandomOccluder' in steps and 'SquareCropAffine' in steps
    batch = next(feeding.batches(cfg, 2, workers=0))
    assert batch['inputs'].shape == (4, 3, 256, 256) and batch['inputs'].dtype == torch.uint8
    assert [sample.domain for sample in batch['data_samples']] == ['target'] * 2 + ['synthetic'] * 2
    assert feeding.rate(feeding.batches(cfg, 2, workers=1), 0, time.perf_counter) > 0


def test_loaders_are_set_beside_their_steps(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(feeding, 'measure', lambda *args, **options: dict(a_core=0.5, workers=args[3], loaded=1.0))
    out = tmp_path / 'cuda.json'
    argv = ['--device', 'cpu', '--seconds', '0', '--workers', '3', '--only', 'feed_xas_photos_256', '--out', str(out)]
    assert cuda.main(argv) == 0
    content = json.loads(out.read_text())
    found = content['feeds']['feed_xas_photos_256']
    assert content['operations'] == {} and found['workers'] == 3 and found['step'] > 0
    assert 0 <= found['workers_needed'] - found['step'] / 0.5 < 1
    assert f'{found["workers_needed"]} keep the step fed' in capsys.readouterr().out
