import sys

import numpy as np
import pytest

from mmxas.synthesis.renderers import EmbreeRenderer

K = np.array([[100.0, 0, 15.5], [0, 100, 15.5], [0, 0, 1]])


def square(x0, y0, x1, y1, z, flip=False):
    """A square of two faces that look towards the camera, or away from it."""
    vertices = np.array([[x0, y0, z], [x1, y0, z], [x1, y1, z], [x0, y1, z]], float)
    faces = np.array([[0, 2, 1], [0, 3, 2]])
    return vertices, faces[:, ::-1] if flip else faces


def test_pixels_inside_the_projected_square_are_hit():
    vertices, faces = square(-50, -30, 50, 30, 1000)  # 10 x 6 px around (15.5, 15.5)
    out = EmbreeRenderer(supersample=1).render(vertices, faces, np.full((4, 3), 0.502), K, (32, 32))
    rows, cols = np.nonzero(out.mask)
    assert (cols.min(), cols.max(), rows.min(), rows.max()) == (11, 20, 13, 18) and out.mask.sum() == 60
    np.testing.assert_allclose(out.depth[out.mask], 1000, rtol=1e-5)
    assert (out.rgb[out.mask] == 128).all() and not out.rgb[~out.mask].any()
    assert (out.depth[~out.mask] == 0).all() and (out.parts[~out.mask] == -1).all()


def test_coverage_is_subpixel_with_supersampling():
    vertices, faces = square(-45, -30, 50, 30, 1000)  # half a pixel less on the left
    out = EmbreeRenderer(supersample=2).render(vertices, faces, np.ones((4, 3)), K, (32, 32))
    np.testing.assert_allclose(out.alpha[15, 10:22], [0, 0.5] + [1] * 9 + [0])
    assert out.alpha.sum() == pytest.approx(9.5 * 6)


def test_the_nearer_surface_hides_the_other():
    near, faces = square(-20, -20, 20, 20, 800)
    far, _ = square(-50, -50, 50, 50, 1000)
    vertices, both = np.concatenate([far, near]), np.concatenate([faces, faces + 4])
    colors = np.repeat([[1.0, 0, 0], [0, 1, 0]], 4, axis=0)
    labels = np.repeat([3, 5], 4)
    out = EmbreeRenderer(supersample=1).render(vertices, both, colors, K, (32, 32), labels=labels)
    assert out.parts[15, 15] == 5 and out.parts[12, 12] == 3
    np.testing.assert_allclose([out.depth[15, 15], out.depth[12, 12]], [800, 1000], rtol=1e-5)
    assert out.rgb[15, 15].tolist() == [0, 255, 0] and out.rgb[12, 12].tolist() == [255, 0, 0]


def test_open_meshes_are_seen_from_behind_too():
    vertices, faces = square(-50, -30, 50, 30, 1000, flip=True)
    assert EmbreeRenderer(supersample=1).render(vertices, faces, np.ones((4, 3)), K, (32, 32)).mask.sum() == 60


def test_depth_of_a_slanted_surface_is_exact():
    vertices, faces = square(-100, -100, 100, 100, 1000)
    vertices[:, 2] += vertices[:, 0]
    out = EmbreeRenderer(supersample=1).render(vertices, faces, np.ones((4, 3)), K, (32, 32))
    ray = (np.arange(32) - 15.5) / 100
    cols = np.flatnonzero(out.mask[15])
    np.testing.assert_allclose(out.depth[15, cols], 1000 / (1 - ray[cols]), rtol=1e-5)


def test_a_mesh_beside_the_image_leaves_it_empty():
    vertices, faces = square(4000, 0, 4100, 50, 1000)
    assert not EmbreeRenderer().render(vertices, faces, np.ones((4, 3)), K, (32, 32)).mask.any()


def test_leaving_out_back_faces_changes_nothing_on_the_closed_body(body):
    vertices = np.asarray(body.v_template) * [1000, -1000, -1000] + [0, 0, 4000]
    camera = np.array([[90.0, 0, 31.5], [0, 90, 31.5], [0, 0, 1]])
    renderer = EmbreeRenderer(supersample=1)
    assert renderer.topology(body.faces, len(vertices)).closed
    culled = renderer.render(vertices, body.faces, np.ones_like(vertices), camera, (64, 64))
    renderer.topology(body.faces, len(vertices)).closed = False
    try:
        whole = renderer.render(vertices, body.faces, np.ones_like(vertices), camera, (64, 64))
    finally:
        renderer.topology(body.faces, len(vertices)).closed = True
    assert culled.mask.sum() > 200 and (culled.mask == whole.mask).mean() > 0.999
    both = culled.mask & whole.mask
    np.testing.assert_allclose(culled.depth[both], whole.depth[both], atol=0.05)


def test_missing_embreex_names_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, 'embreex.mesh_construction', None)
    with pytest.raises(ImportError, match='pip install embreex'):
        EmbreeRenderer().render(*square(-50, -50, 50, 50, 1000), np.ones((4, 3)), K, (8, 8))
