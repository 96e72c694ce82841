import json
from functools import partial

import cv2
import numpy as np
import pytest

from mmxas.datasets import datasets
from mmxas.registry import DATASETS

ImageFolderDataset = partial(datasets.ImageFolderDataset, skeleton='h36m18')
PIPELINE = [dict(type='LoadXASImage'), dict(type='LoadMask'), dict(type='GetBBoxCenterScale', padding=1.25),
            dict(type='SquareCropAffine', input_size=(32, 32)), dict(type='PackXASInputs')]


@pytest.fixture
def folder(tmp_path):
    """Three photos, one in a subfolder, and masks of two of them."""
    rng = np.random.default_rng(0)
    for name in ('a.jpg', 'b.png', 'sub/c.jpg'):
        for kind in ('images', 'masks'):
            (tmp_path / kind / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / 'images' / name), rng.integers(0, 256, (40, 60, 3), dtype=np.uint8))
    for name, value in (('a', 255), ('sub/c', 255)):
        mask = np.zeros((40, 60), np.uint8)
        mask[10:30, 20:26] = value
        cv2.imwrite(str(tmp_path / 'masks' / f'{name}.png'), mask)
    return tmp_path


def test_without_masks_the_box_is_the_image(folder):
    dataset = DATASETS.build(dict(type='ImageFolderDataset', skeleton='h36m18', data_root=str(folder / 'images'),
                                  pipeline=PIPELINE))
    assert [dataset.get_data_info(i)['sample_name'] for i in range(3)] == ['a.jpg', 'b.png', 'sub/c.jpg']
    assert dataset.get_data_info(0)['bbox'].tolist() == [[0, 0, 60, 40]]
    sample = dataset[2]['data_samples']
    assert 'gt_fields' not in sample and sample.metainfo['domain'] == 'target'
    assert sample.metainfo['box_source'] == 'image' and sample.metainfo['ori_shape'] == (40, 60)


def test_masks_give_boxes_and_fields(folder, caplog):
    dataset = ImageFolderDataset(str(folder / 'images'), masks=str(folder / 'masks'), on_error='skip',
                                 pipeline=PIPELINE)
    assert len(dataset) == 2 and dataset.skipped.count == 1
    assert dataset.get_data_info(1)['bbox'].tolist() == [[20, 10, 26, 30]]
    assert dataset[1]['data_samples'].gt_fields.mask.mean() == pytest.approx(6 * 20 / 25**2, rel=0.05)
    with pytest.raises(FileNotFoundError, match=r'b\.png: no mask .*b\.png'):
        ImageFolderDataset(str(folder / 'images'), masks=str(folder / 'masks'))


def test_boxes_are_taken_from_a_file(folder):
    boxes = folder / 'boxes.json'
    boxes.write_text(json.dumps({'b.png': [1, 2, 11, 22]}))
    dataset = ImageFolderDataset(str(folder / 'images'), boxes=str(boxes))
    assert dataset.get_data_info(1)['bbox'].tolist() == [[1, 2, 11, 22]]
    assert dataset.get_data_info(1)['box_source'] == 'annotation'
    with pytest.raises(ValueError, match=r'a\.jpg: box \[5, 5, 5, 9\]'):
        ImageFolderDataset(str(folder / 'images'), boxes={'a.jpg': [5, 5, 5, 9]})


def test_keys_of_boxes_are_matched_or_refused(folder):
    images = str(folder / 'images')
    dataset = ImageFolderDataset(images, boxes={'sub\\c.jpg': [1, 2, 11, 22], '/x/photos/b.png': [3, 4, 9, 9]})
    assert [dataset.get_data_info(i)['bbox'][0].tolist() for i in range(3)] == [
        [0, 0, 60, 40], [3, 4, 9, 9], [1, 2, 11, 22]]
    with pytest.raises(ValueError, match="boxes: 'z.jpg' is not among the 3 images, which are called like 'a.jpg'"):
        ImageFolderDataset(images, boxes={'z.jpg': [1, 2, 11, 22]}, files=['a.jpg'])


def test_an_image_in_which_nobody_is_is_left_out_before_its_mask_is_asked_for(folder):
    dataset = ImageFolderDataset(str(folder / 'images'), masks=str(folder / 'masks'), boxes={'b.png': []})
    assert [dataset.get_data_info(i)['sample_name'] for i in range(len(dataset))] == ['a.jpg', 'sub/c.jpg']
    with pytest.raises(FileNotFoundError, match='none of its 3 images can be used; .* without a body'):
        ImageFolderDataset(str(folder / 'images'), boxes={'a.jpg': [], 'b.png': [], 'c.jpg': []})


@pytest.mark.parametrize(('box', 'message'), [
    ([60, 0, 90, 40], r'a\.jpg: box \[60, .*\] lies outside the image of 60 x 40 px'),
    ([-9, -9, 0, 5], r'a\.jpg: box .* lies outside'),
    ([[1, 2, 3, 4], [5, 40, 7, 48]], r'a\.jpg#2: box \[5.*\] lies outside')])
def test_a_box_that_cannot_be_cropped_names_its_image(folder, box, message):
    with pytest.raises(ValueError, match=message):
        ImageFolderDataset(str(folder / 'images'), boxes={'a.jpg': box})
    assert len(ImageFolderDataset(str(folder / 'images'), boxes={'a.jpg': [-5, -5, 1, 1]})) == 3


def test_files_are_chosen_before_the_interval(folder):
    (folder / 'files.json').write_text(json.dumps(['b.png', 'sub/c.jpg']))
    images = str(folder / 'images')
    dataset = ImageFolderDataset(images, files=str(folder / 'files.json'), sample_interval=2)
    assert [dataset.get_data_info(i)['sample_name'] for i in range(len(dataset))] == ['b.png']
    assert len(ImageFolderDataset(images, files=['b.png', 'sub/c.jpg'])) == 2
    with pytest.raises(ValueError, match="files names 'd.png', which is not among its 3 images"):
        ImageFolderDataset(images, files=['b.png', 'd.png'])


def test_black_masks_are_skipped_and_counted(folder):
    for name in ('a', 'b'):
        cv2.imwrite(str(folder / 'masks' / f'{name}.png'), np.zeros((40, 60), np.uint8))
    dataset = ImageFolderDataset(str(folder / 'images'), masks=str(folder / 'masks'))
    assert len(dataset) == 1 and dataset.skipped.count == 2
    cv2.imwrite(str(folder / 'masks' / 'sub/c.png'), np.zeros((40, 60), np.uint8))
    with pytest.raises(FileNotFoundError, match='none of its 3 images can be used'):
        ImageFolderDataset(str(folder / 'images'), masks=str(folder / 'masks'))


def test_nearly_all_masks_black_is_refused(tmp_path):
    for name in ('images', 'masks'):
        (tmp_path / name).mkdir()
        for i in range(10):
            cv2.imwrite(str(tmp_path / name / f'{i}.png'), np.eye(24, dtype=np.uint8) * (name == 'images' or i < 1))
    with pytest.raises(ValueError, match='masks: 9 of 10 masks are empty, 0 full; check the foreground with'):
        ImageFolderDataset(str(tmp_path / 'images'), masks=str(tmp_path / 'masks'))
    cv2.imwrite(str(tmp_path / 'masks/5.png'), np.eye(24, dtype=np.uint8))
    assert len(ImageFolderDataset(str(tmp_path / 'images'), masks=str(tmp_path / 'masks'))) == 2


def test_ids_in_masks_are_refused_or_chosen(folder):
    ids = np.zeros((40, 60), np.uint8)
    ids[10:30, 10:20], ids[10:30, 30:45] = 1, 2
    for name in ('a', 'b', 'sub/c'):
        cv2.imwrite(str(folder / f'masks/{name}.png'), ids if name == 'a' else ids // 2 * 255)
    both = dict(data_root=str(folder / 'images'), masks=str(folder / 'masks'), pipeline=PIPELINE)
    with pytest.raises(ValueError, match=r'a\.png: areas of several ids \(1, 2\)'):
        ImageFolderDataset(**both)
    assert len(ImageFolderDataset(**both, on_error='skip')) == 2
    dataset = ImageFolderDataset(**both, mask_ids=[2, 255])
    assert dataset.get_data_info(0)['bbox'].tolist() == [[30, 10, 45, 30]]
    assert dataset[0]['data_samples'].gt_fields.mask.mean() == pytest.approx(15 * 20 / 25**2, rel=0.05)


def test_bad_folders_and_files_are_named(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match='absent: no such folder'):
        ImageFolderDataset(str(tmp_path / 'absent'))
    (tmp_path / 'empty').mkdir()
    with pytest.raises(FileNotFoundError, match=r'empty: no image in this folder .*\.jpg'):
        ImageFolderDataset(str(tmp_path / 'empty'))
    with pytest.raises(ValueError, match='no labels'):
        ImageFolderDataset(str(folder / 'images'), with_labels=True)
    with pytest.raises(ValueError, match='on_error'):
        ImageFolderDataset(str(folder / 'images'), on_error='ignore')
    photo = folder / 'images' / 'a.jpg'
    photo.write_bytes(photo.read_bytes()[:500])
    with pytest.raises(OSError, match=r'a\.jpg: truncated image'):
        ImageFolderDataset(str(folder / 'images'))
    assert len(ImageFolderDataset(str(folder / 'images'), on_error='skip')) == 2


def test_a_broken_file_found_in_training_is_replaced_by_another_sample(folder):
    pipeline = [dict(type='LoadXASImage', on_error='skip'), *PIPELINE[1:]]
    dataset = ImageFolderDataset(str(folder / 'images'), pipeline=pipeline)
    photo = folder / 'images' / 'a.jpg'
    photo.write_bytes(photo.read_bytes()[:500])
    np.random.seed(0)
    assert dataset[0]['data_samples'].metainfo['sample_name'] != 'a.jpg'


@pytest.fixture
def video(tmp_path):
    """Six frames, frame i of grey level 20 + 30 i, and masks of frames 1 to 5; the last one is black."""
    path = tmp_path / 'clip.avi'
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*'FFV1'), 25, (64, 48))
    for i in range(6):
        writer.write(np.full((48, 64, 3), 20 + 30 * i, np.uint8))
    writer.release()
    for i in range(1, 6):
        (tmp_path / 'masks' / 'clip').mkdir(parents=True, exist_ok=True)
        mask = np.zeros((48, 64), np.uint8)
        mask[10:30, 20 + i:30 + i] = 255 * (i < 5)
        cv2.imwrite(str(tmp_path / 'masks' / 'clip' / f'{i:06d}.png'), mask)
    return path


def test_a_video_is_a_folder_of_frames(video):
    dataset = DATASETS.build(dict(type='ImageFolderDataset', skeleton='h36m18', data_root=str(video), pipeline=PIPELINE,
                                  boxes={'clip.avi:2': [4, 5, 40, 41]}, sample_interval=2))
    assert [dataset.get_data_info(i)['sample_name'] for i in range(3)] == ['clip.avi:0', 'clip.avi:2', 'clip.avi:4']
    for index in (2, 0, 1):
        packed = dataset[index]
        assert abs(float(packed['inputs'].float().max()) - (20 + 60 * index)) < 4
        assert packed['data_samples'].metainfo['img_path'] is None
        assert packed['data_samples'].metainfo['frame'] == 2 * index
    assert dataset.get_data_info(1)['bbox'].tolist() == [[4, 5, 40, 41]]
    assert dataset.get_data_info(0)['bbox'].tolist() == [[0, 0, 64, 48]]


def test_masks_of_a_video(video):
    with pytest.raises(FileNotFoundError, match=r'clip\.avi:0: no mask .*clip/000000\.png'):
        ImageFolderDataset(str(video), masks=str(video.parent / 'masks'))
    dataset = ImageFolderDataset(str(video), masks=str(video.parent / 'masks'), on_error='skip', pipeline=PIPELINE)
    assert len(dataset) == 4 and dataset.skipped.count == 2  # one has no mask, one a black one
    assert dataset.get_data_info(2)['bbox'].tolist() == [[23, 10, 33, 30]]
    assert dataset[2]['data_samples'].gt_fields.mask.mean() == pytest.approx(10 * 20 / 25**2, rel=0.05)
    broken = video.parent / 'masks' / 'clip' / '000003.png'
    broken.write_bytes(broken.read_bytes()[:40])
    assert len(ImageFolderDataset(str(video), masks=str(video.parent / 'masks'), on_error='skip')) == 3
    cv2.imwrite(str(broken), np.full((24, 32), 255, np.uint8))
    with pytest.raises(ValueError, match=r'000003\.png: mask of 32 x 24 px, but its image clip\.avi:3 has 64 x 48 px'):
        ImageFolderDataset(str(video), masks=str(video.parent / 'masks'), on_error='skip')


def test_a_truncated_video_is_refused_or_used_as_far_as_it_goes(video):
    data = video.read_bytes()
    last = data.rindex(b'00dc', 0, data.rindex(b'idx1'))  # the last frame, before the index
    video.write_bytes(data[:last - 20])
    with pytest.raises(OSError, match=r'clip\.avi: truncated video, the file lacks 290 of the bytes'):
        ImageFolderDataset(str(video))
    assert 0 < len(ImageFolderDataset(str(video), on_error='skip')) < 6


def read(dataset):
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    return [(info['sample_name'], info['bbox'][0].tolist()) for info in infos]


def two_masks(folder):
    for number, left in ((1, 5), (2, 40)):
        mask = np.zeros((40, 60), np.uint8)
        mask[10:30, left:left + 10] = 255
        cv2.imwrite(str(folder / f'masks/a.{number}.png'), mask)
    (folder / 'masks/a.png').unlink()


def test_two_boxes_or_two_masks_are_two_samples(folder):
    images, masks, two = str(folder / 'images'), str(folder / 'masks'), [[0, 5, 20, 35], [35, 5, 60, 35]]
    assert read(ImageFolderDataset(images, boxes={'a.jpg': two}))[:3] == [
        ('a.jpg#1', two[0]), ('a.jpg#2', two[1]), ('b.png', [0, 0, 60, 40])]
    two_masks(folder)
    dataset = ImageFolderDataset(images, masks=masks, on_error='skip', pipeline=PIPELINE)
    assert read(dataset)[:2] == [('a.jpg#1', [5, 10, 15, 30]), ('a.jpg#2', [40, 10, 50, 30])]
    assert dataset[1]['data_samples'].metainfo['sample_name'] == 'a.jpg#2'
    assert dataset[1]['data_samples'].gt_fields.mask.mean() == pytest.approx(10 * 20 / 25**2, rel=0.05)
    both = ImageFolderDataset(images, masks=masks, boxes={'a.jpg': two}, on_error='skip')
    assert read(both)[:2] == [('a.jpg#1', two[0]), ('a.jpg#2', two[1])]
    of_bodies = {'C:\\photos\\a.jpg#1': two[0], 'a.jpg#2': two[1]}
    assert read(ImageFolderDataset(images, masks=masks, boxes=of_bodies, on_error='skip')) == read(both)
    assert len(ImageFolderDataset(images, masks=masks, boxes={'a.jpg': []}, on_error='skip')) == 1
    chosen = ImageFolderDataset(images, masks=masks, files=['a.jpg#2', 'sub/c.jpg'])
    assert [name for name, _ in read(chosen)] == ['a.jpg#2', 'sub/c.jpg']


def test_one_mask_of_two_boxes_and_one_box_of_two_masks_are_refused(folder):
    images, masks = str(folder / 'images'), str(folder / 'masks')
    two = {'a.jpg': [[0, 5, 20, 35], [35, 5, 60, 35]]}
    with pytest.raises(ValueError, match=r'a\.jpg: 2 boxes but 1 masks; several bodies have a mask each, a\.1\.png'):
        ImageFolderDataset(images, masks=masks, boxes=two, on_error='skip')
    two_masks(folder)
    with pytest.raises(ValueError, match=r'a\.jpg: 1 boxes but 2 masks'):
        ImageFolderDataset(images, masks=masks, boxes={'a.jpg': [0, 5, 20, 35]}, on_error='skip')
    (folder / 'masks/a.1.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'no mask .*masks/a\.1\.png'):
        ImageFolderDataset(images, masks=masks, boxes=two)


def test_names_of_macos_match_those_of_others(folder):
    (folder / 'images/a.jpg').rename(folder / 'images/u\u0308.jpg')
    (folder / 'masks/a.png').rename(folder / 'masks/\u00fc.png')
    dataset = ImageFolderDataset(str(folder / 'images'), masks=str(folder / 'masks'), files=['\u00fc.jpg'])
    assert read(dataset) == [('u\u0308.jpg', [20, 10, 26, 30])]


def test_files_that_macos_leaves_are_no_images_and_frames_are_in_order(folder):
    for name in ('10.jpg', '9.jpg'):
        (folder / 'images' / name).write_bytes((folder / 'images/a.jpg').read_bytes())
    (folder / 'images/._9.jpg').write_bytes(b'\0\5\x16\7')
    assert [name for name, _ in read(ImageFolderDataset(str(folder / 'images')))] == [
        '9.jpg', '10.jpg', 'a.jpg', 'b.png', 'sub/c.jpg']
