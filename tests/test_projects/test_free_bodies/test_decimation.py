import numpy as np
import pytest
from body_model_building import mesh
from body_model_building.decimation import border_edges, decimate, vertex_quadrics

from .shapes import box, mirrored_grid, sphere


def flat_grid(half_width=6, height=8):
    vertices, quads = mirrored_grid(half_width, height)
    mirror = mesh.mirror_map(vertices, 1e-6)
    sources, corners = mesh.triangulate(quads, mirror)
    return vertices, np.array([[quads[s][c] for c in t] for s, t in zip(sources, corners)]), mirror


def area(vertices, faces):
    first, second, third = (vertices[faces[:, k]] for k in range(3))
    return np.linalg.norm(np.cross(second - first, third - first), axis=1).sum() / 2


def test_a_flat_grid_keeps_its_outline():
    vertices, faces, mirror = flat_grid()
    result = decimate(vertices, faces, faces, 40, mirror)
    assert len(result.kept) in (39, 40)
    kept = vertices[result.kept]
    assert area(kept, result.faces) == pytest.approx(area(vertices, faces))
    assert {(-6, 0), (6, 0), (-6, 8), (6, 8)} <= {tuple(point[:2]) for point in kept.astype(int).tolist()}
    np.testing.assert_array_equal(result.kept[result.faces], result.uv_faces)


@pytest.mark.parametrize('segments', [16, 24])
def test_a_sphere_stays_closed_symmetric_and_round(segments):
    vertices, faces = sphere(12, segments)
    assert mesh.enclosed_volume(vertices, faces) > 3.5, 'faces of the given sphere look outwards'
    mirror = mesh.mirror_map(vertices, 1e-6)
    result = decimate(vertices, faces, faces, 80, mirror)
    kept = vertices[result.kept]
    assert 78 <= len(kept) <= 81
    edges = np.sort(result.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    unique, counts = np.unique(edges, axis=0, return_counts=True)
    assert (counts == 2).all() and len(kept) - len(unique) + len(result.faces) == 2
    assert set(result.kept) == set(mirror[result.kept])
    twins = mesh.mirror_map(kept, 1e-6)
    assert {frozenset(face) for face in twins[result.faces].tolist()} == set(map(frozenset, result.faces.tolist()))
    assert mesh.enclosed_volume(kept, result.faces) > 0.9 * mesh.enclosed_volume(vertices, faces)


def test_weights_say_where_vertices_go_first():
    vertices, faces = sphere(12, 24)
    mirror = mesh.mirror_map(vertices, 1e-6)
    plain = decimate(vertices, faces, faces, 120, mirror)
    light_top = decimate(vertices, faces, faces, 120, mirror, np.where(vertices[:, 1] > 0, 0.1, 1.0))
    share = [(vertices[result.kept, 1] > 0).mean() for result in (plain, light_top)]
    assert share[1] < share[0] - 0.1


def test_no_face_is_drawn_across_a_texture_seam():
    """The grid's texture is cut along the column x = 0: each side has coordinates of its own there."""
    vertices, faces, mirror = flat_grid()
    right = vertices[faces].mean(1)[:, 0] > 0
    uv_faces = faces + np.where(right[:, None], len(vertices), 0)
    result = decimate(vertices, faces, uv_faces, 40, mirror)
    assert len(result.kept) <= 41
    sides = result.uv_faces >= len(vertices)
    assert (sides.all(1) | ~sides.any(1)).all()
    np.testing.assert_array_equal(result.uv_faces % len(vertices), result.kept[result.faces])
    np.testing.assert_array_equal(sides.all(1), vertices[result.kept][result.faces].mean(1)[:, 0] > 0)


def test_quadrics_measure_distances_to_faces_and_borders():
    vertices, faces = box()
    quadrics = vertex_quadrics(vertices, faces)
    assert not border_edges(faces)
    points = np.column_stack([vertices, np.ones(8)])
    np.testing.assert_allclose(np.einsum('vi,vij,vj->v', points, quadrics, points), 0, atol=1e-9)
    outside = points[0] - [0.1, 0, 0, 0]
    side = (vertices[faces, 0] == 0).all(1)  # the faces in the plane x = 0
    assert outside @ quadrics[0] @ outside == pytest.approx(0.01 * area(vertices, faces[side & (faces == 0).any(1)]))
    without_side = faces[~side]
    assert len(border_edges(without_side)) == 4
    walls = 10 * (2 ** 2 + 3 ** 2)  # along both border edges of vertex 0, by the square of their lengths
    assert outside @ vertex_quadrics(vertices, without_side)[0] @ outside == pytest.approx(0.01 * walls)
