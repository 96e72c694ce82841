"""Which masks the data sets of a config read."""
import json
import pickle

import numpy as np
import pytest

import mmxas  # noqa: F401  registers the components
from mmxas.datasets.dataset_masks import find_mask_sets

FOLDER = 'S{subject}/S{subject}_Walking_1.54138969'


def write_frames(root, name, subject, count=3):
    """An npz of frames in mmpose's layout, without images."""
    folder = FOLDER.format(subject=subject)
    names = [f'{folder}/S{subject}_Walking_1.54138969_{i + 1:06d}.jpg' for i in range(count)]
    part = np.random.default_rng(subject).uniform(50, 150, (count, 17, 3))
    pose = np.random.default_rng(0).uniform([-0.5, -0.8, 4.5, 1], [0.5, 0.8, 5.5, 1], (count, 17, 4))
    np.savez(root / name, imgname=np.array(names), center=np.full((count, 2), 100.0), scale=np.full(count, 0.5), S=pose,
             part=part)
    return part


@pytest.fixture
def data(tmp_path):
    parts = {split: write_frames(tmp_path, f'{split}.npz', subject) for split, subject in (('train', 1), ('test', 9))}
    camera = dict(f=np.full((2, 1), 250.0), c=np.full((2, 1), 100.0))
    cameras = {(subject, '54138969'): camera for subject in ('S1', 'S9')}
    (tmp_path / 'cameras.pkl').write_bytes(pickle.dumps(cameras))
    return tmp_path, parts


def frames_of(root, split, **options):
    return dict(dict(type='H36MPoseDataset', data_root=str(root), ann_file=f'{split}.npz',
                     data_prefix=dict(img='images', mask='masks'), pipeline=[dict(type='Nothing')], skeleton='h36m18'),
                     **options)


def config(train, test=None):
    pairs = dict(type='SyntheticPairDataset', data_root='nowhere', skeleton='h36m18')
    return dict(train_dataloader=dict(dataset=dict(type='PairedDataset', synthetic=pairs, target=train)),
                test_dataloader=dict(dataset=test) if test else None)


def test_images_boxes_and_the_place_of_the_masks(data):
    root, parts = data
    (masks, ) = find_mask_sets(config(frames_of(root, 'train', sample_interval=2)))
    assert masks.out == root / 'masks'
    assert [frame.name for frame in masks.frames] == [
        f'{FOLDER.format(subject=1)}/S1_Walking_1.54138969_{number:06d}.jpg' for number in (1, 3)]
    first = masks.frames[0]
    assert first.source == root / 'images' / first.name and first.mask_name == first.name.replace('.jpg', '.png')
    (box, ) = masks.boxes[first.name]
    low, high = parts['train'][0, :, :2].min(0), parts['train'][0, :, :2].max(0)
    assert (np.array(box[:2]) < low).all() and (np.array(box[2:]) > high).all()


def test_data_sets_that_share_a_folder_are_one_set_and_images_stand_once(data):
    root, _ = data
    mixed = dict(type='MixedDataset', datasets=[frames_of(root, 'train'), frames_of(root, 'train', sample_interval=2)])
    (masks, ) = find_mask_sets(config(mixed, frames_of(root, 'test', with_labels=True)))
    assert len(masks.frames) == 6 and {name[:2] for name in masks.boxes} == {'S1', 'S9'}
    assert all(len(boxes) == 1 for boxes in masks.boxes.values())
    without = frames_of(root, 'test', data_prefix=dict(img='images'))
    assert len(find_mask_sets(config(frames_of(root, 'train'), without))[0].frames) == 3


def test_people_of_one_image_have_a_box_each(tmp_path):
    people = [dict(image=image, center=[50 + 40 * i, 60], scale=0.25, joints=[[1, 1]] * 16, joints_vis=[1] * 16)
              for i, image in enumerate(('a.jpg', 'a.jpg', 'b.jpg'))]
    (tmp_path / 'people.json').write_text(json.dumps(people))
    mpii = dict(type='MPIIPoseDataset', data_root=str(tmp_path), ann_file='people.json', mask_coverage=(0.1, 0.7),
                data_prefix=dict(img='images', mask='masks'), skeleton='h36m18')
    (masks, ) = find_mask_sets(dict(test_dataloader=dict(dataset=mpii)))
    assert [(frame.name, frame.mask_name) for frame in masks.frames] == [('a.jpg', 'a.png'), ('b.jpg', 'b.png')]
    assert {name: len(boxes) for name, boxes in masks.boxes.items()} == {'a.jpg': 2, 'b.jpg': 1}
    assert masks.boxes['a.jpg'][1][0] - masks.boxes['a.jpg'][0][0] == 40


def test_configs_without_masks_and_without_annotations(data):
    root, _ = data
    with pytest.raises(ValueError, match='no data set of the config reads masks from a folder'):
        find_mask_sets(config(frames_of(root, 'train', data_prefix=dict(img='images'))))
    with pytest.raises(FileNotFoundError, match='none.npz'):
        find_mask_sets(config(frames_of(root, 'none')))
