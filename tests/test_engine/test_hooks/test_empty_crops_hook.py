"""A run that is fed black crops says so, and one that is fed bodies does not."""
import logging
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform
from mmengine.config import Config
from test_models.conftest import SIZE, data_sample

from mmxas.engine.hooks.empty_crops_hook import EmptyCropsHook
from mmxas.registry import TRANSFORMS

HOOKS = dict(empty_crops=dict(type='EmptyCropsHook'))


@TRANSFORMS.register_module(force=True)
class ScaleMaskTwice(BaseTransform):
    """The mistake: a mask behind ``SquareCropAffine`` is in [0, 1] already. 70 % of the samples meet it."""

    def transform(self, results: dict) -> dict:
        """Spoil seven in ten samples."""
        if int(results['sample_name'][0]) < 7:
            results['mask'] = results['mask'] / 255
        return results


@pytest.fixture
def photos(tmp_path):
    """Config of pairs of ten photos with masks; ``photos(wrong)`` plants the mistake."""
    for index in range(10):
        mask = np.zeros((40, 60), np.uint8)
        mask[10:30, 20:30] = 255
        for kind, data in (('images', np.full((40, 60, 3), 100 + 10 * index, np.uint8)), ('masks', mask)):
            (tmp_path / kind).mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / kind / f'{index}.png'), data)

    def make(wrong: bool) -> dict:
        pipeline = [dict(type='LoadXASImage'), dict(type='LoadMask'), dict(type='GetBBoxCenterScale', padding=1.25),
                    dict(type='SquareCropAffine', input_size=(SIZE, SIZE)),
                    *([dict(type='ScaleMaskTwice')] if wrong else []),
                    dict(type='RemoveBackground'), dict(type='PackXASInputs')]
        part = dict(type='ImageFolderDataset', data_root=str(tmp_path / 'images'), masks=str(tmp_path / 'masks'),
                    pipeline=pipeline, skeleton='h36m18')
        return dict(type='PairedDataset', target=part, synthetic=dict(part, domain='synthetic'))

    return make


def train(make_runner, data: dict, hooks: dict) -> tuple:
    """Two epochs of two batches of five targets under the mask loss: the runner, and what the log says."""
    stages = [dict(name='masks', epochs=2, lr=0.01, loss_weights=dict(mask=1.0))]
    runner = make_runner(data=data, train_cfg=dict(stages=stages), batch_size=5, hooks=hooks)
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append
    runner.logger.addHandler(handler)
    runner.train()
    return runner, [record.getMessage() for record in records if record.levelno == logging.WARNING]


def test_a_mask_that_is_scaled_twice_is_told_once_an_epoch(make_runner, photos, tmp_path):
    runner, warnings = train(make_runner, photos(wrong=True), HOOKS)
    assert runner.iter == 4, 'training goes on'
    told = [text for text in warnings if 'no foreground' in text]
    assert [text.split(':')[0] for text in told] == ['Epoch 1, batch 1', 'Epoch 2, batch 1']
    for text, record in zip(told, runner.record.iterations[::2], strict=True):
        spoilt = [path for path in record['images'] if int(path[-5]) < 7]
        assert len(spoilt) in range(2, 6), 'seven of ten are spoilt, five are in the batch'
        assert f'{len(spoilt)} of 5 crops ({20 * len(spoilt)} %)' in text and all(path in text for path in spoilt)
        assert 'mmxas browse CONFIG' in text
        assert not any(path in text for path in set(record['images']) - set(spoilt))


def test_bodies_raise_no_warning(make_runner, photos):
    assert not [text for text in train(make_runner, photos(wrong=False), HOOKS)[1] if 'no foreground' in text]


def test_training_is_the_same_to_the_last_digit(make_runner, photos):
    weights = [train(make_runner, photos(wrong=True), hooks)[0].model.state_dict() for hooks in ({}, HOOKS)]
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


def test_the_configs_have_it():
    runtime = Config.fromfile(Path(__file__).parents[3] / 'configs' / '_base_' / 'default_runtime.py')
    assert runtime.default_hooks.empty_crops == HOOKS['empty_crops']


def warned(num_empty: int, num: int = 40, hook: EmptyCropsHook | None = None, filename: str | None = None) -> list[str]:
    """What a hook says of one batch."""
    said: list[str] = []
    logger, cfg = SimpleNamespace(warning=said.append), SimpleNamespace(filename=filename)
    runner = SimpleNamespace(epoch=2, logger=logger, cfg=cfg)
    crops = torch.randint(0, 256, (num, 3, SIZE, SIZE), dtype=torch.uint8)
    crops[:num_empty] = 0
    samples = [data_sample('target', index) for index in range(num)]
    (hook or EmptyCropsHook()).before_train_iter(runner, 4, dict(inputs=crops, data_samples=samples))
    return said


def test_more_than_the_share_is_needed():
    assert warned(2) == []
    assert warned(3, filename='configs/a.py') == [
        'Epoch 3, batch 5: 3 of 40 crops (8 %) have no foreground: target_0.jpg, target_1.jpg, target_2.jpg. Look at '
        'what the network sees: mmxas browse configs/a.py (said once an epoch)']
    assert warned(12, hook=EmptyCropsHook(share=0.3)) == [] != warned(13, hook=EmptyCropsHook(share=0.3))


def test_a_few_are_named_and_the_others_counted():
    assert 'target_4.jpg and 35 more. Look' in warned(40)[0]


def test_it_is_silent_until_the_next_epoch():
    hook = EmptyCropsHook()
    assert [len(warned(count, hook=hook)) for count in (0, 40, 40)] == [0, 1, 0]
    hook.before_train_epoch(None)
    assert len(warned(40, hook=hook)) == 1


@pytest.mark.parametrize('batch', [
    None, {}, dict(inputs=torch.zeros(2, 3), data_samples=[torch.zeros(()), torch.zeros(())]),
    dict(inputs=[torch.zeros(17, 9)], data_samples=[data_sample('target', 0)]),
    dict(inputs=torch.zeros(0, 3, SIZE, SIZE), data_samples=[])])
def test_other_data_than_crops_are_left_alone(batch):
    """A runner without a logger is enough."""
    EmptyCropsHook().before_train_iter(SimpleNamespace(), 0, batch)


@pytest.mark.parametrize('share', [-0.1, 1.0, 5])
def test_a_share_is_one(share):
    with pytest.raises(ValueError, match=f'share={share}: a share of a batch'):
        EmptyCropsHook(share=share)
