"""Two processes train as one does with the doubled batch; what breaks one of them ends both, and says why.

Double precision, batch statistics frozen, dropout off, 20 iterations. Only the backbone with a spare stage sets
``find_unused_parameters``: DDP itself raises where a parameter has no part in a step.
"""
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from test_models.conftest import estimator_config

from .children import FULL, RENDER, Child, config

KIND = 'distributed'
pytestmark = pytest.mark.robust
TOLERANCE = 1e-6
ROOT = Path(__file__).parents[2]

ALL = dict(render=dict(type='SyntheticKeypointLoss'), mask=dict(type='MaskLoss'),
           adversarial=dict(type='WTAAdversarialLoss'),
           marginal=dict(type='MarginalCrossEntropyLoss'), symmetry=dict(type='SymmetryLoss', skeleton='h36m18'),
           facing=dict(type='FacingLoss', skeleton='h36m18'), planar=dict(type='PlanarKeypointLoss'))
HEAD = dict(estimator_config()['head'], in_index=0)
EVERY = dict(model=dict(losses=ALL, head=HEAD, neck=dict(type='FacingFusionNeck', in_channels=(8,), out_channels=8)),
             data=dict(labelled=True))


def only(**weights) -> dict:
    """One stage of ten epochs with these losses."""
    return dict(train_cfg=dict(stages=[dict(name='only', epochs=10, lr=0.01, loss_weights=weights)]))


LOSSES = {
    'render': only(render=1.0), 'mask': only(mask=1.0), 'adversarial': only(adversarial=1.0),
    'render and mask': only(render=1.0, mask=0.02), 'render and adversarial': only(render=1.0, adversarial=0.5),
    'mask and adversarial': only(mask=0.02, adversarial=0.5), 'all of the paper': only(render=0.5, mask=0.02,
                                                                                       adversarial=1.0),
    'symmetry': EVERY | only(symmetry=1.0), 'marginal': EVERY | only(marginal=1.0),
    'facing and render': EVERY | only(facing=1.0, render=1.0), 'labels of the targets': EVERY | only(planar=1.0),
    'every loss': EVERY | only(**dict.fromkeys(ALL, 1.0)),
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
    'a stage that nobody reads': dict(model=dict(backbone=dict(type='SpareStage')), find_unused_parameters=True),
    'gradients in the log': dict(model=dict(grad_log_interval=2)),
}
DIES = dict(custom_hooks=[dict(type='Break', fault='dies', at=14)])


def states(tmp_path, options: dict) -> list[dict[str, torch.Tensor]]:
    """Last weights of one process and of two."""
    children = []
    for world in (1, 2):
        folder = tmp_path / str(world)
        children.append(Child('train', folder.with_suffix('.log'), world, work_dir=str(folder), world=world,
                              out=str(tmp_path / f'{world}.pth'), **{**options, 'batch_size': 4 // world}))
    for child in children:
        child.check()
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
    """Computed in bfloat16 indeed, by imitation where the CPU has none: float32 ends elsewhere."""
    sgd = dict(type='SGD', lr=0.01)
    wrapper = dict(type='AutocastOptimWrapper', dtype='bfloat16', optimizer=sgd)
    one, two = states(tmp_path, dict(optim_wrapper=wrapper, kind='FrozenEstimator', bf16=True))
    assert_close(one, two, 1e-2)
    Child('train', tmp_path / 'log', work_dir=str(tmp_path / 'plain'), out=str(tmp_path / 'plain.pth'),
          kind='FrozenEstimator', optim_wrapper=dict(optimizer=sgd)).check()
    plain = torch.load(tmp_path / 'plain.pth')
    assert not torch.equal(plain['head.final_layer.weight'], one['head.final_layer.weight'])


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
        'a loss is NaN': 'FloatingPointError: loss_render = nan', 'dies': '', 'exits': ''}


def breaking(fault: str, work_dir: Path) -> dict:
    """Arguments of a training that breaks."""
    return dict(work_dir=str(work_dir), world=2, batch_size=2, custom_hooks=[dict(type='Break', fault=fault)])


@pytest.mark.parametrize('fault', SAID)
def test_a_process_that_breaks_ends_the_job(fault, tmp_path):
    """Within the time-out, not in a hang, with its own error shown."""
    child = Child('train', tmp_path / 'log', 2, **breaking(fault, tmp_path / 'work'))
    begin = time.monotonic()
    statuses = child.wait(120)
    assert time.monotonic() - begin < 120
    assert None not in statuses and all(statuses), statuses
    assert SAID[fault] in child.logs[1].read_text()


def test_a_process_that_hangs_is_left_after_the_time_out(tmp_path):
    child = Child('train', tmp_path / 'log', 2, timeout=5, **breaking('hangs', tmp_path / 'work'))
    child.processes[0].join(120)
    assert child.processes[0].exitcode == 1, child.output()[-3000:]
    assert re.search('timed? ?out', child.logs[0].read_text(), re.IGNORECASE)
    child.processes[1].kill()
    assert child.wait() == [1, -signal.SIGKILL]


@pytest.mark.parametrize(('fault', 'said'), [('raises', SAID['raises']), ('dies', 'Signal 9')])
def test_the_launcher_ends_a_broken_job(fault, said, tmp_path):
    """As a user starts it: tools/dist_train.sh."""
    cfg = config(**breaking(fault, tmp_path / 'work'))
    imports = ['mmxas', 'test_engine.conftest', 'test_runs.tiny_mocap', 'robust.children']
    cfg.custom_imports = dict(imports=imports, allow_failed_imports=False)
    cfg.dump(tmp_path / 'config.py')
    environment = {**os.environ, 'PYTHON': sys.executable, 'PORT': '29631', 'OMP_NUM_THREADS': '1',
                   'PYTHONPATH': f'{ROOT}:{ROOT / "tests"}'}
    done = subprocess.run([str(ROOT / 'tools' / 'dist_train.sh'), str(tmp_path / 'config.py'), '2', '--work-dir',
                           str(tmp_path / 'work')], env=environment, capture_output=True, text=True, timeout=300,
                          check=False)
    assert done.returncode == 1
    assert said in done.stderr


@pytest.mark.parametrize(('size', 'world'), [(7, 2), (8, 2), (1, 2), (7, 3), (3, 4)])
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


SHARDED = {'a change of stage': {}, 'accumulation': STAGES['accumulation'],
           'alternating updates': STAGES['alternating updates'],
           'a slower discriminator': STAGES['a slower discriminator']}


@pytest.mark.parametrize('change', SHARDED)
def test_a_sharded_backbone(change, tmp_path):
    """FSDP by mmengine's FlexibleRunner in two processes gives the parameters of one process."""
    Child('train', tmp_path / 'a.log', work_dir=str(tmp_path / 'one'), out=str(tmp_path / 'one.pth'),
          **SHARDED[change]).check()
    Child('shard', tmp_path / 'b.log', 2, work_dir=str(tmp_path / 'two'), world=2, batch_size=2,
          out=str(tmp_path / 'two.pth'), **SHARDED[change]).check()
    assert_close(*(torch.load(tmp_path / f'{name}.pth') for name in ('one', 'two')))


def test_a_sharded_backbone_resumes(tmp_path):
    """Behind a process that died in the second stage; its checkpoints are read by a single process as well."""
    common = dict(work_dir=str(tmp_path / 'two'), world=2, batch_size=2)
    whole = Child('train', tmp_path / 'a.log', work_dir=str(tmp_path / 'one'), out=str(tmp_path / 'one.pth'))
    died = Child('shard', tmp_path / 'b.log', 2, **common, **DIES)
    whole.check()
    assert all(died.wait(120))
    newest = torch.load((tmp_path / 'two' / 'last_checkpoint').read_text())
    assert newest['meta']['iter'] == 12
    one = torch.load(tmp_path / 'one.pth')
    assert {name: value.shape for name, value in newest['state_dict'].items()} == {
        name: value.shape for name, value in one.items()}
    Child('shard', tmp_path / 'c.log', 2, **common, resume=True, out=str(tmp_path / 'two.pth')).check()
    assert_close(one, torch.load(tmp_path / 'two.pth'))


def test_a_loss_that_is_not_finite_ends_a_sharded_job(tmp_path):
    """Its weights are not gathered for a dump: the other process would not take part."""
    child = Child('shard', tmp_path / 'log', 2, **breaking('a loss is NaN', tmp_path / 'work'))
    assert all(child.wait(120))
    assert 'loss_render = nan' in child.logs[1].read_text()
    assert 'not dumped: the weights are spread over several processes' in child.logs[1].read_text()
