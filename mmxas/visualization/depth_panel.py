"""Draw depth heatmaps of all keypoints, with the peaks of the hypotheses.

K: keypoints, D: depth bins, H: hypotheses.
"""
from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from .pose_style import PoseStyle

MARKERS = 'osD^vP'
PEAK_COLORS = ('#111418', '#d81e2c', '#7a3fd1', '#0f8a5f', '#b06a00', '#0b6fb8')


def hypothesis_color(index: int) -> str:
    """Return the colour of a hypothesis, the same in all panels; the top-1 pose is black."""
    return PEAK_COLORS[index % len(PEAK_COLORS)]


def show_depth_heatmaps(axes: Axes, heatmap: np.ndarray, depth_range: tuple[float, float], depths: np.ndarray,
                        valid: np.ndarray, style: PoseStyle, unit: str, truth: np.ndarray | None = None) -> None:
    """Draw one ridge per keypoint, scaled to its highest peak.

    Args:
        axes: Axes to draw on.
        heatmap: (K, D) probability along depth (equation 3).
        depth_range: Depth at the two ends of the heatmap.
        depths: (H, K) depth of each hypothesis.
        valid: (H, K) bool; only valid peaks are marked.
        style: Names and colours.
        unit: Unit of the depths, for the label.
        truth: (K,) ground-truth depth, or None.
    """
    num_keypoints, bins = heatmap.shape
    low, high = depth_range
    centres = low + (high - low) * (np.arange(bins) + 0.5) / bins
    ridges = 1.25 * heatmap / np.maximum(heatmap.max(axis=1, keepdims=True), 1e-12)
    for row in range(num_keypoints):
        base = num_keypoints - 1 - row
        axes.fill_between(centres, base, base + ridges[row], color=style.keypoint_colors[row], alpha=0.35, linewidth=0,
                          zorder=2 * row + 1)
        axes.plot(centres, base + ridges[row], color=style.keypoint_colors[row], linewidth=1.1, zorder=2 * row + 2)
    top = 2 * num_keypoints + 3
    base = np.arange(num_keypoints)[::-1]
    for index in range(len(depths))[::-1]:
        shown = valid[index]
        axes.scatter(depths[index, shown], base[shown] + 0.12, s=28, marker=MARKERS[index % len(MARKERS)],
                     color=hypothesis_color(index), edgecolors='white', linewidths=0.6,
                     zorder=top + len(depths) - index, label=f'{index + 1}')
    if truth is not None:
        axes.scatter(truth, base + 0.22, s=170, marker='|', color='#0b8a3e', linewidths=2, zorder=top - 1, label='true')
    _finish(axes, heatmap, centres, depths, style, unit)


def _finish(axes: Axes, heatmap: np.ndarray, centres: np.ndarray, depths: np.ndarray, style: PoseStyle,
            unit: str) -> None:
    """Set limits around the content, and add names and legend."""
    mass = heatmap.max(axis=0) > 0.02 * heatmap.max()
    shown = np.concatenate([centres[mass], depths.ravel()])
    margin = 0.06 * max(float(np.ptp(shown)), 1e-3)
    axes.set_xlim(shown.min() - margin, shown.max() + margin)
    axes.set_ylim(-0.35, len(heatmap) + 1.6)
    axes.set_yticks(np.arange(len(heatmap))[::-1], [name.replace('_', ' ') for name in style.names], fontsize=7.5)
    axes.axvline(0, color='#9aa1ab', linewidth=0.7, linestyle=(0, (4, 3)), zorder=0)
    axes.tick_params(axis='x', labelsize=7.5)
    axes.tick_params(axis='y', length=0)
    axes.set_xlabel(f'depth behind the root ({"mm" if unit == "mm" else "crop sides"})', fontsize=8)
    for side in ('top', 'right', 'left'):
        axes.spines[side].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda i: (labels[i] == 'true', labels[i]))
    axes.legend([handles[i] for i in order], [labels[i] for i in order], loc='upper right', fontsize=7.5,
                ncols=len(labels), frameon=False, handletextpad=0.1, columnspacing=0.9, title='hypothesis',
                title_fontsize=7.5)
