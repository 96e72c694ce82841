"""GrabCut, prompted by a box."""
from __future__ import annotations

import cv2
import numpy as np

from mmxas.registry import SEGMENTERS

from .segmenter import Segmenter, clip_box, crop_window, inside_box, main_components


@SEGMENTERS.register_module()
class GrabCutSegmenter(Segmenter):
    """Segment the contents of a box with OpenCV's GrabCut (Rother et al. 2004), on an enlarged crop.

    The initial trimap is an ellipse in the box: its core is foreground, the rest of it probably foreground, the corners
    of the box probably background, and everything outside the box background. It works offline and for any category; it
    only needs a tight box.

    Args:
        size: The larger side of the box in the enlarged (or shrunk) crop, px. Defaults to 150.
        margin: Width of the background around the box from which colours are learnt, as a fraction of the box's larger
            side. Defaults to 0.5.
        iterations: Number of GrabCut iterations. Defaults to 5.
        padding: The box is first enlarged by this fraction of its larger side, for boxes that cut off the body.
            Defaults to 0.
        ellipse: Half-axes of the ellipse, as a fraction of the box's sides. Defaults to 0.5: the ellipse touches the
            box.
        core: Half-axes of its core, likewise. Defaults to 0.1.
        parts: Connected components with at least this share of the largest one's area are kept. Defaults to 0.05.

    Raises:
        ValueError: A number is out of range.
    """

    needs_box = True

    def __init__(self, size: int = 150, margin: float = 0.5, iterations: int = 5, padding: float = 0.0,
                 ellipse: float = 0.5, core: float = 0.1, parts: float = 0.05) -> None:
        if size < 16 or not margin > 0 or iterations < 1 or padding < 0 or not 0 <= core <= ellipse:
            raise ValueError(f'size={size}, margin={margin}, iterations={iterations}, padding={padding}, '
                             f'core={core}, ellipse={ellipse}: expected size >= 16, margin > 0, iterations >= 1, '
                             'padding >= 0, 0 <= core <= ellipse')
        self.size, self.margin, self.iterations, self.padding = size, margin, iterations, padding
        self.ellipse, self.core, self.parts = ellipse, core, parts

    def segment(self, image: np.ndarray, box: np.ndarray | None = None) -> np.ndarray:
        """Segment the body in the box; see :class:`Segmenter`.

        Raises:
            ValueError: There is no box, or it does not lie in the image.
        """
        if box is None:
            raise ValueError('GrabCutSegmenter is prompted by a box, and there is none for this image')
        box = clip_box(box, image.shape)
        grown = self.padding * (box[2:] - box[:2]).max()
        box = clip_box(box + np.array([-grown, -grown, grown, grown]), image.shape)
        side = (box[2:] - box[:2]).max()
        x0, y0, x1, y1 = crop_window(box, self.margin, image.shape)
        crop = _resize(image[y0:y1, x0:x1], self.size / side)
        scale = np.array([crop.shape[1] / (x1 - x0), crop.shape[0] / (y1 - y0)] * 2)
        trimap = initial_trimap((box - [x0, y0, x0, y0]) * scale, crop.shape, self.ellipse, self.core)
        body = _shrink_mask(grab_cut(crop, trimap, self.iterations), (x1 - x0, y1 - y0))
        mask = np.zeros(image.shape[:2], dtype=bool)
        mask[y0:y1, x0:x1] = main_components(body, self.parts)
        return mask & inside_box(box, image.shape)


def initial_trimap(box: np.ndarray, shape: tuple[int, ...], ellipse: float = 0.5, core: float = 0.1) -> np.ndarray:
    """Return the initial trimap for GrabCut.

    Args:
        box: (4,) px on pixel edges.
        shape: (h, w, ...) of the crop.
        ellipse: Half-axes of the ellipse of probable foreground, as a fraction of the box's sides. Defaults to 0.5.
        core: Half-axes of the core of certain foreground, likewise. Defaults to 0.1.

    Returns:
        (h, w) uint8 of OpenCV's ``GC_BGD``, ``GC_FGD``, ``GC_PR_BGD`` and ``GC_PR_FGD``.
    """
    y, x = np.arange(shape[0])[:, None] + 0.5, np.arange(shape[1])[None] + 0.5
    centre, sides = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    radius = np.hypot((x - centre[0]) / sides[0], (y - centre[1]) / sides[1])
    trimap = np.where(radius < ellipse, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
    trimap[radius < core] = cv2.GC_FGD
    trimap[~inside_box(box, shape)] = cv2.GC_BGD
    return trimap.astype(np.uint8)


def grab_cut(image: np.ndarray, trimap: np.ndarray, iterations: int) -> np.ndarray:
    """Run OpenCV's GrabCut from a trimap, reproducibly.

    Args:
        image: (h, w, 3) uint8 BGR.
        trimap: (h, w) uint8 of OpenCV's ``GC_*``.
        iterations: Number of iterations.

    Returns:
        (h, w) bool; all False if the trimap has no possible foreground, all True if it has no possible
            background.
    """
    is_body = (trimap == cv2.GC_FGD) | (trimap == cv2.GC_PR_FGD)
    if is_body.all() or not is_body.any():
        return is_body
    cv2.setRNGSeed(0)  # for the k-means that initialises the colour models
    labels = trimap.copy()
    cv2.grabCut(np.ascontiguousarray(image), labels, None, np.zeros((1, 65)), np.zeros((1, 65)), iterations,
                cv2.GC_INIT_WITH_MASK)
    return (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)


def _resize(image: np.ndarray, factor: float) -> np.ndarray:
    """Enlarge by smooth interpolation, or shrink by area averaging."""
    size = max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor))
    return cv2.resize(image, size, interpolation=cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA)


def _shrink_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize a mask (bool) to (w, h); a pixel is set if more than half of it is covered."""
    way = cv2.INTER_AREA if size[0] <= mask.shape[1] else cv2.INTER_LINEAR
    return cv2.resize(mask.astype(np.float32), size, interpolation=way) > 0.5
