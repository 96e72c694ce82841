"""MPII in mmpose's layout: the mapping, pixels that count from 1, head sizes, what is left out, and bad files."""
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from scipy.io import savemat

from mmxas.datasets.datasets.mpii import FROM_16, MPIIPoseDataset, to_18
from mmxas.registry import DATASETS
from mmxas.structures import load_skeleton

ROOT = Path(__file__).parents[3]

NAMES = ('right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee', 'left_ankle', 'pelvis', 'thorax',
         'upper_neck', 'head_top', 'right_wrist', 'right_elbow', 'right_shoulder', 'left_shoulder', 'left_elbow',
         'left_wrist')
SAME = {'root': 'pelvis', 'neck': 'upper_neck', 'head': 'head_top'}
PIPELINE = [dict(type='LoadXASImage'), dict(type='LoadMask', on_empty='keep'),
            dict(type='GetBBoxCenterScale', padding=1.25), dict(type='SquareCropAffine', input_size=(64, 64)),
            dict(type='PackXASInputs')]
COVERAGE = (0.4, 0.05, 0.8, 0.3)  # of the masks of the four people


def _person(i):
    joints = [[float(20 + 3 * k + i), float(30 + 2 * k)] for k in range(16)]
    person = dict(image=f'0156018{i:02d}.jpg', center=[60.0, 50.0], scale=0.4, joints=joints, joints_vis=[1] * 16)
    if i == 3:
        person['joints'][0], person['joints_vis'][0] = [-1.0, -1.0], 0
    return person


@pytest.fixture
def root(tmp_path):
    """Four people; masks that cover too little, too much, and one person without a right ankle."""
    for folder in ('images', 'masks', 'annotations'):
        (tmp_path / folder).mkdir()
    people = [_person(i) for i in range(4)]
    for person, coverage in zip(people, COVERAGE):
        cv2.imwrite(str(tmp_path / 'images' / person['image']), np.full((100, 120, 3), 90, np.uint8))
        mask = np.zeros((100, 120), np.uint8)
        mask[:round(100 * coverage)] = 255
        cv2.imwrite(str(tmp_path / 'masks' / person['image'].replace('jpg', 'png')), mask)
    (tmp_path / 'annotations' / 'mpii_val.json').write_text(json.dumps(people))
    boxes = np.array([[[10, 20], [10 + 30 * (i + 1), 20 + 40 * (i + 1)]] for i in range(4)], float)  # (n, 2, 2)
    savemat(tmp_path / 'annotations' / 'mpii_gt_val.mat', dict(headboxes_src=boxes.transpose(1, 2, 0)))
    return tmp_path


def _build(root, **kwargs):
    kwargs = {'headbox_file': 'annotations/mpii_gt_val.mat', 'data_prefix': dict(img='images', mask='masks'),
              'with_labels': True, 'pipeline': PIPELINE, 'test_mode': True, **kwargs}
    return DATASETS.build(dict(type='MPIIPoseDataset', data_root=str(root), ann_file='annotations/mpii_val.json',
                               **kwargs, skeleton='h36m18'))


def test_the_mapping_joins_equal_names():
    for name, source in zip(load_skeleton('h36m18').keypoints, FROM_16):
        if source >= 0:
            assert SAME.get(name, name) == NAMES[source]
    assert [name for name, source in zip(load_skeleton('h36m18').keypoints, FROM_16) if source < 0] == [
        'torso', 'nose']
    out = to_18(np.arange(32.0).reshape(16, 2), np.arange(16) != 6)
    assert out['keypoints_visible'][0].tolist() == [0, 1, 1, 1, 1, 1, 1, 0, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1]
    assert out['keypoints'][0, 3].tolist() == [0, 1] and out['keypoints'][0, 0].tolist() == [0, 0]


def test_a_packed_sample(root):
    dataset = _build(root)
    assert len(dataset) == 4
    sample = dataset[1]['data_samples']
    truth = sample.gt_instances
    assert truth.head_size[0, 0] == pytest.approx(0.6 * 100)  # a 60 x 80 box
    assert truth.keypoints[0, 10].tolist() == [20 + 27 + 1 - 1, 30 + 18 - 1]  # head top, counted from 0
    assert truth.keypoints_visible.sum() == 16
    assert 'keypoints_cam' not in truth and 'keypoint_norm' not in sample.gt_instance_labels
    assert sample.metainfo['sample_name'] == '015601801.jpg#1' and sample.metainfo['box_source'] == 'annotation'
    # 0.4 * 200 px, 15 * 0.4 px further down, pixel 59 at 59.5 on the scale of boxes
    assert truth.bboxes[0].tolist() == pytest.approx([19.5, 15.5, 99.5, 95.5])
    assert np.max(sample.metainfo['input_scale']) == pytest.approx(100)  # the crop is 1.25 times larger
    warp = sample.metainfo['warp_mat']
    assert warp @ [59, 55, 1] == pytest.approx([31.5, 31.5])  # the centre of the crop


def test_what_is_left_out_is_counted(root):
    dataset = _build(root, mask_coverage=(0.1, 0.7), complete=True)
    assert len(dataset) == 1 and dataset.left_out == {
        'a keypoint is not annotated': 1, 'the mask covers too little or too much': 2}
    assert dataset[0]['data_samples'].gt_instances.head_size[0, 0] == pytest.approx(30)  # of the right person
    assert len(_build(root, complete=True)) == 3
    hidden = _build(root)[3]['data_samples'].gt_instances
    assert hidden.keypoints_visible[0, 3] == 0 and hidden.keypoints[0, 3].tolist() == [0, 0]
    with pytest.raises(ValueError, match='none of 4 people is left'):
        _build(root, mask_coverage=(0.9, 1.0))


@pytest.mark.parametrize('coverage', [0.0, 0.02, 0.05, 0.09, 0.12, 0.2, 0.25, 0.3, 0.5, 0.69, 0.75])
def test_the_configs_masks_are_those_that_the_released_code_keeps(root, coverage):
    """That one sums a mask's three channels."""
    shape = cv2.imread(str(root / 'masks' / '015601802.png')).shape
    mask = np.zeros(shape[:2], np.uint8)
    mask.flat[:round(coverage * mask.size)] = 255
    cv2.imwrite(str(root / 'masks' / '015601802.png'), mask)
    ones = cv2.imread(str(root / 'masks' / '015601802.png')) / 255
    area = shape[0] * shape[1]
    released = 0.1 * area <= ones.sum() <= 0.7 * area
    limits = Config.fromfile(ROOT / 'configs/_base_/datasets/mpii.py').test_dataloader.dataset.mask_coverage
    dataset = _build(root, mask_coverage=limits)
    kept = [dataset.get_data_info(index)['sample_name'] for index in range(len(dataset))]
    assert ('015601802.jpg' in str(kept)) == released


def test_without_labels_nothing_of_them_is_packed(root):
    sample = _build(root, with_labels=False, headbox_file=None)[0]['data_samples']
    assert not {'keypoints', 'keypoints_visible', 'head_size'} & set(sample.gt_instances.keys())


def test_boxes_of_masks_and_head_boxes_of_the_json(root):
    path = root / 'annotations' / 'mpii_val.json'
    people = json.loads(path.read_text())
    for person in people:
        person['headbox'] = [1, 1, 4, 5]
    path.write_text(json.dumps(people))
    dataset = _build(root, headbox_file=None, box='mask')
    assert dataset[0]['data_samples'].gt_instances.bboxes[0].tolist() == [0, 0, 120, 40]
    assert dataset[0]['data_samples'].gt_instances.head_size[0, 0] == pytest.approx(3)


def test_bad_files(root):
    (root / 'masks' / '015601802.png').unlink()
    with pytest.raises(OSError, match=r"015601802\.jpg: no mask .*015601802\.png; set on_error='skip'"):
        _build(root)
    dataset = _build(root, on_error='skip')
    assert len(dataset) == 3 and dataset.skipped.count == 1
    savemat(root / 'annotations' / 'mpii_gt_val.mat', dict(other=1))
    with pytest.raises(ValueError, match=r'headboxes_src of shape \(0,\), expected \(2, 2, 4\)'):
        _build(root)
    with pytest.raises(FileNotFoundError, match=r'none\.mat: no such file'):
        _build(root, headbox_file='none.mat')
    with pytest.raises(ValueError, match='no head boxes'):
        _build(root, headbox_file=None)
    path = root / 'annotations' / 'mpii_val.json'
    people = json.loads(path.read_text())
    path.write_text(json.dumps([{**people[0], 'joints': [[1, 2]] * 14}]))
    with pytest.raises(ValueError, match=r'person 0 has joints of shape \(14, 2\)'):
        _build(root)
    path.write_text(json.dumps([{'image': 'x.jpg'}]))
    with pytest.raises(ValueError, match=r"person 0 has no \['center', 'joints'"):
        _build(root)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r'mmxas convert mpii'):
        _build(root)


def test_bad_arguments(root):
    with pytest.raises(ValueError, match="box='root' needs 3D labels"):
        _build(root, box='root')
    with pytest.raises(ValueError, match='need the folder of masks'):
        _build(root, mask_coverage=(0.1, 0.7), data_prefix=dict(img='images'))
    with pytest.raises(ValueError, match='on_error'):
        MPIIPoseDataset('x.json', on_error='ignore', skeleton='h36m18')
