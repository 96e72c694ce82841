"""Checkpoints are whole or not there, and there is one at every moment."""
from pathlib import Path

import pytest
import tiny_project  # noqa: F401  registers the data set and the model
import torch
from mmengine.fileio import get_file_backend
from mmengine.runner import Runner

from mmxas.engine.hooks import AtomicCheckpointHook, atomic_checkpoint_hook


def _runner(work_dir: Path, epochs: int = 3, **hook) -> Runner:
    return Runner(
        model=dict(type='TinyModel'), work_dir=str(work_dir), default_scope='mmpose', log_level='ERROR',
        train_dataloader=dict(batch_size=4, dataset=dict(type='TinyDataset'),
                              sampler=dict(type='DefaultSampler', shuffle=False)),
        train_cfg=dict(by_epoch=True, max_epochs=epochs), optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        default_hooks=dict(checkpoint=dict(type='AtomicCheckpointHook', interval=1, **hook)),
        experiment_name=work_dir.name)


def _files(folder: Path) -> set[str]:
    """Names of the files, without mmengine's copy of the config."""
    return {path.name for path in folder.iterdir() if path.is_file() and path.suffix != '.py'}


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    backend = get_file_backend(backend_args=dict(backend='atomic_local'))
    backend.put(b'old', tmp_path / 'file')

    def full_disk(path, write):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('mmxas.io.atomic_writes.os.replace', full_disk)
    with pytest.raises(OSError, match='No space left'):
        backend.put(b'new', tmp_path / 'file')
    assert (tmp_path / 'file').read_bytes() == b'old'
    assert _files(tmp_path) == {'file'}


def test_keeps_the_newest_and_names_it(tmp_path):
    _runner(tmp_path, max_keep_ckpts=2).train()
    assert _files(tmp_path) == {'epoch_2.pth', 'epoch_3.pth', 'last_checkpoint'}
    assert (tmp_path / 'last_checkpoint').read_text() == str(tmp_path / 'epoch_3.pth')
    assert torch.load(tmp_path / 'epoch_3.pth')['meta']['epoch'] == 3


def test_what_last_checkpoint_names_is_whole_at_every_moment(tmp_path, monkeypatch):
    """Looked at before each file is written and before each is removed, with a single checkpoint kept."""
    named = []

    def look() -> None:
        last = tmp_path / 'last_checkpoint'
        if last.is_file():
            named.append(torch.load(last.read_text())['meta']['epoch'])

    write = atomic_checkpoint_hook.write_atomically
    remove = atomic_checkpoint_hook.AtomicLocalBackend.remove
    monkeypatch.setattr(atomic_checkpoint_hook, 'write_atomically', lambda *args: (look(), write(*args)))
    monkeypatch.setattr(atomic_checkpoint_hook.AtomicLocalBackend, 'remove',
                        lambda self, path: (look(), remove(self, path)))
    _runner(tmp_path, max_keep_ckpts=1).train()
    assert named == [1, 1, 2, 2, 2, 3], 'epochs 2 and 3: checkpoint, name, removal'
    assert _files(tmp_path) == {'epoch_3.pth', 'last_checkpoint'}


def test_a_checkpoint_that_is_due_within_a_step_is_saved_behind_it(make_runner, tmp_path):
    """Gradients that were gathered are in no checkpoint; a resumed run ends with the same bits all the same."""
    stages = [dict(name='synthetic', epochs=4, lr=0.01, loss_weights=dict(render=1.0))]
    options = dict(
        train_cfg=dict(stages=stages), optim_wrapper=dict(optimizer=dict(type='Adam', lr=0.01), accumulative_counts=2),
        hooks=dict(checkpoint=dict(type='AtomicCheckpointHook', interval=3, by_epoch=False, max_keep_ckpts=9)))
    whole = make_runner(**options)
    whole.train()
    assert {path.name for path in tmp_path.glob('*.pth')} == {'iter_4.pth', 'iter_6.pth', 'iter_8.pth'}
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_4.pth'))
    resumed = make_runner(**options, resume=True)
    resumed.train()
    assert resumed.record.iterations[0]['iter'] == 4
    for name, value in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], value), name


@pytest.mark.parametrize('named', ['precious', 'precious/best_a_epoch_1.pth', '../other/best_a_epoch_1.pth',
                                   'notes.pth'])
@pytest.mark.parametrize('metrics', [['a'], ['a', 'b']])
def test_a_checkpoint_cannot_name_what_is_removed(tmp_path, named, metrics):
    """As the best so far, which goes when a better one comes."""
    work = tmp_path / 'work'
    path = work / named
    if named == 'precious':
        (path / 'thesis').mkdir(parents=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('thesis')
    runner = _runner(work, 1, save_best=metrics, rule='less', max_keep_ckpts=1)
    info = runner.message_hub.runtime_info
    info.update({'best_ckpt': str(path), 'best_ckpt_a': str(path), 'best_ckpt_b': str(path), 'best_score': 2.0,
                 'best_score_a': 2.0, 'best_score_b': 2.0, 'keep_ckpt_ids': ['/../../notes', 7]})
    runner.train()
    hook = next(hook for hook in runner.hooks if isinstance(hook, AtomicCheckpointHook))
    hook.after_val_epoch(runner, {'a': 1.0, 'b': 1.0})
    assert path.exists()
    assert (work / 'best_a_epoch_1.pth').is_file()
    hook.after_val_epoch(runner, {'a': 0.5, 'b': 0.5})  # its own it replaces
    assert len(list(work.glob('best_a*'))) == 1


def test_leftovers_of_a_killed_run_go_and_nothing_else(tmp_path):
    mine = {'.epoch_1.pth.abc.tmp', '.last_checkpoint.abc.tmp'}
    others = {'.pairs_00000.npz.abc.tmp', 'epoch_9.pth.tmp', 'notes.tmp'}
    for name in mine | others:
        (tmp_path / name).write_bytes(b'half')
    _runner(tmp_path, epochs=1).train()
    assert _files(tmp_path) == others | {'epoch_1.pth', 'last_checkpoint'}


@pytest.mark.parametrize(('arguments', 'expected'), [
    (dict(), dict(backend='atomic_local')),
    (dict(out_dir='s3://bucket/runs'), None),
    (dict(backend_args=dict(backend='local')), dict(backend='local'))])
def test_other_storage_keeps_its_own_backend(arguments, expected):
    assert AtomicCheckpointHook(**arguments).backend_args == expected


@pytest.mark.parametrize(('metric', 'rule'), [
    ('xas/mask_iou', 'greater'), ('xas/top1/P-MPJPE', 'less'), ('xas/2d_error', 'less'), ('auc', 'greater'),
    ('xas/top1/PCK@150mm', 'greater'), ('xas/top1/AUC', 'greater'), ('xas/pckh', 'greater'),
    ('xas/discriminator_score', 'greater'), ('xas/flip_rate', 'less'), ('xas/asymmetry', 'less'),
    ('xas/triangulated/MPJPE', 'less'), ('xas/ambiguity_ratio', 'less')])
def test_save_best_knows_the_direction_of_the_metrics(metric, rule):
    assert AtomicCheckpointHook(save_best=metric).rules == [rule]
