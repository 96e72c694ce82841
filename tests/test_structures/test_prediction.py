import numpy as np
import pytest

from mmxas.structures import Prediction


def prediction(**other):
    return Prediction(
        hypotheses=np.zeros((3, 5, 3)), scores=np.ones((3, 5)), valid=np.ones((3, 5), bool), depth_unit='crop',
        crop=np.array([10.0, 20, 210, 220]), warp=np.eye(3)[:2], crop_size=64.0, **other)


def test_the_crop_and_the_camera_in_numbers():
    assert prediction().crop_side == 200 and prediction().focal is None
    assert prediction(intrinsics=np.diag([1000.0, 1100, 1])).focal == 1050


def test_what_is_not_said_is_not_known():
    bare = prediction()
    assert (bare.rect_3d_width, bare.intrinsics, bare.root_depth, bare.align_corners) == (None, None, None, False)
    with pytest.raises(AttributeError):
        bare.crop_size = 3
