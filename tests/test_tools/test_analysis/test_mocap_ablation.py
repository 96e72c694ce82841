"""What each variant of the ablation changes, how a cut-off run goes on, and the table."""
import copy
import json
from pathlib import Path

import pytest
from mmengine.config import Config

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
    ours, theirs = MODELS.build(cfg.model.head), MODELS.build(changed.model.head)
    assert theirs.num_hypotheses == 1 and theirs.window is None
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: v.shape for k, v in theirs.state_dict().items()}


def test_supervised_learns_from_labelled_targets_only(tool, cfg):
    dataset = tool.variant(copy.deepcopy(cfg), 'supervised', 'stage_1.pth').train_dataloader.dataset
    assert dataset.synthetic.type == cfg.train_dataloader.dataset.target.type
    assert dataset.synthetic.with_labels and dataset.synthetic.split == 'train'
    assert dataset.length == cfg.train_dataloader.dataset.length and 'target' not in dataset


def test_first_stage(tool, cfg):
    assert [stage.name for stage in tool.first_stage(cfg).train_cfg.stages] == ['synthetic']


def test_a_result_that_is_there_is_kept(tool, tmp_path):
    (tmp_path / 'result.json').write_text(json.dumps({'xas/confident/MPJPE': 100.0}))
    assert tool.run(None, tmp_path, seed=0) == {'xas/confident/MPJPE': 100.0}


def test_table_has_a_number_a_seed(tool):
    numbers = {'xas/confident/MPJPE': 101.26, 'xas/mask_iou': 0.5}
    text = tool.table({'control': {0: numbers, 1: {**numbers, 'xas/confident/MPJPE': 99.0}}})
    assert '| control | 101.3 / 99.0 |' in text and '0.500 / 0.500' in text


def test_the_config_can_be_changed(tool, cfg, monkeypatch):
    monkeypatch.setattr('sys.argv', ['tool', str(CONFIG), '--cfg-options', 'train_dataloader.dataset.length=4096'])
    args = tool.parse_args()
    tool.command_line.merge_options(cfg, args.cfg_options)
    assert cfg.train_dataloader.dataset.length == 4096 and args.seeds == [0, 1]
