"""The loop goes through the stages of a config, and refuses what cannot be trained before it trains anything."""
import pytest
import torch
from mmengine.config import Config
from on_cuda.fake_device import imagined_gpu

from mmxas.engine import StagedLR, StagedTrainLoop
from mmxas.engine.loops.staged_train_loop import read_together

RENDER = dict(name='synthetic', epochs=1, lr=0.01, loss_weights=dict(render=1.0))
FULL = dict(name='full', epochs=1, lr=0.002, loss_weights=dict(render=0.5, mask=1.0, adversarial=1.0))


def _column(runner, name: str) -> list:
    return [record[name] for record in runner.record.iterations]


def test_settings_that_nobody_applied_are_refused_before_data_are_made(make_runner):
    with pytest.raises(ValueError, match='these settings have no effect'):
        make_runner(cfg=Config(dict(xas=dict(crop_size=96)))).train()


def test_stages_set_losses_data_rates_and_what_moves(make_runner):
    runner = make_runner()
    runner.train()
    assert _column(runner, 'iter') == list(range(6))
    assert _column(runner, 'lr') == pytest.approx([0.01] * 2 + [0.001] * 2 + [0.002] * 2)
    assert _column(runner, 'domains') == [{'synthetic'}] * 4 + [{'synthetic', 'target'}] * 2
    assert _column(runner, 'losses') == [{'loss_render'}] * 4 + [
        {'loss_render', 'loss_mask', 'loss_adversarial', 'loss_discriminator_adversarial'}] * 2
    detector = {'backbone', 'head'}
    assert _column(runner, 'moved') == [detector] * 4 + [detector | {'physique', 'discriminator'}] * 2
    assert runner.model.loss_weights == dict(render=0.5, mask=1.0, adversarial=1.0)
    assert runner.train_loop.max_epochs == 3


def test_every_epoch_sees_every_sample_in_a_new_order(make_runner):
    runner = make_runner(train_cfg=dict(stages=[dict(RENDER, epochs=3)]))
    runner.train()
    batches = [tuple(images) for images in _column(runner, 'images')]
    epochs = [set(batches[i] + batches[i + 1]) for i in (0, 2, 4)]
    assert all(len(images) == 8 for images in epochs)
    assert len(set(batches)) > 2


def test_random_numbers_are_a_function_of_seed_and_iteration(make_runner):
    """What else draws some between two iterations changes nothing."""

    def draws(seed: int, disturb: bool) -> list[float]:
        runner, drawn = make_runner(seed=seed), []
        runner.record.before_train_epoch = lambda _: torch.rand(7) if disturb else None
        runner.record.before_train_iter = lambda *_, **__: drawn.append(torch.rand(1).item())
        runner.record.after_train_iter = lambda *_, **__: None
        runner.train()
        return drawn

    first = draws(0, False)
    assert len(set(first)) == 6
    assert draws(0, True) == first
    assert not set(draws(1, False)) & set(first)


@pytest.mark.parametrize(('changes', 'message'), [
    (dict(data=dict(num_keypoints=17)), 'PairsInMemory: 17 keypoints, but model.head.num_keypoints is 18'),
    (dict(data=dict(align_corners=True)),
     'the encoder of the training pipeline has align_corners=True, but model.head.decoder has False'),
    (dict(train_cfg=dict(stages=[RENDER, dict(RENDER, name='b', loss_weights=dict(texture=1))])),
     "names 'texture', but model.losses has: render, mask, adversarial"),
    (dict(data=dict(domains=('synthetic', ))), r"a loss needs \['target'\] samples"),
    (dict(model=dict(discriminator=None, loss_weights=dict(render=1.0)), train_cfg=dict(stages=[
        RENDER, dict(RENDER, name='b', loss_weights=dict(adversarial=1))])), 'needs model.discriminator'),
    (dict(data=dict(masks=False), train_cfg=dict(stages=[RENDER, dict(RENDER, name='b', loss_weights=dict(mask=1))])),
     "stage 'b': the loss 'mask' reads masks, but the target data set has none .*target_0.jpg"),
    (dict(train_cfg=dict(stages=[dict(RENDER, epochs=0)])), 'epochs=0'),
    (dict(train_cfg=dict(alternate=dict(generator=1))), 'alternate=')])
def test_what_cannot_be_trained_is_refused_before_the_first_iteration(make_runner, changes, message):
    """The second stage's mistakes, too: hours later would be too late."""
    runner = make_runner(**changes)
    with pytest.raises(ValueError, match=message):
        runner.train()
    assert runner.record.iterations == []


def test_the_configs_own_param_scheduler_is_respected(make_runner):
    runner = make_runner(param_scheduler=dict(type='MultiStepLR', milestones=[1, 3], by_epoch=False, gamma=0.5))
    runner.train()
    assert _column(runner, 'lr') == pytest.approx([0.01, 0.005, 0.005, 0.0025, 0.0025, 0.0025])
    assert not any(isinstance(scheduler, StagedLR) for scheduler in runner.param_schedulers)


def test_automatic_scaling_multiplies_every_stages_rate(make_runner):
    runner = make_runner(auto_scale_lr=dict(base_batch_size=8, enable=True))
    runner.train()
    assert _column(runner, 'lr') == pytest.approx([0.005] * 2 + [0.0005] * 2 + [0.001] * 2)


def test_alternating_updates_move_one_side_a_step(make_runner):
    """There are no turns where the discriminator has nothing to learn."""
    runner = make_runner(train_cfg=dict(
        alternate=dict(discriminator=1, detector=2), stages=[dict(RENDER, epochs=2), dict(FULL, epochs=3)]))
    runner.train()
    detector = {'backbone', 'head'}
    turns = [{'discriminator'}, detector | {'physique'}, detector | {'physique'}]
    assert _column(runner, 'moved') == [detector] * 4 + (turns * 3)[1:7]


@pytest.mark.parametrize('sampler', ['SeededSampler', 'DefaultSampler'])
def test_resume_inside_an_epoch(make_runner, sampler):
    """From iteration 3 of 6, in the middle of the second epoch, with the batches that were left."""
    checkpoint = dict(checkpoint=dict(type='AtomicCheckpointHook', interval=3, by_epoch=False))
    unbroken, resumed = (make_runner(sampler=sampler, hooks=checkpoint, resume=resume) for resume in (False, True))
    unbroken.train()
    folder = unbroken.work_dir
    with open(f'{folder}/last_checkpoint', 'w', encoding='utf-8') as file:
        file.write(f'{folder}/iter_3.pth')
    resumed.train()
    for name in ('iter', 'batch_idx', 'images', 'lr', 'losses'):
        assert _column(resumed, name) == _column(unbroken, name)[3:], name
    for name, value in unbroken.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


def test_a_resumed_run_takes_the_checkpoints_seed(make_runner):
    """Without a seed in the config each run draws its own."""
    checkpoint = dict(checkpoint=dict(type='AtomicCheckpointHook', interval=1))
    unbroken, resumed = (make_runner(seed=None, hooks=checkpoint, resume=resume) for resume in (False, True))
    unbroken.train()
    assert resumed.seed != unbroken.seed
    folder = unbroken.work_dir
    with open(f'{folder}/last_checkpoint', 'w', encoding='utf-8') as file:
        file.write(f'{folder}/epoch_1.pth')
    resumed.train()
    assert _column(resumed, 'images') == _column(unbroken, 'images')[2:]
    for name, value in unbroken.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


def test_a_resumed_run_with_other_batches_stays_at_its_place(make_runner):
    """Half the batch, twice the iterations: position and learning rate are those of the same epoch."""
    stages = [dict(RENDER, epochs=4, schedule='cosine')]
    checkpoint = dict(checkpoint=dict(type='AtomicCheckpointHook', interval=1))
    first = make_runner(train_cfg=dict(stages=stages), hooks=checkpoint)
    first.record.after_train_epoch = lambda runner: setattr(runner.train_loop, 'stop_training', runner.epoch == 1)
    first.train()
    whole = make_runner(train_cfg=dict(stages=stages), batch_size=2)
    whole.train()
    resumed = make_runner(train_cfg=dict(stages=stages), batch_size=2, hooks=checkpoint, resume=True)
    resumed.train()
    assert _column(first, 'iter') == [0, 1, 2, 3]
    assert _column(resumed, 'iter') == list(range(8, 16))
    assert _column(resumed, 'batch_idx') == [0, 1, 2, 3] * 2
    assert _column(resumed, 'images') == _column(whole, 'images')[8:]
    assert _column(resumed, 'lr')[1:] == pytest.approx(_column(whole, 'lr')[9:])


@pytest.mark.parametrize(('custom', 'kept'), [([], 3), ([dict(data_src='loss', window_size=5)], 5),
                                              ([dict(data_src='loss', window_size='global')], 12)])
def test_the_log_keeps_what_its_averages_read(make_runner, custom, kept):
    """Checkpoints hold it, so that they would grow with every iteration."""
    stages = [dict(name='a', epochs=6, lr=0.01, loss_weights=dict(render=1.0))]
    for entry in custom:
        entry.update(method='mean', log_name='average')
    runner = make_runner(train_cfg=dict(stages=stages), log_processor=dict(
        type='LogProcessor', window_size=3, custom_cfg=custom))
    runner.train()
    history = runner.message_hub.log_scalars['train/loss'].data[0]
    assert runner.iter == 12 and len(history) == kept


def test_batches_for_a_gpu_lie_in_pinned_memory(make_runner, monkeypatch):
    runner = make_runner()
    config = dict(batch_size=2, num_workers=0, dataset=dict(type='PairsInMemory'), sampler=dict(type='SeededSampler'))
    assert not StagedTrainLoop(runner, config, [RENDER]).dataloader.pin_memory
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    assert StagedTrainLoop(runner, config, [RENDER]).dataloader.pin_memory
    assert not StagedTrainLoop(runner, dict(config, pin_memory=False), [RENDER]).dataloader.pin_memory


def test_fake_cuda_gives_all_numbers_of_the_log_by_one_copy():
    with imagined_gpu() as waits:
        outputs = dict(loss=torch.zeros((), device='cuda'), count=3, grad=torch.ones((), device='cuda'))
        read = read_together(outputs)
        assert list(read) == list(outputs) and read['count'] == 3
        assert {read[name].device.type for name in ('loss', 'grad')} == {'cpu'}
    assert waits.at.total() == 1
    on_cpu = dict(loss=torch.ones(()), count=3)
    assert read_together(on_cpu) == on_cpu
