"""Read texture coordinates from a separate file: an ``.obj`` of the same mesh, or a file with ``vt`` and ``ft``.

T: texture points, F: faces, V: vertices.
"""
from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from mmxas.io.shipped_files import find_shipped

from .body_model_file import BodyModelFile, check_texture_indices, read_content


def with_texture_coordinates(model: BodyModelFile, path: str | os.PathLike) -> BodyModelFile:
    """Return a body model with the texture coordinates of another file.

    Args:
        model: The body model.
        path: A Wavefront ``.obj`` of the same mesh, with the vertices in the same order and the faces in any order; or
            an ``.npz`` or ``.pkl`` with ``vt`` (T, 2) and ``ft`` (F, 3), in the order of the body's faces.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file belongs to another mesh, has no texture coordinates, or is broken.
    """
    path = find_shipped(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file of texture coordinates')
    uv, uv_faces = _from_obj(path, model) if path.suffix.lower() == '.obj' else _from_arrays(path, model)
    if not len(uv) or not np.isfinite(uv).all():
        raise ValueError(f'{path}: {len(uv)} texture points, some of them not finite; expected u and v of each')
    model = replace(model, uv=uv.astype(np.float32), uv_faces=uv_faces)
    check_texture_indices(model, path)
    return model


def _from_arrays(path: Path, model: BodyModelFile) -> tuple[np.ndarray, np.ndarray]:
    content = read_content(path)
    missing = [key for key in ('vt', 'ft') if content.get(key) is None]
    if missing:
        raise ValueError(f'{path}: {", ".join(missing)} missing, expected texture coordinates vt (T, 2) and ft (F, 3)')
    uv, faces = np.asarray(content['vt'], float), np.asarray(content['ft'], np.int64)
    if uv.ndim != 2 or uv.shape[1] != 2 or faces.shape != model.faces.shape:
        raise ValueError(f'{path}: vt of shape {uv.shape} and ft of shape {faces.shape}; expected (T, 2) and '
                         f'{model.faces.shape}, as in {model.path}')
    return uv, faces


def _from_obj(path: Path, model: BodyModelFile) -> tuple[np.ndarray, np.ndarray]:
    points, corners, vertices = [], [], 0
    try:
        for line in path.read_text(encoding='utf-8', errors='replace').splitlines():
            key, *values = line.split() or ['']
            vertices += key == 'v'
            if key == 'vt':
                points.append([float(value) for value in values[:2]])
            elif key == 'f':
                corners.append([[int(number) for number in value.split('/')[:2]] for value in values])
        uv, faces = np.array(points, float).reshape(-1, 2), np.array(corners, np.int64).reshape(-1, 3, 2)
    except ValueError as error:
        raise ValueError(f'{path}: no .obj of triangles with texture coordinates, lines "vt u v" and "f v/vt v/vt '
                         f'v/vt" expected ({error})') from None
    if vertices != model.num_vertices or len(faces) != len(model.faces):
        raise ValueError(f'{path}: {vertices} vertices and {len(faces)} faces, but {model.path} has '
                         f'{model.num_vertices} and {len(model.faces)}; is it of another body model?')
    return uv, corners_of_faces(model.faces, faces[..., 0] - 1, faces[..., 1] - 1, path)


def corners_of_faces(wanted: np.ndarray, faces: np.ndarray, values: np.ndarray, path: str | os.PathLike = ''
                     ) -> np.ndarray:
    """Reorder values per face corner to match another order of the same faces.

    Args:
        wanted: (F, 3) faces in the order of the result.
        faces: (F, 3) the same faces, with faces and corners in any order.
        values: (F, 3) value of each corner of ``faces``.
        path: Path of the file, for messages. Defaults to none.

    Returns:
        (F, 3) value of each corner of ``wanted``.

    Raises:
        ValueError: The two sets of faces differ.
    """
    order, own = np.argsort(wanted, axis=1), np.argsort(faces, axis=1)
    sorted_wanted, sorted_faces = np.take_along_axis(wanted, order, 1), np.take_along_axis(faces, own, 1)
    rows, own_rows = np.lexsort(sorted_wanted.T), np.lexsort(sorted_faces.T)
    differ = (sorted_wanted[rows] != sorted_faces[own_rows]).any(1)
    if differ.any():
        raise ValueError(f'{path}: {differ.sum()} of {len(wanted)} faces join other vertices than those of the body '
                         f'model, such as {sorted_faces[own_rows][differ][0].tolist()}; is it of another mesh?')
    found, result = np.empty_like(values), np.empty_like(values)
    found[rows] = np.take_along_axis(values, own, 1)[own_rows]
    np.put_along_axis(result, order, found, 1)
    return result
