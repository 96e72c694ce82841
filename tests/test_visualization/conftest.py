"""Data samples as the estimator returns them, of a person whose pose is known."""
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.structures import PoseDataSample
from test_masks.conftest import folder, scene  # noqa: F401  fixtures

from mmxas.structures import load_skeleton

BOX_MM, SIZE = 2000.0, 128
# A standing person, mm relative to the root: x right, y down, z away; one row a keypoint of the 18.
POSE = np.array([
    [0, 0, 0], [-120, 10, 0], [-150, 420, -60], [-160, 820, 40], [120, 10, 0], [150, 400, -160], [170, 800, -120],
    [0, -230, 20], [0, -560, 10], [0, -620, -90], [0, -740, -30], [170, -480, 0], [330, -260, -60], [430, -80, -280],
    [-170, -480, 0], [-400, -420, -40], [-560, -560, -160], [0, -480, 5]], dtype=np.float64)


def dataset_meta():
    return parse_pose_metainfo(load_skeleton('h36m18').to_metainfo())


def hypotheses_mm(num_hypotheses=3):
    poses = np.repeat(POSE[None], num_hypotheses, axis=0)
    if num_hypotheses > 1:
        poses[1, [12, 13], 2] += [180, 420]
    if num_hypotheses > 2:
        poses[2, 3, 2] += 260
    return poses


def make_sample(num_hypotheses=3, bins=64, depth_unit='mm', with_truth=True, with_heatmap=True, centre=(150.0, 130.0),
                side=200.0):
    """One person of box side ``side / 1.25`` at ``centre`` in an image of 300 x 260."""
    poses = hypotheses_mm(num_hypotheses)
    valid = np.zeros((num_hypotheses, 18), dtype=bool)
    valid[0] = True
    valid[1:2, [12, 13]] = True
    valid[2:3, [3]] = True
    depths = poses[..., 2] / BOX_MM
    positions = (2 * np.arange(bins) + 1) / bins - 1
    heatmap = sum(weight * np.exp(-0.5 * ((positions - depths[h, :, None]) / 0.03) ** 2)
                  for h, weight in zip(range(num_hypotheses), (1.0, 0.6, 0.5), strict=False))
    heatmap /= heatmap.sum(axis=-1, keepdims=True)
    pixels = np.asarray(centre) - 0.5 + poses[..., :2] * side / BOX_MM
    unit = 1.0 if depth_unit == 'mm' else 1 / BOX_MM
    hypotheses = np.concatenate([pixels, poses[..., 2:] * unit], axis=-1).astype(np.float32)[None]
    scores = np.where(valid, np.array([0.3, 0.12, 0.1])[:num_hypotheses, None], 0.0).astype(np.float32)[None]
    half = side / 1.25 / 2
    box = np.array([[centre[0] - half, centre[1] - half, centre[0] + half, centre[1] + half]], dtype=np.float32)
    sample = PoseDataSample(metainfo=dict(
        img_path='person.jpg', ori_shape=(260, 300), img_shape=(SIZE, SIZE), input_size=(SIZE, SIZE),
        input_center=np.array(centre, dtype=np.float32) - 0.5 + 0.5 * side / SIZE,
        input_scale=np.full(2, side, np.float32),
        rect_3d_width=BOX_MM if depth_unit == 'mm' else None, domain='target'))
    sample.pred_instances = InstanceData(
        keypoints=hypotheses[:, 0], keypoint_scores=scores[:, 0], keypoints_visible=np.ones((1, 18), np.float32),
        hypotheses=hypotheses, hypothesis_scores=scores, hypothesis_valid=valid[None], depth_unit=[depth_unit],
        bboxes=box, bbox_scores=np.ones(1, np.float32))
    sample.gt_instances = InstanceData(bboxes=box, bbox_scores=np.ones(1, np.float32))
    if with_truth:
        truth = hypotheses_mm(3)[1]
        sample.gt_instances.keypoints = pixels[:1].astype(np.float32)
        sample.gt_instances.keypoints_cam = (truth + [0, 0, 4000]).astype(np.float32)[None]
        mask = torch.zeros(1, SIZE, SIZE)
        mask[:, 20:110, 40:90] = 1
        sample.gt_fields = PixelData(mask=mask)
    if with_heatmap:
        sample.pred_instances.depth_heatmaps = heatmap[None].astype(np.float32)
    return sample


def photo():
    """A synthetic picture (260, 300, 3) uint8 RGB."""
    rows, columns = np.mgrid[:260, :300]
    return np.stack([columns * 0.5 + 60, rows * 0.6 + 40, 160 - columns * 0.3], axis=-1).astype(np.uint8)


@pytest.fixture(name='make_sample')
def _make_sample():
    return make_sample


@pytest.fixture(name='photo')
def _photo():
    return photo()


@pytest.fixture(name='dataset_meta')
def _dataset_meta():
    return dataset_meta()


@pytest.fixture(name='true_pose')
def _true_pose():
    return hypotheses_mm(3)[1]
