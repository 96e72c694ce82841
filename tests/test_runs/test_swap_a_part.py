"""docs/swap_a_part.md: its configs are read from the page, built and trained for two iterations."""
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from test_models.conftest import data_sample

from mmxas.apis.configs import load_config
from mmxas.models.losses import MaskLoss
from mmxas.models.losses.routes import ROUTES
from mmxas.ops import Hypotheses
from mmxas.registry import MODELS

PAGE = Path(__file__).parents[2] / 'docs/swap_a_part.md'
BLOCKS = re.findall(r'^```python\n(.*?)^```$', PAGE.read_text(encoding='utf-8'), re.MULTILINE | re.DOTALL)
CONFIGS = [block for block in BLOCKS if block.startswith('_base_')]
MODULE, = (block for block in BLOCKS if block.startswith('# my_losses.py'))
CROP = 128


def read(block: str, folder: Path) -> Config:
    """A block as the file that a reader makes of it."""
    path = folder / 'my_config.py'
    path.write_text(block, encoding='utf-8')
    return load_config(str(path))


def train(cfg: Config, iterations: int = 2) -> tuple[torch.nn.Module, list[dict]]:
    """The model after some steps in its last stage, on noise with labels and masks, and the losses of each step."""
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = MODELS.build(cfg.model).train()
    model.set_stage(cfg.train_cfg.stages[-1].loss_weights)
    samples = [data_sample('target', seed, labelled=False) for seed in (0, 1)]
    samples += [data_sample('synthetic', seed) for seed in (0, 1)]
    inputs, steps = torch.randn(4, 3, CROP, CROP), []
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    for _ in range(iterations):
        losses = model.loss(inputs, samples)
        optimizer.zero_grad()
        sum(value for name, value in losses.items() if 'loss' in name).backward()
        optimizer.step()
        steps.append({name: value.item() for name, value in losses.items()})
    return model, steps


def found(block: str, pattern: str) -> str:
    """The first group of a pattern in a block."""
    return re.search(pattern, block)[1]


def test_the_page_has_them_all():
    assert len(CONFIGS) == 5
    for block in [*CONFIGS, MODULE]:
        assert len([line for line in block.splitlines() if line and not line.startswith(('#', 'from', 'import'))]) <= 10


@pytest.mark.parametrize('number', range(len(CONFIGS)))
def test_a_block_trains(number, tmp_path, monkeypatch):
    block = CONFIGS[number]
    (tmp_path / 'my_losses.py').write_text(MODULE, encoding='utf-8')
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        cfg = read(block, tmp_path)
        model, steps = train(cfg)
    finally:
        sys.modules.pop('my_losses', None)
        MODELS.module_dict.pop('UprightLoss', None)
    names = {'loss_render', 'loss_marginal', 'loss_facing', 'loss_mask', 'loss_adversarial',
             'loss_discriminator_adversarial'}
    assert set(steps[0]) - {'loss_idle'} == names | ({'loss_upright'} if 'upright' in block else set())
    assert all(np.isfinite(list(step.values())).all() for step in steps)
    assert steps[0]['loss_marginal'] != steps[1]['loss_marginal']
    if 'backbone' in block:
        assert type(model.backbone).__name__ == found(block, r"backbone=dict\(\s*_delete_=True, type='(\w+)'")
    poses = model.head.decoder.decoding.num_hypotheses
    assert poses == (int(found(block, r'num_hypotheses=(\d)')) if 'num_hypotheses' in block else 3)
    swapped = found(block, r"discriminator=dict\(_delete_=True, type='(\w+)'") if 'discriminator' in block else None
    assert type(model.discriminator).__name__ == (swapped or 'GCNDiscriminator')


def test_the_loss_of_the_page_is_what_it_says(monkeypatch, tmp_path):
    scope: dict = {}
    exec(MODULE, scope)
    loss = MODELS.build(dict(type='UprightLoss'))
    MODELS.module_dict.pop('UprightLoss')
    keypoints = torch.zeros(1, 2, 18, 3)
    keypoints[0, 0, 10, 1], keypoints[0, 1, 10, 1] = 0.4, -0.4  # y points down
    assert loss(Hypotheses(keypoints, None, None, None)).item() == pytest.approx(0.2)


def test_the_table_of_reads_is_whole():
    rows = re.findall(r"^\| `'(\w+)'` \|", PAGE.read_text(encoding='utf-8'), re.MULTILINE)
    assert sorted(rows) == sorted(ROUTES) and MaskLoss.reads in rows
