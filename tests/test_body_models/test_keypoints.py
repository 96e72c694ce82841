import numpy as np
import pytest
import torch

from mmxas.body_models import KeypointRegressor, keypoints
from mmxas.body_models.model_family import KeypointSet

ROWS = ('root', 'left_hand', 'right_hand')


@pytest.fixture
def regressor():
    weights = np.zeros((3, 8))
    weights[0, 2], weights[1, [4, 6]], weights[2, 7] = 1, (0.25, 0.75), 1
    return KeypointRegressor(weights, ROWS)


def test_rows_are_picked_and_averaged_by_name(regressor):
    wanted = KeypointSet('test', ('right_hand', 'middle', 'root'), {'middle': ('left_hand', 'right_hand')})
    matrix = keypoints.keypoint_matrix(regressor, wanted)
    np.testing.assert_array_equal(matrix[:, [2, 4, 6, 7]], [[0, 0, 0, 1], [0, 0.125, 0.375, 0.5], [1, 0, 0, 0]])
    np.testing.assert_array_equal(matrix.sum(1), 1)


def test_missing_rows_are_named(regressor):
    with pytest.raises(ValueError, match="regressor 'test' has no row for nose, tail; its rows are root, left_hand"):
        keypoints.keypoint_matrix(regressor, KeypointSet('test', ('root', 'tail', 'nose'), {}))
    with pytest.raises(ValueError, match='its rows are not named'):
        keypoints.keypoint_matrix(KeypointRegressor(regressor.weights), KeypointSet('test', ('root',), {}))


def test_external_files(tmp_path, regressor):
    path = tmp_path / 'J_regressor_test.npy'
    np.save(path, regressor.weights)
    loaded = keypoints.read_regressor(path, 8, ROWS)
    np.testing.assert_array_equal(loaded.weights, regressor.weights)
    assert loaded.names == ROWS
    with pytest.raises(ValueError, match=r'J_regressor_test\.npy: .* shape \(3, 9\) expected, \(3, 8\) found'):
        keypoints.read_regressor(path, 9, ROWS)


def test_exchanged_sides_are_refused():
    points = np.array([[0.0, 0, 0], [0.3, 0, 0], [-0.3, 0, 0]])
    keypoints.check_sides(points, ROWS, 'file')
    with pytest.raises(ValueError, match='file: left_hand lies on the right of right_hand.*regressor_rows'):
        keypoints.check_sides(points * [-1, 1, 1], ROWS, 'file')


def test_layer_reads_only_vertices_with_weight(regressor):
    layer = keypoints.KeypointLayer(regressor.weights)
    assert layer.used.tolist() == [2, 4, 6, 7] and not layer.state_dict()
    vertices = torch.randn(5, 8, 3)
    expected = torch.einsum('kv,nvc->nkc', torch.tensor(regressor.weights, dtype=torch.float32), vertices)
    torch.testing.assert_close(layer(vertices), expected)
