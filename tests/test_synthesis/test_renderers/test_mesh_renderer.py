import numpy as np
import pytest

from mmxas.synthesis.renderers import EmbreeRenderer, VertexColors

K = np.array([[100.0, 0, 15.5], [0, 100, 15.5], [0, 0, 1]])
TRIANGLE = np.array([[-100.0, -100, 1000], [0, 100, 1000], [100, -100, 1000]])
FACES = np.array([[0, 1, 2]])


def test_vertex_colours_are_interpolated():
    surface = VertexColors(np.eye(3))
    np.testing.assert_allclose(surface.colors(FACES, np.zeros(1, int), np.array([[0.2, 0.3, 0.5]])), [[.2, .3, .5]])


@pytest.mark.parametrize('vertices, message', [
    (TRIANGLE[:, :2], r'\(V, 3\)'), (TRIANGLE - [0, 0, 1001], 'in front of the camera'),
    (TRIANGLE * [np.nan, 1, 1], 'finite')])
def test_wrong_vertices_are_refused(vertices, message):
    with pytest.raises(ValueError, match=message):
        EmbreeRenderer().render(vertices, FACES, np.ones((3, 3)), K, (32, 32))


def test_supersample_must_be_positive():
    with pytest.raises(ValueError, match='EmbreeRenderer: supersample=0'):
        EmbreeRenderer(supersample=0)


def test_topology_is_remembered():
    renderer = EmbreeRenderer()
    assert renderer.topology(FACES, 3) is renderer.topology(FACES, 3) is EmbreeRenderer().topology(FACES.copy(), 3)
