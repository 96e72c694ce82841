"""Texture coordinates beside a body, in each form that they come in."""
import pickle

import numpy as np
import pytest

from mmxas.body_models import read_body_model
from mmxas.body_models.texture_coordinates import corners_of_faces, with_texture_coordinates

FACES = np.array([[0, 1, 2], [0, 2, 3], [3, 2, 4], [1, 4, 2]])
UV = np.array([[0.0, 0], [0.5, 0.25], [1, 0], [0, 1], [0.75, 0.5], [0.125, 1]])
UV_FACES = np.array([[0, 1, 2], [0, 2, 3], [3, 4, 5], [1, 5, 4]])


@pytest.fixture
def model(make_arrays, tmp_path):
    np.savez(tmp_path / 'body.npz', **{**make_arrays(num_vertices=5), 'f': FACES})
    return read_body_model(tmp_path / 'body.npz')


def write_obj(path, faces=FACES, uv_faces=UV_FACES, vertices=5, uv=UV):
    """A file as 3D programs write them: comments, normals of corners, a third texture coordinate."""
    lines = ['# made by hand', 'mtllib none.mtl', *['v 0.5 0 -1.5e-3'] * vertices, *(f'vt {u} {v} 0.0' for u, v in uv),
             'vn 0 0 1', 's off']
    lines += ['f ' + ' '.join(f'{a + 1}/{b + 1}/1' for a, b in zip(*face)) for face in zip(faces, uv_faces)]
    path.write_text('\n'.join(lines))
    return path


def test_faces_of_an_obj_may_stand_in_any_order(model, tmp_path):
    order, turn = [2, 0, 3, 1], [1, 2, 0]
    obj = write_obj(tmp_path / 'a.obj', FACES[order][:, turn], UV_FACES[order][:, turn])
    found = with_texture_coordinates(model, obj)
    np.testing.assert_array_equal(found.uv_faces, UV_FACES)
    np.testing.assert_array_equal(found.uv, UV.astype(np.float32))
    assert found.uv.dtype == np.float32 and model.uv is None and (found.faces == FACES).all()


@pytest.mark.parametrize('suffix', ['.npz', '.pkl'])
def test_arrays_of_a_file(model, tmp_path, suffix):
    path = tmp_path / f'uv{suffix}'
    if suffix == '.npz':
        np.savez(path, vt=UV, ft=UV_FACES.astype(np.uint32))
    else:
        path.write_bytes(pickle.dumps(dict(vt=UV, ft=UV_FACES), 2))
    found = with_texture_coordinates(model, path)
    np.testing.assert_array_equal(found.uv[found.uv_faces], UV[UV_FACES].astype(np.float32))


def test_what_does_not_fit_is_named(model, tmp_path):
    obj = tmp_path / 'a.obj'
    with pytest.raises(FileNotFoundError, match=r'none\.obj: no such file of texture coordinates'):
        with_texture_coordinates(model, tmp_path / 'none.obj')
    with pytest.raises(ValueError, match='6 vertices and 4 faces, but .*body.npz has 5 and 4; is it of another'):
        with_texture_coordinates(model, write_obj(obj, vertices=6))
    with pytest.raises(ValueError, match=r'a\.obj: 1 of 4 faces join other vertices .* \[0, 1, 3\]'):
        with_texture_coordinates(model, write_obj(obj, np.array([[0, 1, 3], *FACES[1:]])))
    with pytest.raises(ValueError, match=r'a\.obj: ft indexes point 5, of 5 points of vt'):
        with_texture_coordinates(model, write_obj(obj, uv=UV[:5]))
    with pytest.raises(ValueError, match=r'a\.obj: 6 texture points, some of them not finite'):
        with_texture_coordinates(model, write_obj(obj, uv=UV * np.nan))
    for face in ('f 1 2 3', 'f 1/1 2/2 3/3 4/4', 'f a/b c/d e/f'):
        obj.write_text(f'vt 0 0\n{face}')
        with pytest.raises(ValueError, match='no .obj of triangles with texture coordinates'):
            with_texture_coordinates(model, obj)
    np.savez(tmp_path / 'uv.npz', vt=UV)
    with pytest.raises(ValueError, match='uv.npz: ft missing'):
        with_texture_coordinates(model, tmp_path / 'uv.npz')
    np.savez(tmp_path / 'uv.npz', vt=UV, ft=UV_FACES[:3])
    with pytest.raises(ValueError, match=r'ft of shape \(3, 3\); expected \(T, 2\) and \(4, 3\), as in .*body.npz'):
        with_texture_coordinates(model, tmp_path / 'uv.npz')


def test_corners_follow_their_faces():
    rng = np.random.default_rng(0)
    faces = np.array([rng.permutation(50)[:3] for _ in range(200)])
    faces = faces[np.unique(np.sort(faces, 1), axis=0, return_index=True)[1]]
    shuffled = np.stack([rng.permutation(face) for face in faces])[rng.permutation(len(faces))]
    np.testing.assert_array_equal(corners_of_faces(faces, shuffled, 10 * shuffled), 10 * faces)
