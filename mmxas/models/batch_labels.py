"""Stack labels and masks of a batch's samples to tensors.

N: samples, K: keypoints, S: crop size in px.
"""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmxas.ops.kernels.memory import upload


def stack_labels(data_samples: Sequence, num_keypoints: int) -> tuple[Tensor, Tensor]:
    """Return crop-normalised labels (N, K, 3) and weights (N, K) in float32, on the device of the samples' labels.

    Labels of weight 0 are set to 0, because a NaN times 0 would still be NaN in the gradients.

    Raises:
        ValueError: A sample has no labels, or labels of another number of keypoints; the message names the sample.
    """
    for sample in data_samples:
        labels = getattr(sample, 'gt_instance_labels', None)
        if labels is None or 'keypoint_norm' not in labels:
            raise ValueError(f'{sample.metainfo.get("img_path", "a sample")}: has no keypoint_norm label. A keypoint '
                             'loss needs it: use labelled (synthetic) samples, or with_labels=True')
        if labels.keypoint_norm.shape[-2] != num_keypoints:
            raise ValueError(f'{sample.metainfo.get("img_path", "a sample")}: {labels.keypoint_norm.shape[-2]} '
                             f'keypoints, but the head predicts {num_keypoints}: give both one '
                             'skeleton')
    target = torch.cat([torch.as_tensor(s.gt_instance_labels.keypoint_norm) for s in data_samples])
    weights = torch.cat([torch.as_tensor(s.gt_instance_labels.keypoint_weights) for s in data_samples])
    target = torch.where(weights[..., None] == 0, 0.0, target)
    return target.float(), weights.float()


def stack_masks(samples: Sequence) -> Tensor:
    """Return the masks (N, 1, S, S) of target samples.

    Raises:
        ValueError: A sample has no mask, or a mask of another size than the first one; the message names the sample.
    """
    masks = []
    for sample in samples:
        name = sample.metainfo.get('img_path') or sample.metainfo.get('sample_name')
        mask = getattr(sample.gt_fields, 'mask', None) if 'gt_fields' in sample else None
        if mask is None:
            raise ValueError(f'{name}: no mask, which a loss reads; give the target data set masks '
                             '(mmxas masks makes them) or leave the mask loss out')
        masks.append(torch.as_tensor(mask))
        if masks[-1].shape != masks[0].shape:
            raise ValueError(f'{name}: a mask of shape {tuple(masks[-1].shape)}, but {tuple(masks[0].shape)} in the '
                             'batch before it')
    return torch.stack(masks)


def sample_masks(samples: Sequence, size: Sequence[int], like: Tensor) -> Tensor:
    """Return the masks of N samples, averaged to a size.

    Args:
        samples: N samples, with masks (1, S, S) in [0, 1] in ``gt_fields``; a sample without one gets zeros.
        size: (height, width) of the result.
        like: Tensor whose device and data type the result has.

    Returns:
        (N, 1, height, width).
    """
    masks = [upload(torch.as_tensor(sample.gt_fields.mask), like.device) if 'mask' in sample.get('gt_fields', ())
             else torch.zeros(1, *size, device=like.device) for sample in samples]
    return torch.stack([F.adaptive_avg_pool2d(mask.to(like.dtype), tuple(size)) for mask in masks])
