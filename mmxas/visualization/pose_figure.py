"""Compose the picture of one instance: input, overlay, skeleton mask, all hypotheses in 3D, depth heatmaps."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from mmxas.codecs.predictions import crop_normalised

from .canvas import new_figure
from .depth_panel import hypothesis_color, show_depth_heatmaps
from .image_panels import draw_overlay, show_crop, show_image, show_mask, skeleton_mask
from .instance_view import InstanceView
from .pose_style import PoseStyle
from .pose_views import draw_floor, draw_ghost, draw_pose, mark_differences, project

# Assumed side of a crop of unknown size, for thresholds in mm.
ASSUMED_BOX_MM = 2000.0
TRUE_COLOR = '#0b8a3e'


@dataclass(frozen=True)
class FigureOptions:
    """Options of a picture.

    Attributes:
        mask_links: Links of the drawn skeleton mask; None for the style's.
        mask_width_factors: One per mask link, or None.
        views: (azimuth, elevation) in degrees, one per row of 3D poses; see :func:`~.pose_views.project`.
        difference_mm: Keypoints farther than this from those of the top-1 pose are circled.
        keypoint_threshold: Keypoints of lower visibility are not drawn on the image.
        dpi: Pixels per inch; a column is 2.5 inches wide.
    """

    mask_links: Sequence[Sequence[int]] | None = None
    mask_width_factors: Sequence[float] | None = None
    views: Sequence[tuple[float, float]] = ((30.0, 14.0), (100.0, 8.0))
    difference_mm: float = 50.0
    keypoint_threshold: float = 0.0
    dpi: int = 110


def pose_figure(image: np.ndarray, view: InstanceView, style: PoseStyle,
                options: FigureOptions | None = None) -> Figure:
    """Compose the picture of one instance.

    Args:
        image: (h, w, 3) uint8 RGB.
        view: Prediction and, if known, ground truth.
        style: Skeleton and colours.
        options: Options of the picture.

    Returns:
        The figure; :func:`~.canvas.figure_to_rgb` draws it.
    """
    options = options or FigureOptions()
    columns = max(3 + (view.true_pixels is not None), len(view.poses) + (view.true_pose is not None))
    heatmap_columns = 0 if view.depth_heatmap is None else 1
    heights = [2.5] + [2.6] * len(options.views)
    widths = [2.5] * columns + [3.4] * heatmap_columns
    figure = new_figure(sum(widths) + 0.3, sum(heights) + 0.75, options.dpi)
    grid = GridSpec(len(heights), len(widths), figure, width_ratios=widths, height_ratios=heights, left=0.01,
                    right=0.985, bottom=0.06, top=0.96, wspace=0.04, hspace=0.2)
    _image_row(figure, grid, image, view, style, options)
    _pose_rows(figure, grid, view, style.on_white(), options)
    if view.depth_heatmap is not None:
        axes = figure.add_subplot(grid[:, columns])
        _widen_left(axes, 0.24)
        true_depth = None if view.true_pose is None else view.true_pose[:, 2]
        show_depth_heatmaps(axes, view.depth_heatmap, view.depth_range, view.depths, view.prediction.valid,
                            style.on_white(), view.unit, true_depth)
        _title(axes, 'depth heatmaps')
    return figure


def _image_row(figure: Figure, grid: GridSpec, image: np.ndarray, view: InstanceView, style: PoseStyle,
               options: FigureOptions) -> None:
    """Draw the whole image, the crop with the top-1 pose, and the skeleton mask."""
    prediction = view.prediction
    axes = figure.add_subplot(grid[0, 0])
    show_image(axes, image, prediction.crop, view.box)
    _title(axes, 'image, box and crop')
    axes = figure.add_subplot(grid[0, 1])
    show_crop(axes, image, prediction.crop)
    draw_overlay(axes, prediction.hypotheses[0, :, :2], style, view.visible >= options.keypoint_threshold)
    _title(axes, 'top-1 pose')
    axes = figure.add_subplot(grid[0, 2])
    links = style.links if options.mask_links is None else options.mask_links
    if len(links):
        drawn = skeleton_mask(crop_normalised(prediction)[0, :, :2], links, align_corners=prediction.align_corners,
                              width_factors=options.mask_width_factors)
        show_mask(axes, drawn, view.mask)
        _title(axes, 'skeleton mask' + (' and body outline' if view.mask is not None else ''))
    else:
        axes.set_axis_off()
    if view.true_pixels is not None:
        axes = figure.add_subplot(grid[0, 3])
        show_crop(axes, image, prediction.crop)
        draw_overlay(axes, view.true_pixels, style, view.true_visible)
        _title(axes, 'true pose', TRUE_COLOR)


def _pose_rows(figure: Figure, grid: GridSpec, view: InstanceView, style: PoseStyle, options: FigureOptions) -> None:
    """Draw one row per view direction, one column per hypothesis, and the ground truth in the last column."""
    threshold = options.difference_mm / (1.0 if view.unit == 'mm' else ASSUMED_BOX_MM)
    differs, errors = view.differs(threshold), view.errors()
    poses = list(view.poses) + ([] if view.true_pose is None else [view.true_pose])
    stacked = np.stack(poses)
    floor, half = float(stacked[..., 1].max()), 0.62 * float(np.ptp(stacked.reshape(-1, 3), axis=0).max())
    for row, direction in enumerate(options.views, start=1):
        projected = project(stacked, *direction)
        centre, reach = _frame(projected)
        for column, points in enumerate(projected):
            axes = figure.add_subplot(grid[row, column])
            draw_floor(axes, floor, half, *direction)
            if column > 0:
                draw_ghost(axes, projected[0], style)
            draw_pose(axes, points, style)
            if column < len(view.poses):
                mark_differences(axes, points, projected[0], differs[column])
            axes.set_xlim(centre[0] - reach, centre[0] + reach)
            axes.set_ylim(centre[1] - reach, centre[1] + reach)
            axes.set_aspect('equal')
            axes.set_axis_off()
            if row == 1:
                _pose_title(axes, view, column, differs, errors)
    _view_names(figure, grid, options)


def _pose_title(axes: Axes, view: InstanceView, column: int, differs: np.ndarray, errors: np.ndarray | None) -> None:
    """Set the title: rank of the pose, score, differences from the top-1 pose, and error."""
    if column == len(view.poses):
        _title(axes, 'ground truth', TRUE_COLOR)
        return
    score = f'score {view.pose_scores()[column]:.2g}'
    if errors is not None:
        score += f' · error {errors[column]:.0f} mm'
    if column == 0:
        _title(axes, f'top-1 pose\n{score}', hypothesis_color(0))
    elif not view.prediction.valid[column].any():
        _title(axes, f'hypothesis {column + 1}\nno peak of its own', '#8b929c')
    else:
        count = int(differs[column].sum())
        changed = f'{count} keypoint{"" if count == 1 else "s"} differ{"s" if count == 1 else ""}'
        _title(axes, f'hypothesis {column + 1} · {changed}\n{score}', hypothesis_color(column))


def _view_names(figure: Figure, grid: GridSpec, options: FigureOptions) -> None:
    """Write the view direction of each row at its lower left."""
    for row, (azimuth, _) in enumerate(options.views, start=1):
        place = grid[row, 0].get_position(figure)
        side = 'right' if azimuth > 0 else 'left'
        name = 'seen from the camera' if azimuth == 0 else f'seen from {abs(azimuth):.0f}° {side}'
        figure.text(place.x0 + 0.004, place.y0 - 0.012, name, fontsize=7.5, color='#7a828d')


def _frame(projected: np.ndarray) -> tuple[np.ndarray, float]:
    """Return centre (2,) and half side of the square around all projected poses."""
    flat = projected[..., :2].reshape(-1, 2)
    low, high = flat.min(axis=0), flat.max(axis=0)
    return (low + high) / 2, 0.58 * max(float((high - low).max()), 1e-6)


def _widen_left(axes: Axes, share: float) -> None:
    """Add space for names at the left of an axes."""
    place = axes.get_position()
    axes.set_position([place.x0 + share * place.width, place.y0, (1 - share) * place.width, place.height])


def _title(axes: Axes, text: str, color: str = '#23272e') -> None:
    axes.set_title(text, fontsize=9, color=color, pad=4, linespacing=1.25)
