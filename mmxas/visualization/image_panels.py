"""Panels of the image: whole image, crop with a pose overlay, drawn skeleton mask.

h, w: image size, H: hypotheses, K: keypoints, L: links, S: side of a drawing in px.
"""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle

from mmxas.ops import draw_skeleton

from .pose_style import PoseStyle

BOX, CROP, OUTLINE = '#ffb000', '#ffffff', '#23d3ee'


def show_image(axes: Axes, image: np.ndarray, crop: np.ndarray | None = None, box: np.ndarray | None = None) -> None:
    """Show the whole image, with the box and the crop that the detector sees.

    Args:
        axes: Where to draw.
        image: (h, w, 3) uint8 RGB.
        crop: (4,) image px, or None.
        box: (4,) image px on pixel edges, or None.
    """
    axes.imshow(image)
    for bounds, color, style in ((crop, CROP, (0, (3, 2))), (None if box is None else box[:4] - 0.5, BOX, '-')):
        if bounds is not None:
            x0, y0, x1, y1 = bounds
            axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=color, linestyle=style,
                                     linewidth=1.4))
    axes.set_xlim(-0.5, image.shape[1] - 0.5)
    axes.set_ylim(image.shape[0] - 0.5, -0.5)
    axes.set_axis_off()


def show_crop(axes: Axes, image: np.ndarray, crop: np.ndarray, dim: float = 1.0) -> None:
    """Show the part of the image inside the crop; the area outside the image is grey.

    Args:
        axes: Where to draw.
        image: (h, w, 3) uint8 RGB.
        crop: (4,) image px.
        dim: Factor of the brightness. Defaults to 1.
    """
    axes.set_facecolor('#d9dce1')
    axes.imshow((image * dim).astype(np.uint8), interpolation='bilinear')
    axes.set_xlim(crop[0], crop[2])
    axes.set_ylim(crop[3], crop[1])
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def draw_overlay(axes: Axes, pixels: np.ndarray, style: PoseStyle, shown: np.ndarray | None = None,
                 width: float = 3.0) -> None:
    """Draw a 2D pose over an image.

    Args:
        axes: An axes of :func:`show_crop`.
        pixels: (K, 2) image px.
        style: Links and colours.
        shown: (K,) bool; a link is drawn if both ends are shown. Defaults to all.
        width: Width of a link in points. Defaults to 3.
    """
    shown = np.ones(len(pixels), dtype=bool) if shown is None else shown
    drawn = shown[style.links].all(axis=1)
    segments = pixels[style.links[drawn]]
    axes.add_collection(LineCollection(segments, colors=(0, 0, 0, 0.55), linewidths=width + 1.8, capstyle='round'))
    axes.add_collection(LineCollection(segments, colors=style.link_colors[drawn], linewidths=width, capstyle='round'))
    axes.scatter(*pixels[shown].T, s=width * 7, c=style.keypoint_colors[shown], edgecolors='white', linewidths=0.8,
                 zorder=3)


def skeleton_mask(keypoints: np.ndarray, links: Sequence[Sequence[int]], size: int = 256, width: float = 3e-3,
                  width_factors: Sequence[float] | None = None, align_corners: bool = False) -> np.ndarray:
    """Return the soft skeleton mask that the mask loss uses.

    Args:
        keypoints: (K, 2) in crop-normalised coordinates.
        links: (L, 2) keypoint indices.
        size: S. Defaults to 256.
        width: See :func:`mmxas.ops.draw_skeleton`. Defaults to 3e-3.
        width_factors: (L,) exponent factors, or None for 1.
        align_corners: Setting of the keypoints' model. Defaults to False.

    Returns:
        (S, S) in [0, 1].
    """
    drawn = draw_skeleton(torch.from_numpy(np.ascontiguousarray(keypoints))[None].float(), links, size, width=width,
                          width_factors=width_factors, align_corners=align_corners)
    return drawn[0, 0].numpy()


def show_mask(axes: Axes, drawn: np.ndarray, mask: np.ndarray | None = None) -> None:
    """Show a drawn skeleton mask, with the outline of the foreground mask if given.

    Args:
        axes: Where to draw.
        drawn: (S, S) in [0, 1].
        mask: (T, T) in [0, 1] over the same crop, or None.
    """
    axes.imshow(drawn, cmap='gray', vmin=0, vmax=1, extent=(0, 1, 1, 0), interpolation='bilinear')
    if mask is not None and 0 < mask.mean() < 1:
        ticks = (np.arange(len(mask)) + 0.5) / len(mask)
        axes.contour(ticks, ticks, mask, levels=[0.5], colors=OUTLINE, linewidths=1.2)
    axes.set_xlim(0, 1)
    axes.set_ylim(1, 0)
    axes.set_axis_off()
