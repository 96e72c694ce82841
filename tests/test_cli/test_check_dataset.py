import json

import cv2
import numpy as np
import pytest

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
"""


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


def test_whole_data_is_status_0(load_command, config, capsys):
    assert load_command('check_dataset').main([str(config), '--num', '2']) == 0
    out = capsys.readouterr().out
    assert 'train.target (ImageFolderDataset): 4 samples, 2 checked: 2 with mask, 0 with labels' in out
    assert 'foreground of 2 masks: not 0; 8.3 to 8.3 % of the image, 8.3 % on average' in out
    assert 'train.synthetic' in out and 'val (' not in out, 'the same data set stands once'
    assert out.endswith('nothing wrong\n')


def test_what_is_wrong_is_listed_and_status_1(load_command, config, tmp_path, capsys):
    cv2.imwrite(str(tmp_path / 'masks/1.png'), np.zeros((30, 60), np.uint8))
    (tmp_path / 'masks/2.png').unlink()
    report = tmp_path / 'report.json'
    assert load_command('check_dataset').main([str(config), '--all', '--out', str(report)]) == 1
    out = capsys.readouterr().out
    assert 'WRONG: mask size: 1' in out and 'WRONG: missing mask: 1' in out and '4 problems' in out
    found = json.loads(report.read_text())
    assert [entry['counts'] for entry in found] == 2 * [{'missing mask': 1, 'mask size': 1}]


def test_masks_that_can_be_misunderstood_are_named(load_command, config, tmp_path, capsys):
    ids = np.zeros((40, 60), np.uint8)
    ids[10:20, 10:20], ids[10:20, 30:40] = 1, 2
    cv2.imwrite(str(tmp_path / 'masks/1.png'), ids)
    cv2.imwrite(str(tmp_path / 'masks/2.png'), 255 - cv2.imread(str(tmp_path / 'masks/2.png'), 0))
    cv2.imwrite(str(tmp_path / 'masks/3.png'), cv2.imread(str(tmp_path / 'masks/3.png'), 0) // 255)
    report = tmp_path / 'report.json'
    assert load_command('check_dataset').main([str(config), '--out', str(report)]) == 1
    out = capsys.readouterr().out
    assert 'WRONG: inverted mask: 1' in out and '2.png: the mask looks inverted' in out
    assert 'WRONG: several ids: 1' in out and '1.png: areas of several ids (1, 2)' in out
    assert json.loads(report.read_text())[0]['foreground'] == {'not 0': [0.0833, 0.0833]}


def test_mistakes_are_status_2(load_command, config, tmp_path, capsys):
    tool = load_command('check_dataset')
    (tmp_path / 'empty.py').write_text('a = 1')
    for arguments, message in (([str(tmp_path / 'no.py')], 'no such config file'),
                               ([str(tmp_path / 'empty.py')], 'no data set in it')):
        assert tool.main(arguments) == 2
        assert message in capsys.readouterr().err
