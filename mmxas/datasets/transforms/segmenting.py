"""Segment images without a mask."""
from __future__ import annotations

import logging

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.logging import print_log

from mmxas.masks.mask_checks import mask_problems
from mmxas.masks.saliency import default_segmenter
from mmxas.ops.boxes import is_whole_image
from mmxas.registry import SEGMENTERS, TRANSFORMS

BAD = {'empty', 'tiny', 'full frame', 'fills its box'}


@TRANSFORMS.register_module()
class SegmentInBox(BaseTransform):
    """Segment the body in its box if the sample has no mask, for photos in a pipeline that removes backgrounds.

    A box that covers the whole image counts as no box: a segmenter that does not need a box then processes the whole
    image; with any other segmenter, the sample stays without a mask.

    Empty, nearly empty and nearly full masks are logged with their image. An empty mask is never kept.

    Required keys: ``img`` (h, w, 3) uint8 BGR, ``bbox`` (1, 4) x0, y0, x1, y1 px. Optional key: ``img_path``. Added
    keys, if there is no mask: ``mask`` (h, w) uint8, 0 or 255, and ``mask_source``, the segmenter's name. Without a
    mask, ``RemoveBackground`` leaves the background.

    Args:
        segmenter: Config of a segmenter. Defaults to None: ``SaliencySegmenter``, or GrabCut if its weights are
            missing.
        on_bad_mask: ``'keep'`` keeps a nearly empty or nearly full mask, ``'skip'`` leaves the sample without one.
            Defaults to ``'keep'``.

    Raises:
        ValueError: ``on_bad_mask`` is unknown, or the segmenter's arguments are invalid.
    """

    def __init__(self, segmenter: dict | None = None, on_bad_mask: str = 'keep') -> None:
        if on_bad_mask not in ('keep', 'skip'):
            raise ValueError(f"on_bad_mask={on_bad_mask!r}, expected 'keep' or 'skip'")
        self.segmenter = SEGMENTERS.build(segmenter or default_segmenter())
        self.on_bad_mask = on_bad_mask

    def transform(self, results: dict) -> dict:
        """Add a mask to one sample, or return it unchanged."""
        if results.get('mask') is not None:
            return results
        box = np.asarray(results['bbox'], dtype=np.float64).reshape(-1, 4)[0]
        if is_whole_image(box, results['img'].shape):
            if self.segmenter.needs_box:
                return results
            box = None
        mask = self.segmenter.segment(results['img'], box)
        problems = [problem for problem in mask_problems(mask, box) if problem in BAD]
        kept = mask.any() and not (problems and self.on_bad_mask == 'skip')
        if problems:
            place = 'whole image' if box is None else f'box {box.round(1).tolist()}'
            print_log(f'{results.get("img_path", "an image")}, {place}: the mask is bad ({", ".join(problems)}); '
                      f'{"kept" if kept else "not used"}', 'current', logging.WARNING)
        if kept:
            results.update(mask=mask.astype(np.uint8) * 255, mask_source=type(self.segmenter).__name__)
        return results
