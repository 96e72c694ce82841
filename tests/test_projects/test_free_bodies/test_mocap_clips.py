import json

import numpy as np
import pytest
from body_model_building import mocap_clips
from scipy.spatial.transform import Rotation

LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_ELBOW, RIGHT_ELBOW = 16, 17, 18, 19


@pytest.fixture
def rest():
    """Two frames of the clips' rest pose."""
    frames = np.zeros((2, 44))
    frames[:, 0], frames[:, 1:4] = 0.03, (0.5, 0.9, 0.2)
    frames[:, [4, 8, 12, 16, 21, 25, 30, 35, 39]] = 1
    return frames


def test_rest_has_its_arms_down(rest):
    motion = mocap_clips.retarget(rest)
    assert motion.pose.shape == (2, 24, 3) and motion.dt == 0.03
    np.testing.assert_allclose(motion.transl[0], [-0.2, 0.9, 0.5])
    arms = motion.pose[0, [LEFT_SHOULDER, RIGHT_SHOULDER]]
    np.testing.assert_allclose(arms, [[0, 0, -np.pi / 2], [0, 0, np.pi / 2]], atol=1e-12)
    np.testing.assert_allclose(np.delete(motion.pose[0], [LEFT_SHOULDER, RIGHT_SHOULDER], 0), 0, atol=1e-12)


def test_hinges_bend_the_right_way(rest):
    rest[:, [20, 29]] = -0.8, 1.1  # right knee, right elbow
    pose = mocap_clips.retarget(rest).pose[0]
    np.testing.assert_allclose(pose[5], [0.8, 0, 0], atol=1e-12)  # the shank goes back: about +x, the body's left
    np.testing.assert_allclose(pose[4], 0, atol=1e-12)
    forearm = Rotation.from_rotvec(pose[RIGHT_SHOULDER]) * Rotation.from_rotvec(pose[RIGHT_ELBOW])
    along = forearm.apply([-1, 0, 0])  # a right forearm points to -x at rest
    np.testing.assert_allclose(along, [0, -np.cos(1.1), np.sin(1.1)], atol=1e-12)  # hangs, and bends to the front


def test_chest_and_neck_are_shared(rest):
    rest[:, 8:12] = np.r_[np.cos(0.3), 0, 0, np.sin(0.3)]  # 0.6 rad about the clip's z, its right
    rest[:, 12:16] = np.r_[np.cos(0.1), 0, np.sin(0.1), 0]
    pose = mocap_clips.retarget(rest).pose[0]
    np.testing.assert_allclose(pose[[3, 6, 9]], [[-0.2, 0, 0]] * 3, atol=1e-12)
    np.testing.assert_allclose(pose[[12, 15]], [[0, 0.1, 0]] * 2, atol=1e-12)


def test_files(tmp_path, rest):
    path = tmp_path / 'humanoid3d_walk.txt'
    path.write_text(json.dumps({'Loop': 'wrap', 'Frames': rest.tolist()}))
    np.testing.assert_array_equal(mocap_clips.read_frames(path), rest)
    path.write_text(json.dumps({'Frames': rest[:, :43].tolist()}))
    with pytest.raises(ValueError, match=r'frames of 44 numbers expected, an array of shape \(2, 43\) found'):
        mocap_clips.read_frames(path)
