"""GrabCut, prompted by a box."""
from __future__ import annotations

import cv2
import numpy as np

from mmxas.registry import SEGMENTERS

from .colour_models import refine_by_colours
from .geodesic import geodesic_distance, inside_box, otsu_threshold
from .segmenter import Segmenter, clip_box, main_components


@SEGMENTERS.register_module()
class GrabCutSegmenter(Segmenter):
    """OpenCV's GrabCut inside a box, told where to start, and corrected where it smooths too much.

    1. What a path of small colour steps reaches from outside the box starts as background; what is hard to reach, and
       what lies in an ellipse in the box and is not easy to reach, starts as body (:mod:`.geodesic`).
    2. GrabCut (Rother et al. 2004) on an enlarged crop.
    3. Colour models of its mask and of all around it, with the reachability as a prior and less smoothing, which
       brings back thin limbs (:mod:`.colour_models`).

    It works offline and knows no category: it takes what is in the box, so that a tight box is all it needs.

    Args:
        size: The larger side of the box in the enlarged (or shrunk) crop, px. Defaults to 150.
        margin: Background around the box that the colours are learnt from, as a fraction of the box's larger side.
            Defaults to 0.5.
        iterations: Rounds of GrabCut. Defaults to 5.
        padding: The box grows by this fraction of its larger side first, for boxes that cut the body. Defaults to 0.
        ellipse: Half-axes of the ellipse, as a fraction of the box's sides. Defaults to 0.5, which touches the box.
        core: The same of a small ellipse that starts, and stays in step 2, as body. Defaults to 0.06.
        refine: Weight of reachability in step 3, None for no step 3. Defaults to 1.
        parts: Connected parts are kept from this share of the largest one's area on. Defaults to 0.05.

    Raises:
        ValueError: A number is out of range.
    """

    needs_box = True

    def __init__(self, size: int = 150, margin: float = 0.5, iterations: int = 5, padding: float = 0.0,
                 ellipse: float = 0.5, core: float = 0.06, refine: float | None = 1.0, parts: float = 0.05) -> None:
        if size < 16 or not margin > 0 or iterations < 1 or padding < 0 or not 0 <= core <= ellipse:
            raise ValueError(f'size={size}, margin={margin}, iterations={iterations}, padding={padding}, '
                             f'core={core}, ellipse={ellipse}: expected size >= 16, margin > 0, iterations >= 1, '
                             'padding >= 0, 0 <= core <= ellipse')
        self.size, self.margin, self.iterations, self.padding = size, margin, iterations, padding
        self.ellipse, self.core, self.refine, self.parts = ellipse, core, refine, parts

    def segment(self, image: np.ndarray, box: np.ndarray | None = None) -> np.ndarray:
        """Find the body in the box; see :class:`Segmenter`.

        Raises:
            ValueError: There is no box, or it does not lie in the image.
        """
        if box is None:
            raise ValueError('GrabCutSegmenter is prompted by a box, and there is none for this image')
        box = clip_box(box, image.shape)
        grown = self.padding * (box[2:] - box[:2]).max()
        box = clip_box(box + np.array([-grown, -grown, grown, grown]), image.shape)
        side = (box[2:] - box[:2]).max()
        x0, y0, x1, y1 = _window(box, self.margin * side, image.shape)
        crop = _resize(image[y0:y1, x0:x1], self.size / side)
        scale = np.array([crop.shape[1] / (x1 - x0), crop.shape[0] / (y1 - y0)] * 2)
        body = _shrink_mask(self._segment_crop(crop, (box - [x0, y0, x0, y0]) * scale), (x1 - x0, y1 - y0))
        mask = np.zeros(image.shape[:2], dtype=bool)
        mask[y0:y1, x0:x1] = main_components(body, self.parts)
        return mask & inside_box(box, image.shape)

    def _segment_crop(self, crop: np.ndarray, box: np.ndarray) -> np.ndarray:
        reach = reachability(crop, box)
        body = grab_cut(crop, initial_trimap(reach, box, self.ellipse, self.core), self.iterations)
        if self.refine is None:
            return body
        prior = self.refine * np.clip(np.log((reach + 1e-3) / 0.7), -1.5, 1.5)
        return refine_by_colours(crop, body, inside_box(box, crop.shape), prior)


def reachability(image: np.ndarray, box: np.ndarray, size: int = 90) -> np.ndarray:
    """Return the geodesic distance from outside a box, in units of the threshold that splits it (Otsu).

    Args:
        image: (h, w, 3) uint8 BGR.
        box: (4,) image px on pixel edges.
        size: The larger side of the box where the distance is measured, px; larger boxes are shrunk to it. Defaults to
            90.

    Returns:
        np.ndarray: (h, w) float32: 0 outside the box, above 1 for what is hard to reach.
    """
    small = _resize(image, min(1.0, size / (box[2:] - box[:2]).max()))
    scale = np.array([small.shape[1] / image.shape[1], small.shape[0] / image.shape[0]] * 2)
    distance = geodesic_distance(small, box * scale)
    distance /= max(otsu_threshold(distance[inside_box(box * scale, small.shape)]), 1e-6)
    return cv2.resize(distance, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR)


def initial_trimap(reach: np.ndarray, box: np.ndarray, ellipse: float = 0.5, core: float = 0.06) -> np.ndarray:
    """Return where GrabCut starts from.

    Args:
        reach: (h, w) of :func:`reachability`.
        box: (4,) px on pixel edges.
        ellipse: Half-axes of the ellipse in the box's sides, where a pixel is body unless it is easy to reach. Defaults
            to 0.5.
        core: The same, where it is body in any case. Defaults to 0.06.

    Returns:
        np.ndarray: (h, w) uint8 of OpenCV's ``GC_BGD``, ``GC_FGD``, ``GC_PR_BGD`` and ``GC_PR_FGD``.
    """
    y, x = np.arange(reach.shape[0])[:, None] + 0.5, np.arange(reach.shape[1])[None] + 0.5
    centre, sides = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    radius = np.hypot((x - centre[0]) / sides[0], (y - centre[1]) / sides[1])
    trimap = np.where((reach > 1) | ((radius < ellipse) & (reach > 0.5)), cv2.GC_PR_FGD, cv2.GC_PR_BGD)
    trimap[reach < 0.25] = cv2.GC_BGD
    trimap[radius < core] = cv2.GC_FGD
    trimap[~inside_box(box, reach.shape)] = cv2.GC_BGD
    return trimap.astype(np.uint8)


def grab_cut(image: np.ndarray, trimap: np.ndarray, iterations: int) -> np.ndarray:
    """Run OpenCV's GrabCut from a trimap, reproducibly.

    Args:
        image: (h, w, 3) uint8 BGR.
        trimap: (h, w) uint8 of OpenCV's ``GC_*``.
        iterations: Rounds.

    Returns:
        np.ndarray: (h, w) bool; empty where the trimap leaves nothing to be body, nothing but body where it leaves no
            background.
    """
    is_body = (trimap == cv2.GC_FGD) | (trimap == cv2.GC_PR_FGD)
    if is_body.all() or not is_body.any():
        return is_body
    cv2.setRNGSeed(0)  # k-means, which the colour models start from
    labels = trimap.copy()
    cv2.grabCut(np.ascontiguousarray(image), labels, None, np.zeros((1, 65)), np.zeros((1, 65)), iterations,
                cv2.GC_INIT_WITH_MASK)
    return (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)


def _window(box: np.ndarray, margin: float, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """The box with a margin in px, inside the image."""
    x0, y0 = (int(np.floor(max(0, value - margin))) for value in box[:2])
    x1, y1 = (int(np.ceil(min(limit, value + margin))) for value, limit in zip(box[2:], shape[1::-1], strict=True))
    return x0, y0, x1, y1


def _resize(image: np.ndarray, factor: float) -> np.ndarray:
    """Enlarge smoothly or shrink by areas."""
    size = max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor))
    return cv2.resize(image, size, interpolation=cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA)


def _shrink_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A mask (bool) in another size (w, h): where more than half of a pixel is set."""
    way = cv2.INTER_AREA if size[0] <= mask.shape[1] else cv2.INTER_LINEAR
    return cv2.resize(mask.astype(np.float32), size, interpolation=way) > 0.5
