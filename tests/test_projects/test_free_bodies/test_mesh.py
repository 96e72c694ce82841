import numpy as np
import pytest
from body_model_building import mesh

from .shapes import box, mirrored_grid


def test_mirror_map_is_an_involution_with_gaps():
    vertices = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 2, 0], [3, 0, 0], [-1, 1e-4, 0]])
    mirror = mesh.mirror_map(vertices, 1e-3)
    assert mirror.tolist() == [1, 0, 2, -1, -1]


def test_mirrored_quads_are_split_along_mirrored_diagonals():
    vertices, polygons = mirrored_grid(4, 3)
    mirror = mesh.mirror_map(vertices, 1e-6)
    sources, corners = mesh.triangulate(polygons, mirror)
    assert len(sources) == 2 * len(polygons)
    faces = np.array([[polygons[s][c] for c in triangle] for s, triangle in zip(sources, corners)])
    assert {frozenset(face) for face in mirror[faces].tolist()} == {frozenset(face) for face in faces.tolist()}
    first, second, third = vertices[faces].transpose(1, 0, 2)
    areas = np.cross(second - first, third - first)[:, 2] / 2
    assert (areas > 0).all() and areas.sum() == pytest.approx(8 * 3)


def test_triangles_stay_and_more_corners_are_refused():
    sources, corners = mesh.triangulate([[5, 6, 7]], np.arange(8))
    assert sources.tolist() == [0] and corners.tolist() == [[0, 1, 2]]
    with pytest.raises(ValueError, match='three or four corners expected, 5 found'):
        mesh.triangulate([[0, 1, 2, 3, 4]], np.arange(8))


def test_symmetrised_vertices_equal_their_mirror_image():
    vertices = np.array([[[1.0, 0, 0], [-2, 1, 0], [0.5, 3, 0]]])
    mirror = np.array([1, 0, 2])
    result = mesh.symmetrised(vertices, mirror)
    np.testing.assert_allclose(result[0], [[1.5, 0.5, 0], [-1.5, 0.5, 0], [0, 3, 0]])


def test_smoothing_keeps_constants_and_evens_out_peaks():
    vertices, faces = box()
    peak = np.eye(8)[:, :1]
    smooth = mesh.smoothed(np.concatenate([peak, np.ones((8, 1))], axis=1), faces, 1)
    np.testing.assert_allclose(smooth[:, 1], 1)
    assert smooth[0, 0] == pytest.approx(0.5)
    neighbours = np.unique(faces[(faces == 0).any(1)])
    assert (smooth[np.setdiff1d(np.arange(8), neighbours), 0] == 0).all() and (smooth[neighbours, 0] > 0).all()


def test_volume_of_boxes():
    vertices, faces = box()
    boxes = np.stack([vertices, 2 * vertices + 5])
    np.testing.assert_allclose(mesh.enclosed_volume(boxes, faces), [6, 48])
