import json

import numpy as np
import pytest

from mmxas.evaluation.mean_pose import load_mean_pose, mean_pose, save_mean_pose
from mmxas.structures import load_skeleton


def test_mean_is_root_centred():
    poses = np.array([[[0, 0, 1000], [10, 0, 1000]], [[5, 5, 3000], [5, 25, 3000]]], float)
    assert np.allclose(mean_pose(poses), [[0, 0, 0], [5, 10, 0]])


def test_round_trip(tmp_path):
    skeleton = load_skeleton('h36m18')
    pose = np.random.default_rng(0).normal(0, 300, (18, 3)).round(2)
    save_mean_pose(tmp_path / 'mean.json', pose, skeleton, 'a test')
    assert np.allclose(load_mean_pose(tmp_path / 'mean.json', skeleton), pose)
    content = json.loads((tmp_path / 'mean.json').read_text())
    assert content['unit'] == 'mm' and content['source'] == 'a test'


def test_shipped_pose_is_an_upright_one_turned_every_way():
    skeleton = load_skeleton('h36m18')
    pose = dict(zip(skeleton.keypoints, load_mean_pose('mocap_human_mean_pose', skeleton)))
    assert np.allclose(pose['root'], 0)
    assert pose['head'][1] < pose['thorax'][1] < pose['torso'][1] < 0 < pose['left_knee'][1] < pose['left_ankle'][1]
    assert max(abs(point[0]) for point in pose.values()) < 20


def test_refusals(tmp_path):
    skeleton = load_skeleton('h36m18')
    with pytest.raises(FileNotFoundError, match='absent: no such mean pose; mmxas mean-pose'):
        load_mean_pose('absent', skeleton)
    toy = load_skeleton(dict(name='toy', keypoints=['a', 'b'], parents=[0, 0]))
    with pytest.raises(ValueError, match="skeleton 'toy'"):
        load_mean_pose('mocap_human_mean_pose', toy)
