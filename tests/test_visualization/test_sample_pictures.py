import numpy as np
import pytest
import torch
from mmengine.model import BaseDataPreprocessor
from mmengine.structures import InstanceData, PixelData
from mmpose.models import PoseDataPreprocessor
from mmpose.structures import PoseDataSample

from mmxas.visualization.contact_sheet import CAPTION, GAP
from mmxas.visualization.pose_style import PoseStyle
from mmxas.visualization.sample_pictures import browse, crop_keypoints, draw_pose, model_inputs, sample_picture

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


def test_an_empty_crop_is_called_so_in_red():
    plain, red = (sample_picture(packed(), META, side=80, empty=empty)[80:] for empty in (False, True))
    assert (plain[..., 0] == plain[..., 1]).all() and (red[..., 0] > red[..., 1].astype(int) + 100).any()


@pytest.mark.parametrize('options', [dict(bgr_to_rgb=True, mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
                                     dict(mean=[0, 0, 0], std=[255, 255, 255]), dict(bgr_to_rgb=True), {}])
def test_colours_come_back_from_behind_the_preprocessor(options):
    noise = torch.randint(0, 256, (3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    for preprocessor in (PoseDataPreprocessor(**options), BaseDataPreprocessor()):
        sample, = model_inputs([dict(packed(), inputs=noise)], preprocessor, training=True)
        assert torch.equal(sample['inputs'], noise) and sample['data_samples'].sample_name == 'a.png'


class Blacken(torch.nn.Module):
    """A batch augmentation that takes every picture away."""

    def forward(self, inputs, data_samples):
        """What black is once it is normalised."""
        return torch.full_like(inputs, -2.0), data_samples


def test_what_the_preprocessor_does_in_training_is_seen():
    preprocessor = PoseDataPreprocessor(mean=[100.0] * 3, std=[50.0] * 3)
    preprocessor.batch_augments = torch.nn.ModuleList([Blacken()])
    for training, level in ((True, 0), (False, 100)):
        assert (model_inputs([packed()], preprocessor, training)[0]['inputs'] == level).all()


class Pairs:
    """Both domains, one index; the target of index 4 is black."""

    metainfo, parts = META, {}

    def __len__(self):
        return 10

    def activate(self, domains):
        """As PairedDataset."""

    def __getitem__(self, key):
        self.keys.append(tuple(key))
        pair = [packed(labels=False), packed(domain='synthetic')]
        for sample in pair:
            sample['inputs'][:, 2:6, 2:6] = 200
        if key[0] == 4:
            pair[0]['inputs'][:] = 0
        return pair

    def __init__(self):
        self.keys = []


def test_targets_stand_beside_their_partners():
    pairs = Pairs()
    drawn = list(browse(pairs, 3, PoseDataPreprocessor(), seed=7, side=40))
    assert [sample.index for sample in drawn] == [0, 4, 9] and pairs.keys == [(0, 0, 7), (4, 0, 7), (9, 0, 7)]
    assert drawn[0].picture.shape == (40 + CAPTION + 2 * GAP, 2 * (120 + GAP) + GAP, 3)
    assert len(list(browse(pairs, 100, PoseDataPreprocessor()))) == 10


def test_empty_crops_are_named():
    drawn = list(browse(Pairs(), 3, PoseDataPreprocessor()))
    assert [(sample.num_crops, sample.empty) for sample in drawn] == [(2, []), (2, ['a.png']), (2, [])]
