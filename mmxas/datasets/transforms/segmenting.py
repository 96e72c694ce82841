"""A mask for images that come without one."""
from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform

from mmxas.registry import SEGMENTERS, TRANSFORMS


@TRANSFORMS.register_module()
class SegmentInBox(BaseTransform):
    """Segment the body in its box, where the sample has no mask: for photos, in a pipeline that removes backgrounds.

    A box that is the whole image says nothing about where the body is: such a sample stays without a mask, and
    ``RemoveBackground`` leaves its background.

    Required keys: ``img`` (h, w, 3) uint8 BGR, ``bbox`` (1, 4) x0, y0, x1, y1 px. Added key, where there is none:
    ``mask`` (h, w) uint8, 0 or 255.

    Args:
        segmenter: Config of a segmenter. Defaults to GrabCut, which works offline.
    """

    def __init__(self, segmenter: dict | None = None) -> None:
        self.segmenter = SEGMENTERS.build(segmenter or dict(type='GrabCutSegmenter'))

    def transform(self, results: dict) -> dict:
        """Add a mask to one sample, or leave it as it is."""
        if results.get('mask') is not None:
            return results
        height, width = results['img'].shape[:2]
        box = np.asarray(results['bbox'], dtype=np.float64).reshape(-1, 4)[0]
        if (box[:2] <= 1).all() and box[2] >= width - 1 and box[3] >= height - 1:
            return results
        mask = self.segmenter.segment(results['img'], box)
        if mask.any():
            results['mask'] = mask.astype(np.uint8) * 255
        return results
