import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmxas.datasets.datasets import H36MPoseDataset, MPIINF3DHPDataset, MPIIPoseDataset, TikTokDataset
from mmxas.evaluation.compare import differences
from mmxas.evaluation.context import EvaluationContext, checkpoint_facts, dataset_facts


class Frames(list):
    ann_file, subjects, box, sample_interval = Path('h36m_test.npz'), ('S9', 'S11'), 'root', 5
    indices, actions = None, object()


def test_a_checkpoint_is_its_file_and_hash(tmp_path):
    path = tmp_path / 'a.pth'
    path.write_bytes(b'weights' * 1000)
    assert checkpoint_facts(str(path)) == {
        'file': str(path), 'sha256': hashlib.sha256(b'weights' * 1000).hexdigest()}


def test_weights_from_elsewhere_have_no_hash():
    assert checkpoint_facts('https://a.b/c.pth') == {'file': 'https://a.b/c.pth', 'sha256': None}
    assert checkpoint_facts(None) == {'file': None, 'sha256': None}


def test_what_a_data_set_says_of_itself():
    assert dataset_facts(Frames([1, 2, 3]), 'test') == {
        'type': 'Frames', 'mode': 'test', 'count': 3, 'ann_file': 'h36m_test.npz', 'subjects': ['S9', 'S11'],
        'box': 'root', 'sample_interval': 5}


def test_the_annotation_file_is_named_from_the_data_root():
    frames = Frames([1])
    frames.data_root, frames.ann_file = '/mnt/h36m', '/mnt/h36m/fps10/test.npz'
    assert dataset_facts(frames, 'val')['ann_file'] == 'fps10/test.npz'


def test_nothing_is_known_by_default():
    assert EvaluationContext() == EvaluationContext(None, {}, {})


def write_frames(folder, *names):
    """Images, and an npz of them without poses."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / name), np.full((20, 20, 3), 255, np.uint8))
    np.savez(folder / 'a.npz', imgname=np.array(names), center=np.full((len(names), 2), 10.0),
             scale=np.full(len(names), 0.1))


def test_recorded_frames_name_their_split(tmp_path):
    write_frames(tmp_path, *(f'{s}_Walking_1.54138969_000001.jpg' for s in ('S9', 'S11')))
    kwargs = dict(ann_file='a.npz', data_root=str(tmp_path), box='annotation')
    facts = [dataset_facts(H36MPoseDataset(subjects=[subject], cameras=['54138969'], **kwargs, skeleton='h36m18'),
                           'test')
             for subject in ('S9', 'S11')]
    assert facts[0] == dict(
        type='H36MPoseDataset', mode='test', count=1, ann_file='a.npz', data_root=str(tmp_path), subjects=['S9'],
        cameras=['54138969'], sample_interval=1, box='annotation', camera_file='cameras.pkl')
    assert differences([dict(dataset=found) for found in facts]) == {'dataset.subjects': [['S9'], ['S11']]}
    assert dataset_facts(H36MPoseDataset(actions=['Walking'], **kwargs, skeleton='h36m18'),
                         'test')['actions'] == ['Walking']


def test_filters_of_the_data_sets_are_named(tmp_path):
    write_frames(tmp_path, 'S1_Seq1_Cam0_000001.jpg')
    found = MPIINF3DHPDataset('a.npz', data_root=str(tmp_path), box='annotation', drop_occluded=None, max_hidden=3,
                              camera_file=str(tmp_path / 'c.pkl'), skeleton='h36m18')
    facts = dataset_facts(found, 'test')
    assert facts['max_hidden'] == 3 and facts['camera_file'] == 'c.pkl' and 'drop_occluded' not in facts
    found.drop_occluded = 'view'
    assert dataset_facts(found, 'test')['drop_occluded'] == 'view'
    write_frames(tmp_path, '00001/images/1.png', '00001/masks/1.png')
    assert dataset_facts(TikTokDataset(str(tmp_path), sequences=['00001'], skeleton='h36m18'),
                         'test')['sequences'] == ['00001']
    person = dict(image='00001/images/1.png', center=[10, 10], scale=0.1, joints=[[5, 5]] * 16, joints_vis=[1] * 16)
    (tmp_path / 'mpii.json').write_text(json.dumps([person]))
    people = MPIIPoseDataset('mpii.json', data_root=str(tmp_path), complete=True, mask_coverage=(0.5, 1.0),
                             data_prefix=dict(img='', mask=''), skeleton='h36m18')
    facts = dataset_facts(people, 'test')
    assert facts['complete'] is True and facts['mask_coverage'] == pytest.approx([0.5, 1.0])
