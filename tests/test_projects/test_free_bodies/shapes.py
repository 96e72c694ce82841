"""Small meshes."""
import numpy as np


def box() -> tuple[np.ndarray, np.ndarray]:
    """A box of 1 x 2 x 3, its faces outwards: vertices (8, 3), faces (12, 3)."""
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 2) for z in (0, 3)], float)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return corners, np.array([triangle for a, b, c, d in quads for triangle in ((a, b, c), (a, c, d))])


def mirrored_grid(half_width: int, height: int) -> tuple[np.ndarray, list[list[int]]]:
    """A flat grid of unit quads on both sides of x = 0: vertices (V, 3), quads."""
    columns = 2 * half_width + 1
    vertices = np.array([[x - half_width, y, 0] for y in range(height + 1) for x in range(columns)], float)
    quads = [[y * columns + x, y * columns + x + 1, (y + 1) * columns + x + 1, (y + 1) * columns + x]
             for y in range(height) for x in range(columns - 1)]
    return vertices, quads


def sphere(rings: int, segments: int) -> tuple[np.ndarray, np.ndarray]:
    """A unit sphere symmetric at x = 0 and triangulated by fans and strips: vertices (V, 3), faces (F, 3)."""
    angles = np.arange(segments) * 2 * np.pi / segments
    heights = np.arange(1, rings) * np.pi / rings
    body = [[np.sin(t) * np.sin(a), np.cos(t), np.sin(t) * np.cos(a)] for t in heights for a in angles]
    vertices = np.array([[0, 1, 0], *body, [0, -1, 0]], float)
    last = len(vertices) - 1
    faces = []
    for i in range(segments):
        j = (i + 1) % segments
        faces += [(0, 1 + i, 1 + j), (last, last - segments + j, last - segments + i)]
        for ring in range(rings - 2):
            a, b, c, d = (1 + (ring + r) * segments + k for r, k in ((0, i), (1, i), (1, j), (0, j)))
            faces += [(a, b, c), (a, c, d)] if i < segments // 2 else [(a, b, d), (b, c, d)]
    return vertices, np.array(faces)
