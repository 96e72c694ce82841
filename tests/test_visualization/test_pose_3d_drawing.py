import numpy as np
import pytest
from mmengine.structures import InstanceData
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.structures import PoseDataSample, merge_data_samples
from mmpose.visualization import Pose3dLocalVisualizer

from mmxas.ops import camera_to_image
from mmxas.structures import load_skeleton
from mmxas.visualization.pose_3d_drawing import metric_sample, support_pose_3d_drawing

SKELETON = load_skeleton('h36m18')
K = np.array([[1000.0, 0, 100], [0, 1000, 100], [0, 0, 1]])
# A standing person who raises the right hand, which is on the image's left; camera mm, 5 m away.
POSE = np.array([
    [0, 0, 0], [-120, 0, 0], [-130, 430, -20], [-130, 860, 30], [120, 0, 0], [130, 430, -20], [130, 860, 30],
    [0, -240, 0], [0, -560, -30], [0, -620, -100], [0, -740, -40], [160, -480, 0], [220, -210, 30], [230, 40, -20],
    [-160, -480, 0], [-380, -640, 0], [-420, -890, -50], [0, -480, 0]]) + [0, 0, 5000.0]


def sample(labels: bool = True, **predicted) -> PoseDataSample:
    """A prediction without error of one person in a crop of 2 m."""
    points = camera_to_image(POSE, K, 5000.0)
    out = PoseDataSample(metainfo=dict(
        input_size=(64, 64), input_scale=np.array([400.0, 400.0]), input_center=np.array([100.0, 100.0]),
        rect_3d_width=2000.0, camera=dict(K=K), root_depth=5000.0))
    out.pred_instances = InstanceData(
        keypoints=points[None], keypoint_scores=np.full((1, 18), 0.1), hypotheses=points[None, None],
        bboxes=np.array([[-60.0, -60, 260, 260]]), **predicted)
    if labels:
        out.gt_instances = InstanceData(keypoints=points[None, :, :2], keypoints_cam=POSE[None])
    return out


@pytest.fixture
def visualizer() -> Pose3dLocalVisualizer:
    """mmpose's own, with our skeleton."""
    out = Pose3dLocalVisualizer(name='three')
    out.set_dataset_meta(parse_pose_metainfo(SKELETON.to_metainfo()))
    return out


def test_poses_are_in_metres_with_z_up():
    drawn = metric_sample(sample())
    pose, label = drawn.pred_instances.keypoints[0], drawn.gt_instances.lifting_target[0]
    names = SKELETON.keypoints
    assert pose == pytest.approx(label, abs=1e-6)
    assert pose[names.index('right_ankle'), 2] == pytest.approx(0, abs=1e-6)
    wrist = pose[names.index('right_wrist')] - pose[0]
    assert wrist == pytest.approx([0.42, 0.05, 0.89], abs=1e-6)  # image's left, towards the camera, up
    bones = [np.linalg.norm(points[names.index('left_hip')] - points[0]) for points in (pose, POSE / 1000)]
    assert bones[0] == pytest.approx(bones[1]), 'no other scale'


def test_a_crop_of_unknown_size_is_2_m_wide():
    known, unknown = sample(labels=False), sample(labels=False)
    for name in ('rect_3d_width', 'camera', 'root_depth'):
        unknown.pop(name)
    unknown.pred_instances.hypotheses[..., 2] /= 2000
    unknown.pred_instances.depth_unit = ['crop']
    drawn = metric_sample(unknown)
    assert 'gt_instances' not in drawn
    assert np.abs(drawn.pred_instances.keypoints - metric_sample(known).pred_instances.keypoints).max() < 0.03


def drawn_picture(visualizer, data_sample, **kwargs) -> np.ndarray:
    return visualizer.add_datasample('one', np.full((200, 200, 3), 90, np.uint8), data_sample, convert_keypoint=False,
                                     **kwargs)


def test_mmposes_visualizer_draws_prediction_and_label(visualizer, tmp_path):
    picture = drawn_picture(visualizer, sample(), draw_2d=False, out_file=str(tmp_path / 'one.png'))
    assert picture.shape == (200, 400, 3) and (tmp_path / 'one.png').is_file()
    colour = np.ptp(picture.astype(int), axis=-1) > 60
    left, right = colour[:, :200], colour[:, 200:]
    assert left.sum() > 200 and abs(int(left.sum()) - int(right.sum())) < 0.3 * left.sum()
    rows, columns = np.nonzero(left)
    hand = columns[rows < rows.min() + 4].mean()
    assert hand < columns.mean() - 5, 'the raised hand is on the left, as in the image'
    assert np.ptp(rows) > 60


def test_without_labels_the_prediction_alone_is_drawn(visualizer):
    picture = drawn_picture(visualizer, sample(labels=False), det_data_sample=sample(labels=False), kpt_thr=0)
    assert picture.shape == (200, 400, 3)  # the image with the 2D pose, and the 3D pose
    assert (np.ptp(picture[:, :200].astype(int), axis=-1) > 60).sum() > 100


def test_two_people_stand_side_by_side(visualizer):
    two = merge_data_samples([sample(labels=False), sample(labels=False)])
    picture = drawn_picture(visualizer, two, draw_2d=False)
    assert picture.shape == (200, 400, 3)
    colour = np.ptp(picture.astype(int), axis=-1) > 60
    assert colour[:, :200].sum() == colour[:, 200:].sum() > 200
    assert drawn_picture(visualizer, two, draw_2d=False, num_instances=1).shape == (200, 200, 3)


def test_other_models_samples_are_left_to_mmpose(visualizer):
    other = PoseDataSample(pred_instances=InstanceData(keypoints=metric_sample(sample()).pred_instances.keypoints))
    assert drawn_picture(visualizer, other, draw_2d=False, draw_gt=False).shape == (200, 200, 3)


def test_a_second_call_changes_nothing():
    before = Pose3dLocalVisualizer._draw_3d_data_samples
    support_pose_3d_drawing()
    assert Pose3dLocalVisualizer._draw_3d_data_samples is before
