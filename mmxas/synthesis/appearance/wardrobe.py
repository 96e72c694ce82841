"""Garments and hair as meshes attached to a body's surface.

Shapes: V vertices and F faces of the body, n vertices and m faces of a garment.
"""
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from mmxas.io import open_arrays
from mmxas.io.images import read_image
from mmxas.io.shipped_files import find_named

DATA_DIR = Path(__file__).resolve().parents[1] / 'data'


class Garment(NamedTuple):
    """One mesh of a wardrobe.

    Attributes:
        name: its name, such as ``short01``.
        kind: ``'suit'``, ``'shoes'``, ``'hair'`` or ``'hat'``.
        face: (n,) face of the body that each vertex is attached to.
        bary: (n, 3) float32 barycentric coordinates in that face.
        offset: (n, 3) float32 offset from that point in m, in the face's frame (:func:`face_frames`).
        faces: (m, 3) vertex indices.
        uv: (k, 2) float32 texture coordinates, u right, v up.
        uv_faces: (m, 3) indices into ``uv``.
        hidden: (V,) bool, vertices of the body that the garment covers.
        texture: (h, w, 3) uint8 RGB.
    """

    name: str
    kind: str
    face: np.ndarray
    bary: np.ndarray
    offset: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    uv_faces: np.ndarray
    hidden: np.ndarray
    texture: np.ndarray

    def place(self, vertices: np.ndarray, faces: np.ndarray, scale: float) -> np.ndarray:
        """Return the vertices (n, 3) on a posed body, in its frame and unit.

        Args:
            vertices: (V, 3) of the posed body.
            faces: (F, 3) of the body.
            scale: Units of ``vertices`` per metre.
        """
        corners = faces[self.face]
        at = np.einsum('nk,nkc->nc', self.bary, vertices[corners])
        return at + scale * np.einsum('ncd,nc->nd', face_frames(vertices, corners), self.offset)


def face_frames(vertices: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Return one orthonormal frame per triangle, (n, 3, 3); rows: along an edge, in the plane, along the normal.

    Args:
        vertices: (V, 3).
        corners: (n, 3) vertex indices.
    """
    a, b, c = (vertices[corners[:, i]] for i in range(3))
    along, normal = b - a, np.cross(b - a, c - a)
    along = along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-12)
    normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    return np.stack([along, np.cross(normal, along), normal], axis=1)


def find_wardrobe(file: str | Path) -> Path:
    """Return the path of a shipped wardrobe by name, or of a file.

    Raises:
        FileNotFoundError: there is neither.
    """
    path = find_named(file, DATA_DIR, '/garments.npz')
    if not path.is_file():
        raise FileNotFoundError(f'wardrobe {str(file)!r}: neither a file nor a shipped one (free_human_wardrobe)')
    return path


def read_wardrobe(file: str | Path) -> list[Garment]:
    """Read the garments of a wardrobe; the texture of a garment is ``<name>.jpg`` in the same folder.

    Args:
        file: a shipped name or a path.

    Raises:
        FileNotFoundError: the file or the texture of a garment does not exist.
    """
    path = find_wardrobe(file)
    with open_arrays(path) as archive:
        arrays = dict(archive)
    found = []
    for name, kind in zip(arrays['names'].tolist(), arrays['kinds'].tolist()):
        part = {key: arrays[f'{name}.{key}'] for key in
                ('face', 'bary', 'offset', 'triangles', 'uv', 'uv_triangles', 'hidden')}
        bary = part['bary'].astype(np.float32)
        found.append(Garment(
            name, kind, part['face'].astype(np.int64),
            np.concatenate([bary, 1 - bary.sum(1, keepdims=True)], axis=1), part['offset'].astype(np.float32),
            part['triangles'].astype(np.int64), part['uv'].astype(np.float32), part['uv_triangles'].astype(np.int64),
            np.unpackbits(part['hidden'])[:int(arrays['num_vertices'])].astype(bool),
            np.ascontiguousarray(read_image(path.with_name(f'{name}.jpg'), cv2.IMREAD_COLOR)[..., ::-1])))
    return found
