"""Two processes train as one does with the doubled batch; what breaks one of them ends both, and says why.

Double precision, batch statistics frozen, dropout off, 20 iterations. Every case runs without
``find_unused_parameters``: DDP itself raises where a parameter has no part in a step.
"""
import time

import pytest
import torch

from .children import FULL, RENDER, Child

KIND = 'distributed'
pytestmark = pytest.mark.robust
TOLERANCE = 1e-6

ALL = dict(render=dict(type='SyntheticKeypointLoss'), mask=dict(type='MaskLoss'),
           adversarial=dict(type='WTAAdversarialLoss'),
           marginal=dict(type='MarginalCrossEntropyLoss'), symmetry=dict(type='SymmetryLoss'))


def only(**weights) -> dict:
    """One stage of ten epochs with these losses."""
    return dict(train_cfg=dict(stages=[dict(name='only', epochs=10, lr=0.01, loss_weights=weights)]))


LOSSES = {
    'render': only(render=1.0), 'mask': only(mask=1.0), 'adversarial': only(adversarial=1.0),
    'render and mask': only(render=1.0, mask=0.02), 'render and adversarial': only(render=1.0, adversarial=0.5),
    'mask and adversarial': only(mask=0.02, adversarial=0.5), 'all of the paper': only(render=0.5, mask=0.02,
                                                                                       adversarial=1.0),
    'symmetry': dict(model=dict(losses=ALL), **only(symmetry=1.0)),
    'marginal': dict(model=dict(losses=ALL), **only(marginal=1.0)),
    'every loss': dict(model=dict(losses=ALL), **only(render=1, mask=1, adversarial=1, marginal=1, symmetry=1)),
}
STAGES = {
    'a change of stage': {}, 'back to the first stage': dict(train_cfg=dict(stages=[
        dict(RENDER, epochs=3), dict(FULL, epochs=3), dict(RENDER, name='again', epochs=4)])),
    'a stage without synthetic data': dict(train_cfg=dict(stages=[
        dict(RENDER, epochs=5), dict(name='masks', epochs=5, lr=0.002, loss_weights=dict(mask=1.0))])),
    'cosine and warm-up': dict(train_cfg=dict(stages=[
        dict(RENDER, schedule='cosine', warmup_iters=3), dict(FULL, schedule='step', milestones=(2,))])),
    'alternating updates': dict(train_cfg=dict(alternate=dict(discriminator=1, detector=1))),
    'three to one': dict(train_cfg=dict(alternate=dict(discriminator=3, detector=1))),
    'accumulation': dict(optim_wrapper=dict(optimizer=dict(type='Adam', lr=0.01), accumulative_counts=2)),
    'accumulation and alternation': dict(
        train_cfg=dict(alternate=dict(discriminator=2, detector=2)),
        optim_wrapper=dict(optimizer=dict(type='Adam', lr=0.01), accumulative_counts=2)),
    'clipped gradients': dict(optim_wrapper=dict(optimizer=dict(type='Adam', lr=0.01), clip_grad=dict(max_norm=0.1))),
    'SGD with momentum': dict(optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01, momentum=0.9))),
    'a slower discriminator': dict(optim_wrapper=dict(
        optimizer=dict(type='Adam', lr=0.01), paramwise_cfg=dict(custom_keys=dict(discriminator=dict(lr_mult=0.1))))),
    'a discriminator of layers': dict(model=dict(discriminator=dict(type='MLPDiscriminator', num_keypoints=18))),
    'frozen backbone': dict(optim_wrapper=dict(
        optimizer=dict(type='Adam', lr=0.01), paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.0))))),
    'workers': dict(workers=1),
    'gradients in the log': dict(model=dict(grad_log_interval=2)),
}


def states(tmp_path, options: dict, resume: int | None = None) -> list[dict[str, torch.Tensor]]:
    """Last weights of one process and of two."""
    children = []
    for world in (1, 2):
        folder = tmp_path / str(world)
        children.append(Child('train', folder.with_suffix('.log'), world, work_dir=str(folder), world=world,
                              out=str(tmp_path / f'{world}.pth'), **{**options, 'batch_size': 4 // world}))
    for child in children:
        child.check()
        assert 'find_unused' not in child.output()
    return [torch.load(tmp_path / f'{world}.pth') for world in (1, 2)]


def assert_close(one: dict, two: dict, tolerance: float = TOLERANCE) -> None:
    assert one.keys() == two.keys()
    worst = max(float((one[name].double() - two[name].double()).abs().max()) for name in one)
    assert worst <= tolerance, f'{worst} apart'


@pytest.mark.parametrize('losses', LOSSES)
def test_every_loss_set(losses, tmp_path):
    assert_close(*states(tmp_path, LOSSES[losses]))


@pytest.mark.parametrize('change', STAGES)
def test_every_way_of_stepping(change, tmp_path):
    assert_close(*states(tmp_path, STAGES[change]))


def test_bfloat16(tmp_path):
    wrapper = dict(type='AutocastOptimWrapper', dtype='bfloat16', optimizer=dict(type='SGD', lr=0.01))
    one, two = states(tmp_path, dict(optim_wrapper=wrapper, kind='FrozenEstimator'))
    assert_close(one, two, 1e-2)


def test_a_run_of_two_goes_on_with_one(tmp_path):
    """Resumed in the middle by another number of processes with the same total batch."""
    short = dict(train_cfg=dict(stages=[dict(RENDER, epochs=3)]))
    whole, _ = states(tmp_path, dict(train_cfg=dict(stages=[dict(RENDER, epochs=6)])))
    folder = tmp_path / 'mixed'
    Child('train', tmp_path / 'a.log', 2, work_dir=str(folder), world=2, batch_size=2, **short).check()
    Child('train', tmp_path / 'b.log', work_dir=str(folder), batch_size=4, resume=True, out=str(tmp_path / 'c.pth'),
          train_cfg=dict(stages=[dict(RENDER, epochs=6)])).check()
    assert_close(whole, torch.load(tmp_path / 'c.pth'))


SAID = {'raises': 'ValueError: the sample of this process is broken',
        'memory': 'MemoryError: no memory is left for this batch',
        'loss': 'FloatingPointError', 'dies': '', 'exits': ''}


@pytest.mark.parametrize('fault', SAID)
def test_a_process_that_breaks_ends_the_job(fault, tmp_path):
    """It ends within the time-out, not in a hang, and shows its own error."""
    child = Child('train', tmp_path / 'log', 2, work_dir=str(tmp_path / 'work'), world=2, batch_size=2, spoil=fault)
    begin = time.monotonic()
    statuses = child.wait(120)
    assert time.monotonic() - begin < 120
    assert None not in statuses and all(statuses), statuses
    assert SAID[fault] in child.logs[1].read_text()


@pytest.mark.parametrize(('size', 'world'), [(7, 2), (8, 2), (1, 2), (3, 4)])
def test_an_evaluation_counts_each_sample_once(size, world, tmp_path):
    Child('evaluate', tmp_path / 'log', world, size=size, world=world, out=str(tmp_path / 'out.pth'),
          work_dir=str(tmp_path)).check()
    assert torch.load(tmp_path / 'out.pth') == dict(count=size, total=float(sum(range(size))))


@pytest.mark.parametrize('world', [1, 2])
def test_each_process_draws_other_samples_reproducibly(world, tmp_path):
    drawn = []
    for run in ('a', 'b'):
        Child('draw', tmp_path / 'log', 2, out=str(tmp_path / run), world=2, seed=world).check()
        drawn.append([torch.load(tmp_path / f'{run}.{rank}') for rank in (0, 1)])
    assert drawn[0] == drawn[1]
    first, second = drawn[0]
    for epoch in range(3):
        assert not set(first['samples'][epoch]) & set(second['samples'][epoch])
        assert sorted(first['samples'][epoch] + second['samples'][epoch]) == list(range(8))
    assert not set(first['noise']) & set(second['noise'])


def test_synchronised_batch_statistics_are_refused_on_a_cpu(tmp_path):
    child = Child('synchronise', tmp_path / 'log', 2, world=2)
    assert all(child.wait(60)) and 'SyncBatchNorm' in child.output()


def test_sharded_parameters(tmp_path):
    """FSDP by mmengine's FlexibleRunner, on two processes."""
    child = Child('shard', tmp_path / 'log', 2, work_dir=str(tmp_path / 'work'), world=2, out=str(tmp_path / 'out.pth'))
    statuses = child.wait(180)
    if any(statuses):
        assert 'FSDP' in child.output() or 'fsdp' in child.output()
        pytest.skip('FSDP of this torch needs an accelerator: ' + child.output().strip().splitlines()[-1][:200])
    assert torch.load(tmp_path / 'out.pth')['steps'] == 4
