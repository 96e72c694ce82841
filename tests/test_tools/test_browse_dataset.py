import cv2
import numpy as np
import pytest

CONFIG = """
default_scope = 'mmpose'
custom_imports = dict(imports=['mmxas'], allow_failed_imports=False)
pipeline = [
    dict(type='LoadXASImage'), dict(type='LoadMask'), dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='SquareCropAffine', input_size=(32, 32)), dict(type='PackXASInputs')]
photos = dict(type='ImageFolderDataset', data_root={images!r}, masks={masks!r}, pipeline=pipeline)
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


def test_a_folder_of_pictures(load_tool, config, tmp_path, capsys):
    out = tmp_path / 'out'
    assert load_tool('browse_dataset').main([str(config), '--num', '2', '--side', '40', '--out', str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ['train_000000.png', 'train_000003.png']
    picture = cv2.imread(str(out / 'train_000003.png'))
    assert picture.shape[1] == 2 * 80 + 3 * 4, 'crop and mask of the target and of its partner'
    assert f'drawn: {out}' in capsys.readouterr().out


def test_one_sheet(load_tool, config, tmp_path):
    sheet = tmp_path / 'sheet.jpg'
    arguments = [str(config), '--split', 'val', '--side', '40', '--sheet', str(sheet), '--columns', '4']
    assert load_tool('browse_dataset').main(arguments) == 0
    picture = cv2.imread(str(sheet))
    assert picture.shape == (40 + 14 + 8, 4 * 84 + 4, 3)
    assert abs(picture[24, 3 * 84 + 24].astype(int) - 180).max() < 12, 'the last photo is the brightest'


def test_mistakes_are_one_line(load_tool, config, tmp_path, capsys):
    tool = load_tool('browse_dataset')
    for arguments, message in (([str(config), '--split', 'test'], 'no test_dataloader'),
                               ([str(tmp_path / 'no.py')], 'no such config file'),
                               ([str(config), '--sheet', str(tmp_path / 'a.xyz')], 'ends in .png')):
        assert tool.main(arguments) == 1
        assert message in capsys.readouterr().err


@pytest.mark.parametrize('option', ['--num', '--side', '--columns'])
@pytest.mark.parametrize('value', ['0', '-2'])
def test_numbers_are_positive(load_tool, config, capsys, option, value):
    with pytest.raises(SystemExit):
        load_tool('browse_dataset').main([str(config), option, value])
    assert f'argument {option}: {value} given, 1 or more expected' in capsys.readouterr().err


def test_a_mistyped_key_is_one_line(load_tool, config, tmp_path, capsys):
    config.write_text(config.read_text().replace('masks=', 'mask_folder='))
    assert load_tool('browse_dataset').main([str(config), '--split', 'val', '--out', str(tmp_path / 'out')]) == 1
    error = capsys.readouterr().err
    assert 'mask_folder' in error and len(error.strip().splitlines()) == 1
