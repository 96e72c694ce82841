"""How far each pixel is from the surroundings of a box, by way of colours: a body is hard to reach, background is not.

h, w: size of the image.
"""
from __future__ import annotations

import cv2
import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

_STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))  # dy, dx: the half of the 8 neighbours that comes later
_PER_PIXEL = 0.02  # a little cost of length, which sets apart equal colours
_FREE = 1e-4  # a step outside the box; csgraph takes 0 for no link


def inside_box(box: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Pixels (h, w) whose centre lies in a box (4,) on pixel edges, as bool."""
    y, x = np.arange(shape[0])[:, None] + 0.5, np.arange(shape[1])[None] + 0.5
    return (x > box[0]) & (x < box[2]) & (y > box[1]) & (y < box[3])


def geodesic_distance(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Return the smallest sum of colour steps on a path from outside the box to each pixel.

    Args:
        image: (h, w, 3) uint8 BGR.
        box: (4,) image px on pixel edges.

    Returns:
        np.ndarray: (h, w) float32 in units of OpenCV's 8-bit L*a*b*, 0 outside the box; where the box fills the image,
            the distance from its border.
    """
    lab = cv2.cvtColor(image, cv2.COLOR_BGR2LAB).astype(np.float32)
    height, width = lab.shape[:2]
    outside = ~inside_box(box, lab.shape)
    if not outside.any():
        outside[[0, -1]] = outside[:, [0, -1]] = True
    index = np.arange(height * width).reshape(height, width)
    links = []
    for dy, dx in _STEPS:
        here = slice(0, height - dy), slice(max(0, -dx), width - max(0, dx))
        there = slice(dy, height), slice(max(0, dx), width - max(0, -dx))
        cost = np.linalg.norm(lab[here] - lab[there], axis=2) + _PER_PIXEL * np.hypot(dy, dx)
        cost[outside[here] & outside[there]] = _FREE
        links.append([index[here].ravel(), index[there].ravel(), cost.ravel()])
    rows, columns, costs = (np.concatenate(parts) for parts in zip(*links, strict=True))
    graph = coo_matrix((costs, (rows, columns)), shape=(index.size, index.size)).tocsr()
    start = np.flatnonzero(outside.ravel())
    distance = dijkstra(graph, directed=False, indices=start, min_only=True)
    return np.where(outside, 0, distance.reshape(height, width)).astype(np.float32)


def otsu_threshold(values: np.ndarray) -> float:
    """Return the value that splits ``values`` (n,), not negative, into two groups of least variance (Otsu)."""
    top = float(np.percentile(values, 98))
    if top <= 0:
        return 0.0
    levels = np.clip(values / top * 255, 0, 255).astype(np.uint8).reshape(-1, 1)
    return (cv2.threshold(levels, 0, 255, cv2.THRESH_OTSU)[0] + 1) / 255 * top
