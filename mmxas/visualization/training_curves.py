"""Draw curves of a training run from the scalars that mmengine writes."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mmxas.visualization.canvas import figure_to_rgb, new_figure


def read_scalars(path: str | Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Read ``vis_data/scalars.json``: one JSON object per line.

    Args:
        path: The file, or the work directory of a run, whose newest file is read.

    Returns:
        (steps, values) by name, each (M,). Steps are iterations for losses and epochs for metrics.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: A line is not a JSON object; the message has file and line.
    """
    path = Path(path)
    if path.is_dir():
        found = sorted(path.glob('*/vis_data/scalars.json'))
        if not found:
            raise FileNotFoundError(f'{path}: no <time>/vis_data/scalars.json in it; is it a run\'s work directory?')
        path = found[-1]
    points: dict[str, list[tuple[float, float]]] = {}
    for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), start=1):
        try:
            record = json.loads(line)
            step = record['step']
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise ValueError(f'{path}, line {number}: a JSON object with a "step" expected, '
                             f'got {line[:60]!r}') from error
        for name, value in record.items():
            if isinstance(value, int | float) and name != 'step':
                points.setdefault(name, []).append((step, value))
    return {name: tuple(np.array(column) for column in zip(*pairs, strict=True)) for name, pairs in points.items()}


def draw_curves(runs: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]], names: Sequence[str]) -> np.ndarray:
    """Draw one panel per scalar, one line per run.

    Args:
        runs: Scalars of :func:`read_scalars` by label.
        names: Names of scalars, such as ``loss_render``.

    Returns:
        (h, w, 3) uint8 RGB.

    Raises:
        KeyError: No run has one of the names; the message lists the known ones.
    """
    figure = new_figure(3.2 * len(names), 2.6, dpi=110)
    for index, name in enumerate(names):
        if not any(name in scalars for scalars in runs.values()):
            known = sorted({key for scalars in runs.values() for key in scalars})
            raise KeyError(f'no run has the scalar {name!r}; there are {", ".join(known)}')
        axes = figure.add_subplot(1, len(names), index + 1)
        for label, scalars in runs.items():
            if name in scalars:
                axes.plot(*scalars[name], label=label, linewidth=1.2)
        axes.set_title(name, fontsize=9)
        axes.set_xlabel('iteration', fontsize=8)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
        if len(runs) > 1:
            axes.legend(fontsize=7)
    figure.tight_layout()
    return figure_to_rgb(figure)
