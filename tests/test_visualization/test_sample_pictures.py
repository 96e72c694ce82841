import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample

from mmxas.visualization.contact_sheet import CAPTION, GAP
from mmxas.visualization.pose_style import PoseStyle
from mmxas.visualization.sample_pictures import browse, crop_keypoints, draw_pose, sample_picture

META = dict(num_keypoints=2, skeleton_links=[(0, 1)], keypoint_colors=[[255, 0, 0], [255, 0, 0]],
            skeleton_link_colors=[[0, 0, 255]])


def packed(labels=True, mask=True, domain='target'):
    """A grey crop of 8 px with a pose from its upper left to its lower right pixel."""
    data = PoseDataSample(metainfo=dict(domain=domain, sample_name='a.png'))
    data.gt_instances, data.gt_instance_labels = InstanceData(), InstanceData()
    if labels:
        data.gt_instance_labels = InstanceData(
            keypoint_norm=torch.tensor([[[-7 / 8, -7 / 8, 0], [7 / 8, 7 / 8, 0]]]), keypoint_weights=torch.ones(1, 2))
    if mask:
        field = torch.zeros(1, 8, 8)
        field[:, 2:6, 2:6] = 1
        data.gt_fields = PixelData(mask=field)
    return dict(inputs=torch.full((3, 8, 8), 100, dtype=torch.uint8), data_samples=data)


def test_keypoints_are_those_of_the_target():
    data = packed()['data_samples']
    np.testing.assert_allclose(crop_keypoints(data, 8), [[0, 0], [7, 7]], atol=1e-5)
    data.gt_instance_labels.keypoint_weights[0, 1] = 0
    assert np.isnan(crop_keypoints(data, 8)[1]).all()
    assert crop_keypoints(packed(labels=False)['data_samples'], 8) is None


def test_keypoints_of_a_test_sample_come_from_the_image():
    data = packed(labels=False)['data_samples']
    data.gt_instances = InstanceData(keypoints=np.array([[[10.0, 20], [30, 40]]]), keypoints_visible=np.ones((1, 2)))
    data.set_metainfo(dict(warp_mat=np.array([[0.5, 0, 1], [0, 0.5, 2]])))
    np.testing.assert_allclose(crop_keypoints(data, 8), [[6, 12], [16, 22]])


def test_links_and_keypoints_are_drawn_where_they_are():
    style = PoseStyle.from_dataset_meta(META, 2)
    drawn = draw_pose(np.zeros((60, 60, 3), np.uint8), np.array([[10.0, 30], [50, 30]]), style)
    assert drawn[30, 30].tolist() == [0, 0, 255] and drawn[30, 10].tolist() == [255, 0, 0] and drawn[10].max() == 0
    assert draw_pose(np.zeros((60, 60, 3), np.uint8), np.array([[10.0, 30], [np.nan] * 2]), style)[30, 30].max() == 0


@pytest.mark.parametrize(('labels', 'mask', 'panels'), [(True, True, 3), (False, True, 2), (False, False, 1)])
def test_a_panel_for_all_that_there_is(labels, mask, panels):
    picture = sample_picture(packed(labels, mask), META, side=40)
    assert picture.shape == (40 + CAPTION, panels * 40, 3) and (picture[5:35, 5:35] == 100).all()
    if mask:
        assert (picture[2, 42] == 45).all() and (picture[20, 60] == 100).all(), 'dim outside the mask'
    if labels:
        assert picture[20, 100].tolist() == [0, 0, 255], 'the link goes through the middle'


class Pairs:
    """Both domains, one index."""

    metainfo, parts = META, {}

    def __len__(self):
        return 10

    def activate(self, domains):
        """As PairedDataset."""

    def __getitem__(self, key):
        self.keys.append(tuple(key))
        return [packed(labels=False), packed(domain='synthetic')]

    def __init__(self):
        self.keys = []


def test_targets_stand_beside_their_partners():
    pairs = Pairs()
    drawn = list(browse(pairs, 3, seed=7, side=40))
    assert [index for index, _ in drawn] == [0, 4, 9] and pairs.keys == [(0, 0, 7), (4, 0, 7), (9, 0, 7)]
    assert drawn[0][1].shape == (40 + CAPTION + 2 * GAP, 2 * (120 + GAP) + GAP, 3)
    assert len(list(browse(pairs, 100))) == 10
