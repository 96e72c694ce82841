import hashlib
from pathlib import Path

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
