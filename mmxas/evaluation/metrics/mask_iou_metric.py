"""Mask IoU, the metric for choosing checkpoints without labels."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric

from mmxas.datasets.skeletons import Skeleton, load_skeleton
from mmxas.evaluation.mask_overlap import crop_keypoints, skeleton_mask_iou
from mmxas.registry import METRICS


@METRICS.register_module()
class MaskIoUMetric(BaseMetric):
    """Mean IoU of the drawn confident skeleton and the body's mask: ``xas/mask_iou`` in [0, 1].

    Args:
        skeleton: Name, file or data of the skeleton. Defaults to ``'h36m18'``.
        width: Squared width of the drawn lines, norm units. Defaults to 3e-3.
        threshold: A pixel is drawn above it. Defaults to 0.2.
        size: Side at which both are compared, px. Defaults to 64.
        collect_device: As in mmengine. Defaults to ``'cpu'``.
        prefix: Of the metric's name. Defaults to ``'xas'``.
    """

    default_prefix = 'xas'

    def __init__(self, skeleton: str | dict | Skeleton = 'h36m18', width: float = 3e-3, threshold: float = 0.2,
                 size: int = 64, collect_device: str = 'cpu', prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.skeleton = load_skeleton(skeleton)
        self.drawing = {'width': width, 'threshold': threshold, 'size': size}

    def mask_ious(self, data_samples: Sequence[dict]) -> list[float | None]:
        """IoU of each sample, None for a sample without a mask."""
        with_mask = [i for i, s in enumerate(data_samples) if 'mask' in (s.get('gt_fields') or {})]
        ious: list[float | None] = [None] * len(data_samples)
        if with_mask:
            samples = [data_samples[i] for i in with_mask]
            keypoints = [crop_keypoints(_numpy(s['pred_instances']['keypoints'])[0], s['warp_mat'], s['input_size'][0])
                         for s in samples]
            masks = torch.stack([torch.as_tensor(s['gt_fields']['mask']).cpu() for s in samples])
            for i, iou in zip(with_mask, skeleton_mask_iou(np.stack(keypoints), masks, self.skeleton, **self.drawing)):
                ious[i] = float(iou)
        return ious

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep one number a sample."""
        self.results += [{'mask_iou': iou} for iou in self.mask_ious(data_samples)]

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Average over the samples that have a mask.

        Raises:
            ValueError: None has one.
        """
        ious = [r['mask_iou'] for r in results if r['mask_iou'] is not None]
        if not ious:
            raise ValueError(f'none of {len(results)} samples has a mask: mask_iou needs masks, give the data set some '
                             'and LoadMask in its pipeline')
        return {'mask_iou': float(np.mean(ious))}


def _numpy(values: Any) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)
