"""Garments and hair as meshes attached to the surface of the free human.

Shapes: V vertices and F faces of the body, n vertices of a garment.
"""
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from mmxas.synthesis.appearance.wardrobe import face_frames

NEAREST = 48  # number of faces with the nearest centres to search for the nearest point
METRES = 0.1  # MakeHuman's unit is the decimetre


class Garment(NamedTuple):
    """One mesh of the source, in the frame and unit of MakeHuman's base mesh.

    Attributes:
        vertices: (n, 3).
        faces: (m, 3) vertex indices.
        uv: (k, 2) texture coordinates, u right, v up.
        uv_faces: (m, 3) indices into ``uv``.
        hidden: (base vertices,) bool, the part of the body that it covers.
        texture: The file of its texture.
    """

    vertices: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    uv_faces: np.ndarray
    hidden: np.ndarray
    texture: Path


def read_garment(path: Path, base: np.ndarray) -> Garment:
    """Read one garment and fit it to the base mesh.

    Args:
        path: A json file in three.js' format 3.1, with MakeHuman's ``ref_vIdxs``, ``weights`` and ``offsets``.
        base: (base vertices, 3) of MakeHuman's base mesh.
    """
    content = json.loads(path.read_text(encoding='utf-8'))
    refs, weights, offsets = (np.asarray(content[key]) for key in ('ref_vIdxs', 'weights', 'offsets'))
    vertices = np.einsum('nk,nkc->nc', weights, base[refs]) + offsets
    faces, uv_faces = triangles(content['faces'])
    deleted = content['metadata'].get('deleteVerts') or np.zeros(len(base))
    return Garment(vertices, faces, np.asarray(content['uvs'][0]).reshape(-1, 2), uv_faces,
                   np.asarray(deleted, bool), path.parent / content['materials'][0]['mapDiffuse'])


def triangles(faces: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Split the quads of three.js' face list into triangles.

    Args:
        faces: For each quad the number 11 (quad, material, texture coordinates), four vertices, the material and four
            texture coordinates.

    Returns:
        (m, 3) vertices and (m, 3) texture coordinates.

    Raises:
        ValueError: A face is of another kind.
    """
    table = np.asarray(faces).reshape(-1, 10)
    if (table[:, 0] != 11).any():
        raise ValueError(f'faces of kind {sorted(set(table[:, 0]))}, expected 11 alone: quads with material and '
                         'texture coordinates')
    split = [[0, 1, 2], [0, 2, 3]]
    return table[:, 1:5][:, split].reshape(-1, 3), table[:, 6:][:, split].reshape(-1, 3)


def hang(points: np.ndarray, vertices: np.ndarray, faces: np.ndarray) -> dict[str, np.ndarray]:
    """Express points relative to their nearest points on a surface.

    Args:
        points: (n, 3).
        vertices: (V, 3).
        faces: (F, 3).

    Returns:
        ``face`` (n,), ``bary`` (n, 3) weights of its corners, and ``offset`` (n, 3) from the surface to the point in
        the face's frame (:func:`mmxas.synthesis.appearance.wardrobe.face_frames`).
    """
    corners = vertices[faces]
    _, near = cKDTree(corners.mean(1)).query(points, k=min(NEAREST, len(faces)))
    weights = closest_weights(points[:, None], *np.moveaxis(corners[near], 2, 0))
    places = np.einsum('nkc,nkcd->nkd', weights, corners[near])
    best = np.square(places - points[:, None]).sum(-1).argmin(1)
    rows = np.arange(len(points))
    face = near[rows, best]
    frames = face_frames(vertices, faces[face])
    offset = np.einsum('ncd,nd->nc', frames, points - places[rows, best])
    return dict(face=face, bary=weights[rows, best], offset=offset)


def closest_weights(p: np.ndarray, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Return the barycentric weights (…, 3) of the points on triangles that are nearest to given points.

    Args:
        p: (…, 3) points.
        a: (…, 3) first corners.
        b: (…, 3) second corners.
        c: (…, 3) third corners.
    """
    def on_edge(start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        along = end - start
        share = np.clip(((p - start) * along).sum(-1) / np.maximum((along * along).sum(-1), 1e-12), 0, 1)
        return share, np.square(p - start - share[..., None] * along).sum(-1)

    ab, ac, ap = b - a, c - a, p - a
    d00, d01, d11 = (ab * ab).sum(-1), (ab * ac).sum(-1), (ac * ac).sum(-1)
    d20, d21 = (ap * ab).sum(-1), (ap * ac).sum(-1)
    area = np.maximum(d00 * d11 - d01 * d01, 1e-18)
    v, w = (d11 * d20 - d01 * d21) / area, (d00 * d21 - d01 * d20) / area
    inside = np.stack([1 - v - w, v, w], axis=-1)
    zero = np.zeros_like(v)
    (t_ab, e_ab), (t_bc, e_bc), (t_ca, e_ca) = on_edge(a, b), on_edge(b, c), on_edge(c, a)
    edges = np.stack([np.stack([1 - t_ab, t_ab, zero], -1), np.stack([zero, 1 - t_bc, t_bc], -1),
                      np.stack([t_ca, zero, 1 - t_ca], -1)], axis=-2)
    nearest = np.stack([e_ab, e_bc, e_ca], -1).argmin(-1)
    edge = np.take_along_axis(edges, nearest[..., None, None], axis=-2)[..., 0, :]
    return np.where((inside >= 0).all(-1, keepdims=True), inside, edge)


def pack(garment: Garment, body: dict[str, np.ndarray], base: np.ndarray) -> dict[str, Any]:
    """Return the arrays of one garment for the shipped file.

    Args:
        garment: Fitted to the base mesh.
        body: The free human's arrays.
        base: (base vertices, 3).
    """
    kept = body['base_vertex']
    place = hang(garment.vertices * METRES, base[kept] * METRES, body['f'].astype(np.int64))
    return dict(
        face=place['face'].astype(np.uint16), bary=place['bary'][:, :2].astype(np.float16),
        offset=place['offset'].astype(np.float16), triangles=garment.faces.astype(np.uint16),
        uv=garment.uv.astype(np.float16), uv_triangles=garment.uv_faces.astype(np.uint16),
        hidden=np.packbits(garment.hidden[kept]))
