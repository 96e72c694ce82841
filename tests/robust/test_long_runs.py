"""Nothing grows over thousands of iterations; what is not finite stops the run, is dumped, and is reproduced."""
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from mmxas.engine.batch_dump import read_batch, replay

from .children import FULL, Child, config

KIND = 'long_runs'
ITERATIONS, EVERY, WARM_UP = 2000, 50, 500
TOOLS = Path(__file__).parents[2] / 'tools'


@pytest.fixture(scope='module')
def long_run(tmp_path_factory) -> dict:
    """What was measured every 50 of 2000 iterations of the quick recipe in miniature: both stages, a worker,
    checkpoints and 20 evaluations."""
    folder = tmp_path_factory.mktemp('long')
    Child('render_recipe', folder / 'log', data=str(folder / 'data')).check()
    Child('train_long', folder / 'log', work_dir=str(folder / 'work'), out=str(folder / 'out.pth'),
          data=str(folder / 'data'), iterations=ITERATIONS, every=EVERY).check(1500)
    measured = torch.load(folder / 'out.pth')
    assert {len(values) for values in measured.values()} == {ITERATIONS // EVERY}
    return measured


def behind_warm_up(long_run: dict, name: str) -> np.ndarray:
    """A measurement without its beginning."""
    return np.array(long_run[name])[WARM_UP // EVERY:]


@pytest.mark.robust
@pytest.mark.parametrize('whose', ['megabytes', 'megabytes of workers'])
def test_resident_memory_is_flat(whose, long_run):
    memory = behind_warm_up(long_run, whose)
    slope = np.polyfit(np.arange(len(memory)) * EVERY / 100, memory, 1)[0]
    assert memory.min() > 10 and slope < 1, f'{slope:.2f} MB every 100 iterations: {memory.round()}'


@pytest.mark.robust
@pytest.mark.parametrize(('what', 'least'), [('handles', 3), ('threads', 1), ('workers', 1), ('tensors', 100),
                                             ('hooks', 5), ('sockets', 0), ('files', 1)])
def test_counts_are_constant(what, least, long_run):
    counts = behind_warm_up(long_run, what)
    assert counts.min() >= least
    assert counts.max() - counts.min() <= (0.02 * counts.max() if what == 'tensors' else 0), counts


@pytest.mark.robust
@pytest.mark.parametrize('what', ['checkpoints', 'log history', 'log line', 'seconds'])
def test_sizes_are_constant(what, long_run):
    """The second half is no larger than the first; seconds may be half as many again, if others use the machine."""
    values = behind_warm_up(long_run, what)
    half = len(values) // 2
    assert np.median(values[half:]) <= np.median(values[:half]) * (1.5 if what == 'seconds' else 1.05), values


CAUSES = {
    'a label is NaN': ('label', math.nan), 'a label is infinite': ('label', math.inf), 'a mask is NaN': ('mask',
                                                                                                         math.nan),
    'a mask is infinite': ('mask', math.inf), 'a weight of the backbone is NaN': ('backbone', math.nan),
    'a weight of the head is NaN': ('head', math.nan), 'a weight of the head is infinite': ('head', math.inf),
    'a weight of the physique network is NaN': ('physique', math.nan),
    'a weight of the discriminator is NaN': ('discriminator', math.nan),
    'a weight of the discriminator is infinite': ('discriminator', math.inf),
    'a visibility is NaN': ('visibility', math.nan), "a loss' weight is NaN": ('loss_weight', math.nan),
}


def spoil(runner, batch: dict, where: str, value: float) -> None:
    """Put a value where it does harm."""
    if where in ('backbone', 'head', 'physique', 'discriminator'):
        parameters = list(getattr(runner.model, where).parameters())
        with torch.no_grad():
            parameters[0].flatten()[0] = value
            parameters[-1].flatten()[0] = value
    elif where == 'loss_weight':
        runner.model.loss_weights['render'] = value
    for sample in batch['data_samples']:
        labelled = 'gt_instance_labels' in sample  # targets have none
        if where == 'label' and labelled:
            sample.gt_instance_labels.keypoint_norm[0, 3, 1] = value
        if where == 'visibility' and labelled:
            sample.gt_instance_labels.keypoint_weights[0, 3] = value
        if where == 'mask':
            sample.gt_fields.mask[0, 4, 4] = value


def run_until_it_stops(work_dir: Path, where: str, value: float, at: int = 3) -> str:
    """Train in this process with the spoilt iteration; the error's text."""
    from mmengine.hooks import Hook
    from mmengine.runner import Runner

    class Spoil(Hook):
        """At an iteration."""

        def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
            """Before the model meets the batch."""
            if runner.iter == at:
                spoil(runner, data_batch, where, value)

    torch.manual_seed(0)
    stages = [dict(FULL, epochs=4)]
    runner = Runner.from_cfg(config(str(work_dir), kind='XASPoseEstimator', train_cfg=dict(stages=stages), interval=2))
    runner.register_hook(Spoil())
    with pytest.raises(FloatingPointError) as stopped:
        runner.train()
    return str(stopped.value)


@pytest.mark.parametrize('cause', CAUSES)
def test_what_is_not_finite_stops_is_named_dumped_and_reproduced(cause, tmp_path):
    error = run_until_it_stops(tmp_path, *CAUSES[cause])
    assert 'training stops before the step' in error and '.jpg' in error
    dump = read_batch(tmp_path / 'non_finite' / 'iter_3_rank_0.pth')
    from mmxas.registry import MODELS
    model = MODELS.build(config(str(tmp_path), kind='XASPoseEstimator').model)
    losses = replay(model, dump)
    bad = [name for name, value in losses.items() if not math.isfinite(value)]
    assert bad and all(f'{name} = ' in error for name in bad)
    newest = torch.load((tmp_path / 'last_checkpoint').read_text())
    assert newest['meta']['iter'] == 2
    assert all(torch.isfinite(value).all() for value in newest['state_dict'].values())


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    """The optimizer's step spoils them; the next loss would be seen, but a checkpoint is due before."""
    from mmengine.hooks import Hook
    from mmengine.runner import Runner

    class Spoil(Hook):
        """Behind the step."""

        priority = 'VERY_HIGH'

        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
            """As a gradient of NaN would."""
            if runner.iter == 3:
                next(runner.model.parameters()).data[:] = math.nan

    runner = Runner.from_cfg(config(str(tmp_path), kind='XASPoseEstimator', interval=2))
    runner.register_hook(Spoil())
    with pytest.raises(FloatingPointError,
                       match='iter_4.pth: not written, backbone.layer.weight of the model is not finite'):
        runner.train()
    assert (tmp_path / 'last_checkpoint').read_text().endswith('iter_2.pth')


def test_the_tool_replays(tmp_path, monkeypatch, capsys):
    import runpy
    error = run_until_it_stops(tmp_path, 'label', math.nan)
    assert 'loss_render = nan' in error
    cfg = config(str(tmp_path), kind='XASPoseEstimator')
    cfg.dump(tmp_path / 'config.py')
    dump = tmp_path / 'non_finite' / 'iter_3_rank_0.pth'
    monkeypatch.setattr(sys, 'argv', ['replay_batch.py', str(tmp_path / 'config.py'), str(dump)])
    with pytest.raises(SystemExit, match='^0$'):
        runpy.run_path(str(TOOLS / 'replay_batch.py'), run_name='__main__')
    assert 'loss_render = nan   <- not finite' in capsys.readouterr().out
