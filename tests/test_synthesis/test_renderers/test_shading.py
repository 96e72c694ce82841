import numpy as np

from mmxas.synthesis.renderers.mesh_renderer import VertexColors
from mmxas.synthesis.renderers.shading import Hits, Light, Topology, face_normals, interpolate, lambert, shade

# A tetrahedron, wound counter-clockwise seen from outside.
VERTICES = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


def test_face_normals_are_edge_cross_products():
    expected = np.cross(VERTICES[FACES[:, 1]] - VERTICES[FACES[:, 0]], VERTICES[FACES[:, 2]] - VERTICES[FACES[:, 0]])
    np.testing.assert_allclose(face_normals(VERTICES, FACES), expected, atol=1e-6)
    outwards = (face_normals(VERTICES, FACES) * (VERTICES[FACES].mean(1) - VERTICES.mean(0))).sum(1)
    assert (outwards > 0).all()


def test_vertex_normals_are_area_weighted_and_unit():
    normals = Topology(FACES, 4).vertex_normals(face_normals(VERTICES, FACES))
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(normals[0], -np.ones(3) / np.sqrt(3), atol=1e-6)


def test_closed_meshes_are_recognised():
    assert Topology(FACES, 4).closed
    assert not Topology(FACES[:3], 4).closed
    flipped = FACES.copy()
    flipped[0] = flipped[0, ::-1]
    assert not Topology(flipped, 4).closed


def test_interpolation():
    values = interpolate(VERTICES, FACES[[3]], np.array([[0.5, 0.25, 0.25]], np.float32))
    np.testing.assert_allclose(values, [[0.5, 0.25, 0.25]])


def test_lambert():
    light = Light(np.array([0, 0, -1.0]), np.array([0.2, 0.2, 0.2]), np.array([0.5, 0.4, 0.3]))
    normals = np.array([[0, 0, -1.0], [0, 0, 1.0], [0, np.sqrt(0.75), -0.5]])
    np.testing.assert_allclose(lambert(normals, light), [[0.7, 0.6, 0.5], [0.2] * 3, [0.45, 0.4, 0.35]])


def test_rays_of_a_pixel_are_averaged_and_the_nearest_gives_depth_and_part():
    face = np.full((2, 4), -1, np.int32)
    face[0, 0], face[0, 1], face[1, 0] = 3, 1, 3
    bary = np.zeros((2, 4, 3), np.float32)
    bary[..., 0] = 1
    depth = np.array([[500, 400, 0, 0], [600, 0, 0, 0]], np.float32)
    colors = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]], np.float32)
    out = shade(Hits(face, bary, depth), VERTICES, FACES, VertexColors(colors), np.array([7, 8, 9, 10]), None,
                Topology(FACES, 4), (1, 2), 2)
    np.testing.assert_allclose(out.alpha, [[0.75, 0]])
    assert out.mask.tolist() == [[True, False]]
    np.testing.assert_allclose(out.rgb[0, 0], [85, 170, 0], atol=1)  # two rays on vertex 1, one on vertex 0
    assert out.depth.tolist() == [[400, 0]] and out.parts.tolist() == [[7, -1]]
    assert not out.rgb[0, 1].any()


def test_light_scales_the_colours():
    face, bary = np.full((1, 1), 3, np.int32), np.full((1, 1, 3), 1 / 3, np.float32)
    light = Light(np.ones(3) / np.sqrt(3), np.zeros(3), np.array([0.5, 0.5, 0.25]))
    out = shade(Hits(face, bary, np.ones((1, 1), np.float32)), VERTICES, FACES, VertexColors(np.ones((4, 3))), None,
                light, Topology(FACES, 4), (1, 1))
    np.testing.assert_allclose(out.rgb[0, 0], [128, 128, 64], atol=1)
    assert out.parts[0, 0] == 0


def test_a_window_is_put_in_its_place():
    face, bary = np.zeros((2, 2), np.int32), np.full((2, 2, 3), 1 / 3, np.float32)
    hits = Hits(face, bary, np.full((2, 2), 9, np.float32), top=1, left=3)
    out = shade(hits, VERTICES, FACES, VertexColors(np.ones((4, 3))), None, None, Topology(FACES, 4), (4, 6))
    assert out.mask.shape == (4, 6) and out.mask.sum() == 4 and out.mask[1:3, 3:5].all()
    assert out.depth.sum() == 36 and (out.parts == 0).sum() == 4 and out.rgb.sum() == 4 * 3 * 255
