import numpy as np
import pytest
from body_model_building import wardrobe

A, B, C = np.array([0.0, 0, 0]), np.array([2.0, 0, 0]), np.array([0.0, 2, 0])


@pytest.mark.parametrize('point, place', [
    ([0.5, 0.5, 3], [0.5, 0.5, 0]), ([1, -4, 1], [1, 0, 0]), ([5, 0, 0], [2, 0, 0]), ([3, 3, 0], [1, 1, 0]),
    ([-1, -1, 0], [0, 0, 0]), ([-2, 1.5, 0], [0, 1.5, 0])])
def test_the_nearest_point_of_a_triangle(point, place):
    weights = wardrobe.closest_weights(np.array(point, float), A, B, C)
    assert weights.sum() == pytest.approx(1) and weights.min() >= 0
    np.testing.assert_allclose(weights @ np.stack([A, B, C]), place, atol=1e-12)


def test_points_come_back_from_what_they_hang_on():
    from mmxas.synthesis.appearance.wardrobe import face_frames
    rng = np.random.default_rng(0)
    vertices = rng.standard_normal((40, 3))
    faces = rng.permuted(np.tile(np.arange(40), (60, 1)), axis=1)[:, :3]
    points = rng.standard_normal((25, 3)) * 2
    hung = wardrobe.hang(points, vertices, faces)
    corners = faces[hung['face']]
    back = np.einsum('nk,nkc->nc', hung['bary'], vertices[corners]) + np.einsum(
        'ncd,nc->nd', face_frames(vertices, corners), hung['offset'])
    np.testing.assert_allclose(back, points, atol=1e-9)


def test_quads_become_two_triangles_each():
    faces, uv = wardrobe.triangles([11, 4, 5, 6, 7, 0, 10, 11, 12, 13])
    assert faces.tolist() == [[4, 5, 6], [4, 6, 7]] and uv.tolist() == [[10, 11, 12], [10, 12, 13]]
    with pytest.raises(ValueError, match='11 alone'):
        wardrobe.triangles([10, 4, 5, 6, 7, 0, 10, 11, 12, 13])
