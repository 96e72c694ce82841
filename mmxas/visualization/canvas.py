"""Figures without a window system or global state, and atomic writing of pictures."""
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mmxas.io.atomic_writes import write_whole


def new_figure(width: float, height: float, dpi: int) -> Figure:
    """Return a white figure that is not registered in ``pyplot``.

    Args:
        width: Inches.
        height: Inches.
        dpi: Pixels per inch.
    """
    figure = Figure(figsize=(width, height), dpi=dpi, facecolor='white')
    FigureCanvasAgg(figure)
    return figure


def figure_to_rgb(figure: Figure) -> np.ndarray:
    """Draw a figure of :func:`new_figure`.

    Returns:
        (h, w, 3) uint8 RGB.
    """
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()


def write_picture(path: str | Path, picture: np.ndarray) -> Path:
    """Write a picture atomically.

    Args:
        path: File to write; the suffix defines the format (``.png``, ``.jpg``, ...). Missing folders are created.
        picture: (h, w, 3) uint8 RGB.

    Returns:
        The path.

    Raises:
        ValueError: The suffix is not an image format.
    """
    path = Path(path)
    try:
        done, data = cv2.imencode(path.suffix, np.ascontiguousarray(picture[..., ::-1]))
    except cv2.error:
        done = False
    if not done:
        raise ValueError(f'{path}: a name that ends in .png or .jpg expected')
    return write_whole(path, data.tobytes())
