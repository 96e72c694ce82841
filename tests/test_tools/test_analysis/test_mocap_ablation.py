"""What each variant of the ablation changes, how a cut-off run goes on, and the table."""
import copy
import json
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.logging import MessageHub

from mmxas.registry import MODELS

CONFIG = Path(__file__).resolve().parents[3] / 'configs/xas_mocap.py'


@pytest.fixture
def tool(load_tool):
    return load_tool('analysis/mocap_ablation')


@pytest.fixture
def cfg():
    return Config.fromfile(str(CONFIG))


@pytest.mark.parametrize(('name', 'added'), [
    ('control', set()), ('mask', {'mask'}), ('discriminator', {'adversarial'}),
    ('mask + discriminator', {'mask', 'adversarial'}), ('single hypothesis', {'mask', 'adversarial'}),
    ('supervised', set())])
def test_losses_of_a_variant(tool, cfg, name, added):
    base = set(cfg.train_cfg.stages[0].loss_weights)
    length = cfg.train_cfg.stages[1].epochs
    changed = tool.variant(copy.deepcopy(cfg), name, 'stage_1.pth')
    (stage, ) = changed.train_cfg.stages
    assert set(stage.loss_weights) == base | added
    assert stage.epochs == length and changed.load_from == 'stage_1.pth'


def test_single_hypothesis_has_the_same_weights_and_one_pose(tool, cfg):
    changed = tool.variant(copy.deepcopy(cfg), 'single hypothesis', 'stage_1.pth')
    ours, theirs = (MODELS.build(dict(part.model.head, num_keypoints=18)) for part in (cfg, changed))
    decoding = theirs.decoder.decoding
    assert decoding.num_hypotheses == 1 and decoding.window is None
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: v.shape for k, v in theirs.state_dict().items()}


def test_supervised_learns_from_labelled_targets_only(tool, cfg):
    dataset = tool.variant(copy.deepcopy(cfg), 'supervised', 'stage_1.pth').train_dataloader.dataset
    assert dataset.synthetic.type == cfg.train_dataloader.dataset.target.type
    assert dataset.synthetic.with_labels and dataset.synthetic.split == 'train'
    assert dataset.length == cfg.train_dataloader.dataset.length and 'target' not in dataset


def test_first_stage(tool, cfg):
    assert [stage.name for stage in tool.first_stage(cfg).train_cfg.stages] == ['synthetic']


def test_a_result_that_is_there_is_kept(tool, tmp_path):
    (tmp_path / 'result.json').write_text(json.dumps({'xas/top1/MPJPE': 100.0}))
    assert tool.run(None, tmp_path, seed=0) == {'xas/top1/MPJPE': 100.0}


@pytest.mark.parametrize(('name', 'weights', 'rate', 'detach'), [
    ('render alone', dict(mask=1e-9, adversarial=1e-9, render=0.5), 1.5e-4, False),
    ('paper', dict(mask=0.02, adversarial=1.0, render=0.5), 1.5e-4, False),
    ('paper, detached', dict(mask=0.02, adversarial=1.0, render=0.5), 1.5e-4, True),
    ('mask 0.1, adversarial 0.004, slow', dict(mask=0.1, adversarial=0.004, render=0.5), 3e-5, False)])
def test_weights_of_a_variant(tool, cfg, name, weights, rate, detach):
    changed = tool.variant(copy.deepcopy(cfg), name, 'stage_1.pth')
    (stage, ) = changed.train_cfg.stages
    assert dict(stage.loss_weights) == weights
    assert [stage.lr, stage.schedule, stage.warmup_iters] == [pytest.approx(rate), 'constant', 0]
    assert MODELS.build(changed.model.losses.adversarial).detach is detach
    assert changed.model.grad_log_interval == tool.GRADIENTS_EVERY


@pytest.mark.parametrize('name', ['paper', 'adversarial 0.005, slow'])
def test_new_networks_keep_their_rates(tool, cfg, name):
    changed = tool.variant(copy.deepcopy(cfg), name, 'stage_1.pth')
    factors, lr = changed.optim_wrapper.paramwise_cfg.custom_keys, changed.train_cfg.stages[0].lr
    assert factors.physique.lr_mult * lr == pytest.approx(6e-4)
    assert factors.discriminator.lr_mult * lr == pytest.approx(2e-4)
    assert factors.backbone.lr_mult == pytest.approx(1 / 3)


def test_the_recipe_of_the_paper_is_a_row_of_the_table(tool):
    first, second = Config.fromfile(str(CONFIG.with_name('xas_h36m.py'))).train_cfg.stages
    row = tool.WEIGHTS['adversarial 0.005, slow']
    assert dict(second.loss_weights) == row['loss_weights']
    assert second.lr == pytest.approx(row['rate'] * tool.Stage(**first).lr_at(49, iters_per_epoch=1))


def test_shares_are_of_the_mean_gradient_of_render(tool):
    hub = MessageHub.get_instance('test_shares')
    for render, mask in ((1.0, 0.1), (3.0, 0.3), (2.0, 0.8)):
        hub.update_scalar('train/grad/render', render)
        hub.update_scalar('train/grad/mask', mask)
        hub.update_scalar('train/loss_mask', 7.0)
    assert tool.shares(hub) == {'share/render': 100.0, 'share/mask': pytest.approx(20.0)}


def test_no_shares_without_render(tool):
    hub = MessageHub.get_instance('test_no_shares')
    hub.update_scalar('train/grad/mask', 1.0)
    assert tool.shares(hub) == {}


def test_a_variant_of_another_comparison_is_refused(tool, capsys):
    with pytest.raises(SystemExit):
        tool.parse_args([str(CONFIG), '--variants', 'control', 'paper'])
    assert "'paper' is none of control, mask, discriminator" in capsys.readouterr().err


def test_table_of_weights(tool):
    numbers = {'xas/top1/MPJPE': 101.26, 'xas/mask_iou': 0.5, 'share/mask': 17.6, 'share/adversarial': 9.4}
    text = tool.table({'render alone': {0: {}}, 'paper': {0: numbers}}, 'weights')
    assert text.splitlines()[-2:] == ['| render alone | – | – | – | – | – |', '| paper | 101.3 | – | 0.500 | 18 | 9 |']


def test_table_has_a_number_a_seed(tool):
    numbers = {'xas/top1/MPJPE': 101.26, 'xas/mask_iou': 0.5}
    text = tool.table({'control': {0: numbers, 1: {**numbers, 'xas/top1/MPJPE': 99.0}}})
    assert '| control | 101.3 / 99.0 |' in text and '0.500 / 0.500' in text


def test_the_config_can_be_changed(tool, cfg):
    args = tool.parse_args([str(CONFIG), '--cfg-options', 'train_dataloader.dataset.length=4096'])
    tool.merge_options(cfg, args.cfg_options)
    assert cfg.train_dataloader.dataset.length == 4096 and args.seeds == [0, 1]
    assert args.variants == [*tool.PARTS]
