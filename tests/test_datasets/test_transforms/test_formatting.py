import numpy as np
import torch
from mmengine.dataset import Compose
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from mmxas.datasets.transforms import PackXASInputs
from mmxas.structures import load_skeleton

TEST_PIPELINE = [
    dict(type='LoadXASImage'), dict(type='LoadMask'), dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='SquareCropAffine', input_size=(64, 64)),
    dict(type='GenerateNormTarget', encoder=dict(type='NormCodec')),
    dict(type='PackXASInputs')]


def test_what_is_absent_is_not_packed():
    packed = PackXASInputs()(dict(img=np.zeros((8, 8, 3), np.uint8), bbox=np.zeros((1, 4)), input_size=(8, 8)))
    sample = packed['data_samples']
    assert packed['inputs'].shape == (3, 8, 8) and packed['inputs'].dtype == torch.uint8
    assert sample.metainfo == dict(input_size=(8, 8))
    assert list(sample.gt_instances.keys()) == ['bboxes'] and len(sample.gt_instance_labels.keys()) == 0
    assert 'gt_fields' not in sample


def test_what_is_there_is_packed():
    norm = np.zeros((1, 18, 3), np.float32)
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    packed = PackXASInputs()(dict(
        img=image, mask=np.ones((8, 8), np.float32), keypoint_norm=norm, keypoint_weights=norm[..., 0],
        keypoints=norm[..., :2], keypoints_cam=norm, camera=dict(K=np.eye(3)), root_depth=3.0, domain='synthetic',
        rect_3d_width=2000.0, other=1))
    sample = packed['data_samples']
    assert (packed['inputs'].permute(1, 2, 0).numpy() == image).all()
    assert sample.gt_fields.mask.shape == (1, 8, 8) and sample.gt_fields.mask.dtype == torch.float32
    assert isinstance(sample.gt_instance_labels.keypoint_norm, torch.Tensor)
    assert sample.gt_instances.keypoints_cam.shape == (1, 18, 3)
    assert sample.metainfo['domain'] == 'synthetic' and sample.metainfo['root_depth'] == 3.0
    assert 'other' not in sample.metainfo


def test_pipeline_takes_what_inference_topdown_gives():
    meta = parse_pose_metainfo(load_skeleton('h36m18').to_metainfo())
    sample = Compose(TEST_PIPELINE)(dict(
        img=np.zeros((50, 80, 3), np.uint8), bbox=np.array([[10.0, 5.0, 40.0, 45.0]]),
        bbox_score=np.ones(1, np.float32), **meta))['data_samples']
    assert sample.metainfo['input_scale'].tolist() == [50, 50]
    assert list(sample.metainfo['flip_indices']) == list(load_skeleton('h36m18').flip_indices)
    assert 'keypoints' not in sample.gt_instances and 'rect_3d_width' not in sample.metainfo
    assert len(sample.gt_instance_labels.keys()) == 0
