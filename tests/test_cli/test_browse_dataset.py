import re

import cv2
import numpy as np
import pytest
from mmcv.transforms import BaseTransform

from mmxas.registry import TRANSFORMS

CONFIG = """
default_scope = 'mmpose'
custom_imports = dict(imports=['mmxas'], allow_failed_imports=False)
pipeline = [
    dict(type='LoadXASImage'), dict(type='LoadMask'), dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='SquareCropAffine', input_size=(32, 32)), dict(type='PackXASInputs')]
photos = dict(type='ImageFolderDataset', data_root={images!r}, masks={masks!r}, pipeline=pipeline,
              skeleton='h36m18')
train_dataloader = dict(dataset=dict(type='PairedDataset', target=photos, synthetic=dict(photos, domain='synthetic')))
val_dataloader = dict(dataset=photos)
model = dict(data_preprocessor=dict(
    type='PoseDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True))
"""


@TRANSFORMS.register_module(force=True)
class MaskOfBytes(BaseTransform):
    """The mistake: it divides by 255 what ``SquareCropAffine`` has divided already, in all samples but the last."""

    def transform(self, results: dict) -> dict:
        """Scale the mask again."""
        if results['sample_name'] != '3.png':
            results['mask'] = results['mask'] / 255
        return results


@pytest.fixture
def config(tmp_path):
    """Four photos with masks, paired with themselves."""
    for index in range(4):
        mask = np.zeros((40, 60), np.uint8)
        mask[10:30, 20:30] = 255
        for kind, data in (('images', np.full((40, 60, 3), 60 * index, np.uint8)), ('masks', mask)):
            (tmp_path / kind).mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / kind / f'{index}.png'), data)
    path = tmp_path / 'config.py'
    path.write_text(CONFIG.format(images=str(tmp_path / 'images'), masks=str(tmp_path / 'masks')))
    return path


def test_by_default_a_sheet_and_a_count(load_command, config, tmp_path, monkeypatch, capsys):
    """One of the four photos is black all over."""
    monkeypatch.chdir(tmp_path)
    config.write_text(config.read_text().replace("dict(type='PackXASInputs')",
                                                 "dict(type='RemoveBackground'), dict(type='PackXASInputs')"))
    black = tmp_path / 'images' / '0.png'
    assert load_command('browse_dataset').main([str(config), '--split', 'val']) == 0
    assert cv2.imread('work_dirs/config/browse_val.jpg') is not None
    drawn, empty, taken = capsys.readouterr().out.splitlines()
    assert (drawn, empty) == ('drawn: work_dirs/config/browse_val.jpg', f'1 of 4 crops are empty: {black}')
    assert re.fullmatch(r'4 masks: foreground is 3\d\.\d to 3\d\.\d % of a crop, 3\d\.\d % on average', taken)


def test_a_mask_that_is_scaled_twice_is_seen(load_command, config, tmp_path, capsys):
    wrong = "dict(type='MaskOfBytes'), dict(type='RemoveBackground'), dict(type='PackXASInputs')"
    config.write_text(config.read_text().replace("dict(type='PackXASInputs')", wrong))
    sheet, tool = tmp_path / 'sheet.png', load_command('browse_dataset')
    arguments = [str(config), '--side', '40', '--sheet', str(sheet), '--columns', '1']
    assert tool.main(arguments) == 0
    assert '6 of 8 crops are empty: ' in capsys.readouterr().out, 'in pairs'
    assert tool.main([*arguments, '--split', 'val']) == 0
    names = ', '.join(str(tmp_path / 'images' / f'{index}.png') for index in range(3))
    drawn, empty, taken = capsys.readouterr().out.splitlines()
    assert (drawn, empty) == (f'drawn: {sheet}', f'3 of 4 crops are empty: {names}')
    assert taken.startswith('4 masks: foreground is 0.0 to 3')
    picture = cv2.imread(str(sheet)).astype(int)
    reds = [bool((row[..., 2] - row[..., 0] > 100).any()) for row in np.split(picture[4:], 4)]
    assert reds == [True, True, True, False], 'the captions'


def test_a_folder_of_pictures(load_command, config, tmp_path, capsys):
    out = tmp_path / 'out'
    assert load_command('browse_dataset').main([str(config), '--num', '2', '--side', '40', '--out', str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ['train_000000.png', 'train_000003.png']
    picture = cv2.imread(str(out / 'train_000003.png'))
    assert picture.shape[1] == 2 * 80 + 3 * 4, 'crop and mask of the target and of its partner'
    assert f'drawn: {out}' in capsys.readouterr().out


def test_one_sheet(load_command, config, tmp_path):
    sheet = tmp_path / 'sheet.jpg'
    arguments = [str(config), '--split', 'val', '--side', '40', '--sheet', str(sheet), '--columns', '4']
    assert load_command('browse_dataset').main(arguments) == 0
    picture = cv2.imread(str(sheet))
    assert picture.shape == (40 + 14 + 8, 4 * 84 + 4, 3)
    assert abs(picture[24, 3 * 84 + 24].astype(int) - 180).max() < 12, 'the last photo is the brightest'


def test_mistakes_are_one_line(load_command, config, tmp_path, capsys):
    tool = load_command('browse_dataset')
    for arguments, message in (([str(config), '--split', 'test'], 'no test_dataloader'),
                               ([str(tmp_path / 'no.py')], 'no such config file'),
                               ([str(config), '--sheet', str(tmp_path / 'a.xyz')], 'ends in .png')):
        assert tool.main(arguments) == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize('option', ['--num', '--side', '--columns'])
@pytest.mark.parametrize('value', ['0', '-2'])
def test_numbers_are_positive(load_command, config, capsys, option, value):
    with pytest.raises(SystemExit):
        load_command('browse_dataset').main([str(config), option, value])
    assert f'argument {option}: {value} given, 1 or more expected' in capsys.readouterr().err


def test_a_mistyped_key_is_one_line(load_command, config, tmp_path, capsys):
    config.write_text(config.read_text().replace('masks=', 'mask_folder='))
    assert load_command('browse_dataset').main([str(config), '--split', 'val', '--out', str(tmp_path / 'out')]) == 2
    error = capsys.readouterr().err
    assert 'mask_folder' in error and len(error.strip().splitlines()) == 1
