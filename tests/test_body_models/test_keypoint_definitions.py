import json

import numpy as np
import pytest

from mmxas.body_models.keypoint_definitions import file_of, read_keypoint_definitions, regressor_rows

JOINTS = np.array([[0.5, 0.5, 0, 0], [0, 0, 0.25, 0.75]])


@pytest.fixture
def write(tmp_path):
    def write_(content) -> str:
        path = tmp_path / 'keypoints.json'
        path.write_text(json.dumps(content))
        return str(path)

    return write_


def test_a_keypoint_is_a_mean_of_joints_and_landmarks(write):
    file = write({'keypoints': {'paw': [{'toes': 0.5, 'foot': 0.5}, 'foot'], 'hip': 'hip',
                                'mid': {'hip': 0.25, 'foot': 0.75}}})
    definitions = read_keypoint_definitions(file)
    assert list(definitions) == ['paw', 'hip', 'mid'] and str(file_of(file)[0]) == file and file_of(None) == ()
    rows = regressor_rows(definitions, JOINTS, ('hip', 'foot'), {'toes': 0}, 'body')
    np.testing.assert_allclose(rows, [[0.5, 0, 0.125, 0.375], [0.5, 0.5, 0, 0], [0.125, 0.125, 0.1875, 0.5625]])
    rows = regressor_rows(definitions, JOINTS, ('hip', 'foot'), {}, 'body')
    np.testing.assert_allclose(rows[0], JOINTS[1])
    np.testing.assert_allclose(rows.sum(1), 1)


def test_a_body_without_the_parts_is_named(write):
    definitions = read_keypoint_definitions(write({'keypoints': {'paw': ['toes', 'finger']}}))
    with pytest.raises(ValueError, match="body: keypoint 'paw' needs finger, toes; the body has the joints hip, foot"):
        regressor_rows(definitions, JOINTS, ('hip', 'foot'), {'nose': 0}, 'body')


@pytest.mark.parametrize('content', [{}, [], {'keypoints': ['a']}, {'keypoints': {'a': 3}}])
def test_other_files_are_refused(write, content):
    with pytest.raises(ValueError, match='keypoints.json: {"keypoints": {name: sources}} expected'):
        read_keypoint_definitions(write(content))


@pytest.mark.parametrize('weights', [{'a': 0.5, 'b': 0.4}, {'a': 1.5, 'b': -0.5}, {}])
def test_weights_sum_to_one(write, weights):
    with pytest.raises(ValueError, match="keypoint 'k' has the weights .*sum to one"):
        read_keypoint_definitions(write({'keypoints': {'k': weights}}))


def test_a_missing_file_is_named():
    with pytest.raises(FileNotFoundError, match='no_such.json: no such file of keypoint definitions'):
        read_keypoint_definitions('no_such.json')
