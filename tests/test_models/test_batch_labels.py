"""Stacking what a batch's samples hold."""
import numpy as np
import pytest
import torch
from mmengine.structures import PixelData

from mmxas.models.batch_labels import sample_masks, stack_labels, stack_masks


def test_labels_of_weight_0_are_0_whatever_they_hold(batch):
    samples = batch[1][3:]
    wanted = torch.cat([sample.gt_instance_labels.keypoint_norm for sample in samples])
    samples[1].gt_instance_labels.keypoint_weights[0, 3] = 0
    samples[1].gt_instance_labels.keypoint_norm[0, 3] = float('nan')
    labels, weights = stack_labels(samples, 18)
    assert weights.sum() == 3 * 18 - 1 and labels[1, 3].tolist() == [0, 0, 0]
    torch.testing.assert_close(labels[[0, 2]], wanted[[0, 2]])


def test_labels_of_another_skeleton_are_named(batch):
    with pytest.raises(ValueError, match='synthetic_0.jpg: 18 keypoints, but the head predicts 17'):
        stack_labels(batch[1][3:], 17)


def test_masks_of_one_size(batch):
    samples = batch[1][:2]
    assert stack_masks(samples).shape == (2, 1, 32, 32) and stack_masks(samples).sum() == 2 * 16 * 8
    samples[1].gt_fields = PixelData(mask=torch.from_numpy(np.ones((1, 16, 16), np.float32)))
    with pytest.raises(ValueError, match=r'target_1.jpg: a mask of shape \(1, 16, 16\), but \(1, 32, 32\)'):
        stack_masks(samples)


def test_masks_of_samples_are_averaged_and_missing_ones_are_0(batch):
    samples = batch[1][:2]
    samples[0].gt_fields = PixelData(mask=torch.eye(4)[None])
    del samples[1].gt_fields
    masks = sample_masks(samples, (2, 2), torch.zeros(1, dtype=torch.float64))
    assert masks.dtype == torch.float64 and masks.tolist() == [[[[0.5, 0], [0, 0.5]]], [[[0, 0], [0, 0]]]]
