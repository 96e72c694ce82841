import json

import numpy as np
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from mmxas.apis.known_camera import KnownCamera
from mmxas.apis.pose_record import pose_record
from mmxas.io.regular_files import to_json

META = dict(dataset_name='two', keypoint_id2name={0: 'root', 1: 'tip'}, skeleton_links=[(0, 1)])


def prediction(unit='mm'):
    poses = np.arange(12, dtype=np.float32).reshape(1, 2, 2, 3)
    return PoseDataSample(
        metainfo=dict(img_path='a.jpg', ori_shape=(50, 60)),
        pred_instances=InstanceData(
            keypoints=poses[:, 0], hypotheses=poses, hypothesis_scores=np.array([[[0.5, 0.25], [0.1, 0.0]]]),
            hypothesis_valid=np.array([[[True, True], [False, False]]]), bboxes=np.array([[1.0, 2, 31, 22]]),
            bbox_scores=np.ones(1), depth_unit=[unit], rect_3d_width=np.array([1500.0])))


def test_every_hypothesis_is_there_with_scores_validity_units_and_names():
    record = pose_record(prediction(), META)
    assert record['image'] == 'a.jpg' and record['image_size'] == dict(width=60, height=50)
    assert record['skeleton'] == dict(name='two', keypoints=['root', 'tip'], links=[[0, 1]])
    (instance, ) = record['instances']
    assert instance['units'] == ['px', 'px', 'mm'] and instance['rect_3d_width'] == 1500.0
    assert instance['bbox'] == [1, 2, 31, 22]
    assert instance['crop'] == [-3.25, -7.25, 34.25, 30.25]
    first, second = instance['hypotheses']
    assert first == dict(score=0.375, counts=True, keypoints=[[0, 1, 2], [3, 4, 5]], keypoint_scores=[0.5, 0.25],
                         valid=[True, True])
    assert second['counts'] is False and second['keypoints'] == [[6, 7, 8], [9, 10, 11]]
    assert 'camera' not in record


def test_crop_units_say_so_and_have_no_size():
    (instance, ) = pose_record(prediction('crop'), META)['instances']
    assert instance['units'] == ['px', 'px', 'sides of the crop']
    assert instance['depth_unit'] == 'crop' and instance['rect_3d_width'] is None


def test_with_a_camera_there_are_poses_in_mm():
    camera = KnownCamera.from_dict(dict(K=np.eye(3), root_depth=2000))
    record = pose_record(prediction(), META, camera, np.full((1, 2, 2, 3), 7.0))
    assert record['camera']['root_depth'] == [2000.0]
    assert record['instances'][0]['hypotheses'][1]['keypoints_camera_mm'] == [[7, 7, 7], [7, 7, 7]]


def test_json_holds_the_record_with_a_point_a_line():
    record = pose_record(prediction(), META)
    text = to_json(record)
    assert json.loads(text) == record
    assert '[0.0, 1.0, 2.0]' in text and '["root", "tip"]' in text
    assert text.endswith('}\n')
