"""StanfordExtra: keypoints by name, masks, splits, photos of several dogs, bad files; the real photos."""
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData
from pycocotools import mask as coco

from mmxas.datasets.transforms.loading import recorded_skips
from mmxas.registry import DATASETS, METRICS
from mmxas.structures import load_skeleton
from projects.animal.animal.stanford_extra import FILE_KEYPOINTS, StanfordExtraDataset

DATA = Path(os.environ.get('MMXAS_DATA_DIR') or Path(__file__).parents[3] / '../shared/data').resolve()
PHOTOS = DATA / 'stanford_extra'
DOG26 = load_skeleton('projects/animal/data/dog26.json')
PIPELINE = [dict(type='LoadXASImage'), dict(type='LoadMask'), dict(type='GetBBoxCenterScale', padding=1.25),
            dict(type='SquareCropAffine', input_size=(64, 64)), dict(type='PackXASInputs')]


@pytest.fixture(autouse=True)
def scope():
    """Transforms of the pipeline are mmpose's."""
    with DefaultScope.overwrite_default_scope('mmpose'):
        yield


def entry(number):
    mask = np.zeros((40, 60), np.uint8)
    mask[10:30, 5 + number:45] = 1
    joints = [[10.0 + k, 20.0 + k, float(k != 3)] if k < 20 else [0.0, 0.0, 0.0] for k in range(24)]
    return dict(img_path=f'n01-Some_breed/{number}.jpg', img_width=60, img_height=40, img_bbox=[4, 9, 42, 22],
                joints=joints, seg=coco.encode(np.asfortranarray(mask))['counts'].decode(),
                is_multiple_dogs=number == 2)


@pytest.fixture
def root(tmp_path):
    """Four photos, the third of several dogs, split into two, one and one."""
    write(tmp_path, [entry(number) for number in range(4)])
    (tmp_path / 'Images' / 'n01-Some_breed').mkdir(parents=True)
    for number in range(4):
        cv2.imwrite(str(tmp_path / 'Images' / f'n01-Some_breed/{number}.jpg'), np.full((40, 60, 3), 90, np.uint8))
    for split, places in dict(train=[3, 0], val=[1], test=[2]).items():
        np.save(tmp_path / f'{split}_stanford_StanExt_v12.npy', np.array(places))
    return tmp_path


def write(root, entries):
    (root / 'StanfordExtra_v12.json').write_text(json.dumps(entries))


def build(root, **options):
    options = {'pipeline': PIPELINE, 'with_labels': True, **options}
    return DATASETS.build(dict(type='StanfordExtraDataset', data_root=str(root), **options))


def names(dataset):
    return [Path(dataset.get_data_info(i)['sample_name']).stem for i in range(len(dataset))]


def test_keypoints_go_by_name(root):
    info = build(root).get_data_info(0)
    shown = {DOG26.keypoints[k] for k in np.flatnonzero(info['keypoints_visible'][0])}
    assert shown == set(FILE_KEYPOINTS[:20]) - {FILE_KEYPOINTS[3]} and 'root' not in shown
    for k in (0, 7, 16, 19):
        place = DOG26.keypoints.index(FILE_KEYPOINTS[k])
        np.testing.assert_array_equal(info['keypoints'][0, place], [10 + k, 20 + k])
    assert not info['keypoints'][0, DOG26.keypoints.index(FILE_KEYPOINTS[3])].any()


def test_mask_box_breed_and_number_of_dogs(root):
    dataset = build(root)
    info = dataset.get_data_info(2)
    assert info['mask'].shape == (40, 60) and info['mask'][10:30, 7:45].min() == 255 and info['mask'].sum() == 255 * 760
    np.testing.assert_array_equal(info['bbox'], [[7, 10, 45, 30]])
    assert (info['subject'], info['several'], info['box_source']) == ('Some_breed', True, 'mask')
    np.testing.assert_array_equal(build(root, box='annotation').get_data_info(2)['bbox'], [[4, 9, 46, 31]])
    assert dataset[2]['data_samples'].several is True and dataset[2]['data_samples'].gt_fields.mask.shape == (1, 64, 64)


def test_without_labels_there_are_none(root):
    info = build(root, with_labels=False).get_data_info(0)
    assert not {'keypoints', 'keypoints_visible', 'joints'} & set(info)


def test_splits_by_places_and_by_paths(root):
    assert [names(build(root, split=split)) for split in ('train', 'val', 'test')] == [['3', '0'], ['1'], ['2']]
    np.save(root / 'val_stanford_StanExt_v12.npy', np.array(['n01-Some_breed/2.jpg']))
    assert names(build(root, split='val')) == ['2'] and len(build(root)) == 4
    assert names(build(root, several='drop')) == ['0', '1', '3']


def test_without_split_files_all_entries_only_where_that_is_asked_for(root):
    (root / 'test_stanford_StanExt_v12.npy').unlink()
    with pytest.raises(FileNotFoundError, match=r'test_\*\.npy: one file expected, the places of .* there are: none'):
        build(root, split='test', missing_split='all')  # the others are there: this folder is no sample
    for split in ('train', 'val'):
        (root / f'{split}_stanford_StanExt_v12.npy').unlink()
    dataset = build(root, split='test', missing_split='all')
    assert len(dataset) == 4 and dataset.split == 'all'


def test_splits_of_other_annotations_are_refused(root):
    np.save(root / 'val_stanford_StanExt_v12.npy', np.array([1, 4]))
    with pytest.raises(ValueError, match='places 1 to 4, but the annotations have 4 entries'):
        build(root, split='val')
    np.save(root / 'val_stanford_StanExt_v12.npy', np.array(['n01-Some_breed/9.jpg']))
    with pytest.raises(ValueError, match='1 of its images are not annotated, the first is n01-Some_breed/9.jpg'):
        build(root, split='val')
    np.save(root / 'val_stanford_StanExt_v12.npy', np.array([0.5]))
    with pytest.raises(ValueError, match='places or image paths expected, found float64'):
        build(root, split='val')


@pytest.mark.parametrize(('changes', 'message'), [
    (dict(seg=None), r'entry 1 \(n01-Some_breed/1.jpg\): no mask; set on_error'),
    *((dict(seg=text), r'1.jpg\): run lengths: ')
      for text in ('0' * 3, '5\x07', '5z', '5o', 'o' * 13 + '0', 'O6', 'é', coco.encode(
          np.ones((20, 60), np.uint8, order='F'))['counts'].decode(), coco.encode(
              np.ones((41, 60), np.uint8, order='F'))['counts'].decode())),
    (dict(seg=coco.encode(np.zeros((40, 60), np.uint8, order='F'))['counts'].decode()), 'all black'),
    (dict(seg=[[1, 2, 3, 4, 5, 6]]), r'entry 1 \(n01-Some_breed/1.jpg\): seg is of type list, expected COCO'),
    (dict(seg=7), 'seg is of type int'),
    (dict(seg=dict(size=[60, 40], counts='x')), r'1.jpg\): seg has the size \[60, 40\], expected \[40, 60\]'),
    (dict(seg=dict(counts='x')), 'seg has the size None'),
    (dict(seg=dict(size=[40, 60], counts=[2400])), 'seg is of type list'),
    (dict(img_width=None), r'1.jpg\): img_height 40 and img_width None, expected two numbers of px'),
    (dict(img_height=-40), 'img_height -40 and img_width 60'),
    (dict(img_path=5), 'entry 1: img_path 5, expected the path of a photo'),
    (dict(joints=[[1, 2, 1], [3]]), r'1.jpg\): joints of 24 times x, y and visibility expected'),
    (dict(joints=[['a', 2, 1]] * 24), r'1.jpg\): joints of 24 times'),
    (dict(img_width=40, img_height=60), 'annotated in 40 x 60 px, but its photo .* has 60 x 40 px'),
])
def test_entries_that_cannot_be_used_are_named_or_left_out(root, changes, message):
    entries = [entry(number) for number in range(4)]
    write(root, [entries[0], {**entries[1], **changes}, *entries[2:]])
    with pytest.raises(ValueError, match=message):
        build(root)
    assert names(build(root, on_error='skip')) == ['0', '2', '3']


@pytest.mark.parametrize('box', [[1, 2, 3], [1, 2, 3, 0], [1, 2, 3, 'x'], [1, 2, 3, float('nan')], 7, None])
def test_annotated_boxes_that_are_none_are_named_or_left_out(root, box):
    write(root, [entry(0), {**entry(1), 'img_bbox': box}])
    with pytest.raises(ValueError, match=r'entry 1 \(n01-Some_breed/1.jpg\): img_bbox .*, expected \(x, y, width, h'):
        build(root, box='annotation')
    assert names(build(root, box='annotation', on_error='skip')) == ['0'] and len(build(root)) == 2


def test_masks_in_the_form_of_coco(root):
    expected = build(root).get_data_info(1)['mask']
    write(root, [{**entry(n), 'seg': dict(size=[40, 60], counts=entry(n)['seg'])} for n in range(4)])
    np.testing.assert_array_equal(build(root).get_data_info(1)['mask'], expected)


def test_a_keypoint_that_is_no_number_is_not_visible(root):
    changed = entry(0)
    changed['joints'][0], changed['joints'][1][1] = [float('nan'), 20.0, 1.0], None
    write(root, [changed])
    info = build(root).get_data_info(0)
    assert np.isfinite(info['keypoints']).all() and info['keypoints_visible'].sum() == 17
    assert not info['keypoints_visible'][0, [DOG26.keypoints.index(name) for name in FILE_KEYPOINTS[:2]]].any()


def test_files_of_another_form_are_refused(root):
    for content, message in (({}, 'a list of entries expected'), ([dict(img_path='x')], 'entry 0 has no img_width'),
                             ([{**entry(0), 'joints': [[0, 0, 1]]}], r'joints of shape \(1, 3\), expected \(24, 3\)')):
        write(root, content)
        with pytest.raises(ValueError, match=message):
            build(root)
    write(root, [entry(7)])
    with pytest.raises(OSError, match='7.jpg: no such file; set on_error'):
        build(root)
    with pytest.raises(ValueError, match='none of 1 entries is left .* 1 skipped'):
        build(root, on_error='skip')
    (root / 'StanfordExtra_v1.json').write_text('[]')
    with pytest.raises(FileNotFoundError, match='there are: StanfordExtra_v1.json, StanfordExtra_v12.json'):
        build(root)


def test_arguments_and_skeletons_are_checked(root):
    with pytest.raises(ValueError, match="split='training', expected one of"):
        StanfordExtraDataset(split='training')
    with pytest.raises(ValueError, match="'h36m18' has no left_front_paw"):
        build(root, skeleton='h36m18')


@pytest.mark.skipif(not PHOTOS.is_dir(), reason=f'no sample of StanfordExtra in {PHOTOS} (set MMXAS_DATA_DIR)')
def test_the_real_photos_and_their_keypoints_on_the_masks():
    dataset = build(PHOTOS, split='test', missing_split='all')
    assert len(dataset) == 10
    inside, counted = 0, 0
    for i in range(10):
        info = dataset.get_data_info(i)
        assert cv2.imread(info['img_path']).shape[:2] == info['mask'].shape
        body = cv2.dilate(info['mask'], np.ones((9, 9), np.uint8))
        x, y = info['keypoints'][0, info['keypoints_visible'][0] > 0].round().astype(int).T
        inside, counted = inside + (body[y, x] > 0).sum(), counted + len(x)
    assert counted > 100 and inside / counted > 0.95


def twins(touching=False, **changes):
    """Two dogs side by side: the left one is annotated, with a tail that a pole cuts off."""
    mask = np.zeros((40, 60), np.uint8)
    mask[10:30, 4:12] = mask[10:30, 14:24] = 1  # the annotated dog, in two pieces
    mask[10:30, 24 if touching else 36:56] = 1
    joints = [[float(5 + k), 20.0, 1.0] if k < 18 else [0.0, 0.0, 0.0] for k in range(24)]
    return {**entry(2), 'img_bbox': [4, 9, 20, 22], 'joints': joints,
            'seg': coco.encode(np.asfortranarray(mask))['counts'].decode(), **changes}


def test_of_several_dogs_mask_box_and_threshold_are_the_annotated_ones(root):
    write(root, [entry(0), twins()])
    info = build(root).get_data_info(1)
    np.testing.assert_array_equal(info['bbox'], [[4, 10, 24, 30]])
    assert (info['mask'] > 0).sum() == 20 * 18 and not info['mask'][:, 24:].any()
    metric = METRICS.build(dict(type='MaskPCKMetric', skeleton='projects/animal/data/dog26.json', thresholds=(0.1, )))
    sample = build(root)[1]['data_samples']
    off = sample.gt_instances.keypoints + np.float32([0, 0.1 * np.sqrt(20 * 18) * 1.1])  # 0.85 of it with both dogs
    points = np.concatenate([off, np.zeros_like(off[..., :1])], axis=2)
    sample.set_field(InstanceData(keypoints=points, keypoint_scores=np.ones(points.shape[:2])), 'pred_instances')
    metric.process(None, [sample.to_dict()])
    assert metric.results[0]['top1']['PCK@0.1'] == 0


def test_without_visible_keypoints_the_box_chooses_the_dog(root):
    write(root, [twins(joints=[[0.0, 0.0, 0.0]] * 24, img_bbox=[36, 9, 20, 22])])
    np.testing.assert_array_equal(build(root).get_data_info(0)['bbox'], [[36, 10, 56, 30]])


@pytest.mark.parametrize(('unclear', 'why'), [
    (twins(touching=True), 'overlaps the box by 0.36'),
    (twins(img_bbox=[36, 9, 20, 22]), 'holds 0 of 16 keypoints'),
])
def test_where_the_annotated_dog_is_not_clear_the_photo_is_left_out_by_name(root, unclear, why):
    write(root, [entry(0), unclear])
    with recorded_skips() as reasons:
        assert names(build(root)) == ['0']
    assert len(reasons) == 1 and 'entry 1 (n01-Some_breed/2.jpg): several dogs' in reasons[0] and why in reasons[0]
    assert len(build(root, several='drop')) == 1
