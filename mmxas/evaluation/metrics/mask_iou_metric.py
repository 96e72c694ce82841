"""Mask IoU, for choosing checkpoints without labels."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from mmxas.codecs.predictions import crop_normalised, read_prediction
from mmxas.evaluation.mask_overlap import skeleton_mask_iou
from mmxas.registry import METRICS

from .label_free_metric import LabelFreeMetric


@METRICS.register_module()
class MaskIoUMetric(LabelFreeMetric):
    """Mean IoU of the drawn top-1 skeleton and the foreground mask: ``xas/mask_iou`` in [0, 1].

    Args:
        width: Squared width of the drawn lines, crop-normalised. Defaults to 3e-3.
        threshold: Intensity above which a pixel counts as drawn. Defaults to 0.2.
        size: Side in px to which both are resized for the comparison. Defaults to 64.
        **kwargs: Arguments of :class:`~.label_free_metric.LabelFreeMetric`.
    """

    quantity, unit = 'mask_iou', 'intersection over union'
    needs = 'a mask: mask_iou needs masks, give the data set masks, and LoadMask to its pipeline'

    def __init__(self, width: float = 3e-3, threshold: float = 0.2, size: int = 64, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.drawing = {'width': width, 'threshold': threshold, 'size': size}

    def values(self, data_batch: Any, data_samples: Sequence[dict]) -> list[float | None]:
        """Return the IoU per sample, None without a mask."""
        return self.mask_ious(data_samples)

    def mask_ious(self, data_samples: Sequence[dict]) -> list[float | None]:
        """Return the IoU per sample, None without a mask."""
        with_mask = [i for i, s in enumerate(data_samples) if 'mask' in (s.get('gt_fields') or {})]
        ious: list[float | None] = [None] * len(data_samples)
        if with_mask:
            predictions = [read_prediction(data_samples[i]) for i in with_mask]
            keypoints = np.stack([crop_normalised(prediction)[0, :, :2] for prediction in predictions])
            masks = torch.stack([torch.as_tensor(data_samples[i]['gt_fields']['mask']).cpu() for i in with_mask])
            found = skeleton_mask_iou(keypoints, masks, self.skeleton, align_corners=predictions[0].align_corners,
                                      **self.drawing)
            for i, iou in zip(with_mask, found):
                ious[i] = float(iou)
        return ious
