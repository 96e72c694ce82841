import numpy as np
import pytest

from mmxas.codecs import NormCodec
from mmxas.registry import KEYPOINT_CODECS


def test_corners_and_depth():
    codec = KEYPOINT_CODECS.build(dict(type='NormCodec', input_size=(4, 4)))
    encoded = codec.encode(
        np.array([[[0.0, 3.0], [1.5, -0.5]]]), None, np.array([[500.0, -2000.0]]), rect_3d_width=2000.0)
    assert np.allclose(encoded['keypoint_norm'], [[[-0.75, 0.75, 0.25], [0, -1, -1]]])
    assert encoded['keypoint_norm'].dtype == encoded['keypoint_weights'].dtype == np.float32
    assert encoded['keypoint_weights'].tolist() == [[1, 1]]


def test_round_trip_of_both_kinds_of_corners():
    points, depths = np.random.default_rng(0).uniform(0, 64, (2, 5, 2)), np.full((2, 5), 123.0)
    for align_corners in (False, True):
        codec = NormCodec((64, 64), align_corners)
        encoded = codec.encode(points, np.ones((2, 5)), depths, rect_3d_width=1500.0)['keypoint_norm']
        keypoints, scores = codec.decode(encoded.astype(np.float64), rect_3d_width=1500.0)
        assert np.allclose(keypoints[..., :2], points, atol=1e-4) and np.allclose(keypoints[..., 2], 123, atol=1e-3)
        assert scores.shape == (2, 5)
    assert np.allclose(NormCodec((64, 64)).decode(np.full((1, 2, 3), 0.5))[0][..., 2], 0.5)


def test_another_value_of_align_corners_is_refused_when_it_is_built():
    with pytest.raises(ValueError, match="align_corners: one of False, True expected, got 'center'"):
        NormCodec((64, 64), 'center')


def test_nothing_is_encoded_without_labels():
    codec = NormCodec((64, 64))
    assert codec.encode(np.zeros([]), np.ones((1, 1, 1))) == {}
    assert codec.encode(np.zeros((1, 3, 2)), None, np.zeros((1, 3)), rect_3d_width=None) == {}


def test_square_crops_only():
    with pytest.raises(ValueError, match=r'\(192, 256\)'):
        NormCodec((192, 256))
