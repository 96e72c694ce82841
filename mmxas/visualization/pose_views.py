"""Draw a 3D pose from a direction: parallel projection, nearer links over farther ones.

K: keypoints, L: links. Frame: x right, y down, z away from the camera.
"""
from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from .pose_style import PoseStyle

GHOST, MARK, FLOOR = '#b8bcc4', '#d81e2c', '#e3e6eb'


def project(points: np.ndarray, azimuth: float, elevation: float) -> np.ndarray:
    """Project points along a view direction.

    Args:
        points: (..., 3) x right, y down, z away from the camera.
        azimuth: Direction of the viewer around the body in degrees: 0 is at the camera, 90 at the image's right.
        elevation: Elevation of the viewer in degrees.

    Returns:
        (..., 3) right, up, away from the viewer.
    """
    turn, tilt = np.deg2rad([azimuth, elevation])
    x, y, z = np.moveaxis(np.asarray(points, dtype=np.float64), -1, 0)
    right = x * np.cos(turn) + z * np.sin(turn)
    away = z * np.cos(turn) - x * np.sin(turn)
    down = y * np.cos(tilt) - away * np.sin(tilt)
    return np.stack([right, -down, y * np.sin(tilt) + away * np.cos(tilt)], axis=-1)


def draw_floor(axes: Axes, height: float, half: float, azimuth: float, elevation: float, lines: int = 7) -> None:
    """Draw a square floor grid below the pose.

    Args:
        axes: Where to draw.
        height: y of the floor (down).
        half: Half of its side.
        azimuth: Direction of view, see :func:`project`.
        elevation: Direction of view.
        lines: Grid lines each way. Defaults to 7.
    """
    ticks = np.linspace(-half, half, lines)
    ends = np.array([-half, half])
    along = [np.stack([np.full(2, tick), np.full(2, height), ends], axis=-1) for tick in ticks]
    across = [np.stack([ends, np.full(2, height), np.full(2, tick)], axis=-1) for tick in ticks]
    grid = project(np.stack(along + across), azimuth, elevation)[..., :2]
    axes.add_collection(LineCollection(grid, colors=FLOOR, linewidths=0.7, zorder=0))


def draw_pose(axes: Axes, points: np.ndarray, style: PoseStyle, width: float = 3.0) -> None:
    """Draw a projected pose, far links first and paler.

    Args:
        axes: Where to draw.
        points: (K, 3) of :func:`project`.
        style: Links and colours.
        width: Width of a link in points. Defaults to 3.
    """
    depth = points[style.links, 2].mean(axis=1)
    order = np.argsort(-depth)
    spread = max(float(np.ptp(depth)), 1e-9) if len(depth) else 1.0
    segments, colors, widths = [], [], []
    for link in order:
        segment = points[style.links[link], :2]
        pale = 0.45 * (depth[link] - depth.min()) / spread
        segments += [segment, segment]
        colors += [np.ones(3), style.link_colors[link] * (1 - pale) + pale]
        widths += [width + 2.0, width]
    axes.add_collection(LineCollection(segments, colors=colors, linewidths=widths, capstyle='round', zorder=3))
    axes.scatter(points[:, 0], points[:, 1], s=width * 6, c=style.keypoint_colors, edgecolors='white', linewidths=0.6,
                 zorder=4)


def draw_ghost(axes: Axes, points: np.ndarray, style: PoseStyle, width: float = 2.0) -> None:
    """Draw a projected pose (K, 3) in grey, as the reference of a comparison."""
    axes.add_collection(LineCollection(points[style.links, :2], colors=GHOST, linewidths=width, capstyle='round',
                                       zorder=1))


def mark_differences(axes: Axes, points: np.ndarray, reference: np.ndarray, marked: np.ndarray) -> None:
    """Circle keypoints and connect them with those of the reference.

    Args:
        axes: Where to draw.
        points: (K, 3) projected pose.
        reference: (K, 3) projected pose to compare with.
        marked: (K,) bool.
    """
    ties = np.stack([reference[marked, :2], points[marked, :2]], axis=1)
    axes.add_collection(LineCollection(ties, colors=MARK, linewidths=0.9, linestyles=':', zorder=2))
    axes.scatter(points[marked, 0], points[marked, 1], s=85, facecolors='none', edgecolors=MARK, linewidths=1.5,
                 zorder=5)
