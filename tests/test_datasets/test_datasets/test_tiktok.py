"""The archive's layout, boxes from masks, and what is said of files that are missing or broken."""
from functools import partial

import cv2
import numpy as np
import pytest

from mmxas.datasets.datasets import tiktok
from mmxas.registry import DATASETS

TikTokDataset = partial(tiktok.TikTokDataset, skeleton='h36m18')
PIPELINE = [dict(type='LoadXASImage'), dict(type='LoadMask'), dict(type='GetBBoxCenterScale', padding=1.25),
            dict(type='SquareCropAffine', input_size=(32, 32)), dict(type='PackXASInputs')]


@pytest.fixture
def root(tmp_path):
    """Two sequences of three and two frames; frame n of a sequence has its mask at x = 10 n."""
    rng = np.random.default_rng(0)
    for sequence, count in (('00001', 3), ('00014', 2)):
        for kind in ('images', 'masks', 'densepose'):
            (tmp_path / sequence / kind).mkdir(parents=True)
        for n in range(1, count + 1):
            image = rng.integers(0, 256, (108, 60, 3), dtype=np.uint8)
            mask = np.zeros((108, 60, 3), np.uint8)  # the archive's masks have three channels
            mask[20:80, 10 * n:10 * n + 20] = 255
            cv2.imwrite(str(tmp_path / sequence / 'images' / f'{n:04d}.png'), image)
            cv2.imwrite(str(tmp_path / sequence / 'masks' / f'{n:04d}.png'), mask)
    return tmp_path


def test_frames_boxes_and_masks(root):
    dataset = DATASETS.build(dict(type='TikTokDataset', skeleton='h36m18', data_root=str(root), pipeline=PIPELINE))
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    assert [info['sample_name'] for info in infos] == [
        '00001/0001', '00001/0002', '00001/0003', '00014/0001', '00014/0002']
    assert infos[2]['bbox'].tolist() == [[30, 20, 50, 80]] and infos[2]['frame'] == 3 and infos[4]['clip'] == '00014'
    packed = dataset[1]['data_samples']
    assert packed.gt_fields.mask.mean() == pytest.approx(20 * 60 / 75**2, rel=0.03)
    assert packed.metainfo['domain'] == 'target' and packed.metainfo['box_source'] == 'mask'
    assert 'keypoints' not in packed.gt_instances and 'camera' not in packed.metainfo


def test_choices(root):
    assert len(TikTokDataset(str(root), sequences=['00014'])) == 2
    every_second = TikTokDataset(str(root), sample_interval=2)
    assert [every_second.get_data_info(i)['sample_name'] for i in range(3)] == [
        '00001/0001', '00001/0003', '00014/0001']
    with pytest.raises(ValueError, match=r"no sequences \['00002'\]"):
        TikTokDataset(str(root), sequences=['00001', '00002'])
    with pytest.raises(ValueError, match='no labels'):
        TikTokDataset(str(root), with_labels=True)
    with pytest.raises(ValueError, match="a box that is not the mask's"):
        TikTokDataset(str(root), box='root')
    with pytest.raises(ValueError, match='on_error'):
        TikTokDataset(str(root), on_error='ignore')


def test_a_black_mask_is_skipped_when_it_is_met(root):
    cv2.imwrite(str(root / '00001' / 'masks' / '0002.png'), np.zeros((108, 60), np.uint8))
    dataset = TikTokDataset(str(root), pipeline=PIPELINE)
    assert dataset.get_data_info(1)['bbox'].tolist() == [[0, 0, 60, 108]]
    assert dataset.prepare_data(1) is None


def test_missing_and_broken_files(root, tmp_path):
    (root / '00014' / 'masks' / '0001.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'00014/images/0001\.png: no mask .*00014/masks/0001\.png'):
        TikTokDataset(str(root))
    dataset = TikTokDataset(str(root), on_error='skip')
    assert len(dataset) == 4 and dataset.skipped.count == 1
    image = root / '00001' / 'images' / '0003.png'
    image.write_bytes(image.read_bytes()[:300])
    with pytest.raises(OSError, match=r'0003\.png: truncated'):
        TikTokDataset(str(root), sequences=['00001'])
    assert len(TikTokDataset(str(root), on_error='skip')) == 3
    cv2.imwrite(str(root / '00001' / 'masks' / '0001.png'), np.full((20, 20), 255, np.uint8))
    with pytest.raises(ValueError, match='mask of 20 x 20 px'):
        TikTokDataset(str(root), on_error='skip')


def test_bad_folders(root, tmp_path):
    with pytest.raises(FileNotFoundError, match='absent: no such folder'):
        TikTokDataset(str(root / 'absent'))
    (tmp_path / 'outer').mkdir()
    with pytest.raises(FileNotFoundError, match='outer: no sequence here'):
        TikTokDataset(str(tmp_path / 'outer'))
    for sequence in ('00001', '00014'):
        (tmp_path / 'outer' / 'TikTok_dataset').mkdir(exist_ok=True)
        (root / sequence).rename(tmp_path / 'outer' / 'TikTok_dataset' / sequence)
    with pytest.raises(FileNotFoundError, match=r'did you mean .*outer/TikTok_dataset\?'):
        TikTokDataset(str(tmp_path / 'outer'))
    (tmp_path / 'hollow' / '00001' / 'images').mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match='no frame can be used'):
        TikTokDataset(str(tmp_path / 'hollow'))
