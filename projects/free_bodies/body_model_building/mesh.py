"""Triangle meshes with a mirror plane x = 0.

Shapes: V vertices, F faces, C columns of any per-vertex data.
"""
from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree


def mirror_map(vertices: np.ndarray, tolerance: float) -> np.ndarray:
    """Return each vertex's partner when the mesh is mirrored at x = 0.

    Args:
        vertices: (V, 3).
        tolerance: Largest distance between a mirrored vertex and its partner.

    Returns:
        np.ndarray: (V,) int64, -1 without a partner. It is an involution.
    """
    distance, partner = cKDTree(vertices).query(vertices * [-1, 1, 1])
    partner = np.where(distance <= tolerance, partner, -1)
    mutual = (partner >= 0) & (partner[partner] == np.arange(len(vertices)))
    return np.where(mutual, partner, -1)


def triangulate(polygons: Sequence[Sequence[int]], mirror: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split triangles and quads so that a mirrored pair of quads is split along mirrored diagonals.

    Args:
        polygons: Vertex indices of each polygon, three or four.
        mirror: (V,) partner of each vertex, -1 without one.

    Returns:
        tuple[np.ndarray, np.ndarray]: Polygon (F,) and corners in it (F, 3) of each triangle.

    Raises:
        ValueError: A polygon has more than four corners.
    """
    sources, corners = [], []
    for index, polygon in enumerate(polygons):
        triangles = _split(polygon, mirror)
        sources += [index] * len(triangles)
        corners += triangles
    return np.array(sources), np.array(corners)


def _split(polygon: Sequence[int], mirror: np.ndarray) -> list[tuple[int, int, int]]:
    if len(polygon) == 3:
        return [(0, 1, 2)]
    if len(polygon) != 4:
        raise ValueError(f'polygon {tuple(polygon)}: three or four corners expected, {len(polygon)} found')
    side_free = [min(vertex, mirror[vertex]) if mirror[vertex] >= 0 else vertex for vertex in polygon]
    if sorted((side_free[1], side_free[3])) < sorted((side_free[0], side_free[2])):
        return [(1, 2, 3), (1, 3, 0)]
    return [(0, 1, 2), (0, 2, 3)]


def symmetrised(vertices: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Return the mean of per-vertex vectors (…, V, 3) and their mirror image."""
    return 0.5 * (vertices + vertices[..., mirror, :] * np.array([-1, 1, 1]))


def neighbour_means(faces: np.ndarray, num_vertices: int) -> csr_matrix:
    """Return the matrix (V, V) that averages per-vertex data over each vertex's neighbours."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.unique(np.concatenate([edges, edges[:, ::-1]]), axis=0)
    counts = np.bincount(edges[:, 0], minlength=num_vertices)
    values = 1.0 / counts[edges[:, 0]]
    return csr_matrix((values, (edges[:, 0], edges[:, 1])), shape=(num_vertices, num_vertices))


def smoothed(values: np.ndarray, faces: np.ndarray, iterations: int, step: float = 0.5) -> np.ndarray:
    """Smooth per-vertex data (V, C) by a few steps towards the mean of each vertex's neighbours."""
    means = neighbour_means(faces, len(values))
    for _ in range(iterations):
        values = (1 - step) * values + step * (means @ values)
    return values


def enclosed_volume(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return the volume of closed meshes (…, V, 3) with shared faces (F, 3), in the vertices' unit cubed."""
    first, second, third = (vertices[..., faces[:, corner], :] for corner in range(3))
    return (np.cross(first, second) * third).sum((-1, -2)) / 6
