"""From the triangle behind each ray to pictures: surface colours, smooth normals, light, anti-aliasing.

Both renderers share this, so that they differ in visibility only. Everything is numpy, camera frame (x right, y down,
z forward), mm. Shapes: V vertices, F faces, P hit rays, h x w pixels, s rays a side of a pixel.
"""
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
from scipy.sparse import csr_matrix


class Hits(NamedTuple):
    """Where rays meet a mesh, on a grid of ``s`` x ``s`` rays a pixel.

    Attributes:
        face: (h*s, w*s) int32 face, -1 where nothing is hit.
        bary: (h*s, w*s, 3) float32 weights of the face's vertices; arbitrary where nothing is hit.
        depth: (h*s, w*s) float32 camera z in mm; arbitrary where nothing is hit.
    """

    face: np.ndarray
    bary: np.ndarray
    depth: np.ndarray


class RenderOutput(NamedTuple):
    """What a renderer hands out.

    Attributes:
        rgb: (h, w, 3) uint8, black outside; edge pixels hold the colour of their covered part alone.
        mask: (h, w) bool, at least half of the pixel covered.
        depth: (h, w) float32 camera z of the surface in mm, 0 outside the mask.
        parts: (h, w) int16 label of the surface, -1 outside the mask.
        alpha: (h, w) float32 covered part of each pixel in [0, 1].
    """

    rgb: np.ndarray
    mask: np.ndarray
    depth: np.ndarray
    parts: np.ndarray
    alpha: np.ndarray


class Surface(Protocol):
    """Colours on a mesh: a function of the face and of the place inside it."""

    def colors(self, corners: np.ndarray, face: np.ndarray, bary: np.ndarray) -> np.ndarray:
        """Colours of P points.

        Args:
            corners: (P, 3) vertex indices of each point's face.
            face: (P,) face indices.
            bary: (P, 3) float32 barycentric weights.

        Returns:
            (P, 3) float32 RGB in [0, 1].
        """


class Light(NamedTuple):
    """One directional light and an ambient one.

    Attributes:
        direction: (3,) unit vector from the surface towards the light, camera frame.
        ambient: (3,) RGB intensity of the ambient light.
        diffuse: (3,) RGB intensity of the directional light.
    """

    direction: np.ndarray
    ambient: np.ndarray
    diffuse: np.ndarray


def interpolate(values: np.ndarray, corners: np.ndarray, bary: np.ndarray) -> np.ndarray:
    """Barycentric interpolation of (V, C) vertex values at P points: (P, C) float32."""
    out = values[corners[:, 0]] * bary[:, :1]
    out += values[corners[:, 1]] * bary[:, 1:2]
    out += values[corners[:, 2]] * bary[:, 2:]
    return out


def face_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Cross products of the faces' edges (F, 3): normals of length twice the area, right-handed about the winding."""
    a, b, c = vertices[faces[:, 0]], vertices[faces[:, 1]], vertices[faces[:, 2]]
    e, f = b - a, c - a
    return np.stack([e[:, 1] * f[:, 2] - e[:, 2] * f[:, 1],
                     e[:, 2] * f[:, 0] - e[:, 0] * f[:, 2],
                     e[:, 0] * f[:, 1] - e[:, 1] * f[:, 0]], axis=1)


class Topology:
    """What follows from the faces of a mesh alone, computed once.

    Args:
        faces: (F, 3) vertex indices.
        num_vertices: V.

    Attributes:
        incidence: sparse (V, F) matrix of ones: vertex normals = incidence @ face normals.
        closed: whether each directed edge has its opposite, so that the nearest surface always faces the camera.
    """

    def __init__(self, faces: np.ndarray, num_vertices: int) -> None:
        count = len(faces)
        index = np.repeat(np.arange(count), 3)
        ones = np.ones(3 * count, np.float32)
        self.incidence = csr_matrix((ones, (faces.reshape(-1), index)), shape=(num_vertices, count))
        start, end = faces.reshape(-1).astype(np.int64), np.roll(faces, -1, axis=1).reshape(-1).astype(np.int64)
        forward, backward = np.sort(start * num_vertices + end), np.sort(end * num_vertices + start)
        self.closed = bool(np.array_equal(forward, backward))

    def vertex_normals(self, normals: np.ndarray) -> np.ndarray:
        """Unit vertex normals (V, 3) from face normals (F, 3), weighted by area."""
        out = self.incidence @ normals
        length = np.sqrt(np.einsum('vc,vc->v', out, out))
        return out / np.maximum(length, 1e-12)[:, None]


@lru_cache(maxsize=8)
def _topology(content: bytes, num_vertices: int) -> Topology:
    return Topology(np.frombuffer(content, np.int32).reshape(-1, 3), num_vertices)


def mesh_topology(faces: np.ndarray, num_vertices: int) -> Topology:
    """The :class:`Topology` of faces (F, 3), remembered by content."""
    return _topology(np.ascontiguousarray(faces, np.int32).tobytes(), num_vertices)


def lambert(normals: np.ndarray, light: Light) -> np.ndarray:
    """Light that arrives at surfaces with unit normals (P, 3): ambient + diffuse * max(0, n.l), (P, 3)."""
    return light.ambient + np.maximum(normals @ light.direction, 0)[:, None] * light.diffuse


def shade(hits: Hits, vertices: np.ndarray, faces: np.ndarray, surface: Surface, labels: np.ndarray | None,
          light: Light | None, supersample: int, topology: Topology, normals: np.ndarray | None = None) -> RenderOutput:
    """Colour the hits and average the rays of each pixel.

    Args:
        hits: grid of (h*s, w*s) rays.
        vertices: (V, 3) float32 in mm.
        faces: (F, 3) int.
        surface: colours.
        labels: (V,) part labels or None for zeros; a point has the label of its face's nearest corner.
        light: None leaves the colours as they are.
        supersample: s.
        topology: of ``faces``.
        normals: (F, 3) face normals, if known.

    Returns:
        RenderOutput of (h, w) pixels.
    """
    rows, cols = np.nonzero(hits.face >= 0)
    face, bary, depth = hits.face[rows, cols], hits.bary[rows, cols], hits.depth[rows, cols]
    corners = faces[face]
    color = np.asarray(surface.colors(corners, face, bary), np.float32)
    if light is not None:
        normals = face_normals(vertices, faces) if normals is None else normals
        smooth = interpolate(topology.vertex_normals(normals), corners, bary)
        smooth /= np.maximum(np.sqrt(np.einsum('pc,pc->p', smooth, smooth)), 1e-9)[:, None]
        color = color * lambert(smooth, light).astype(np.float32)
    part = np.zeros(len(face), np.int16)
    if labels is not None:
        part = labels[corners[np.arange(len(face)), bary.argmax(1)]].astype(np.int16)
    return _gather(hits.face.shape, rows, cols, np.minimum(color, 1), depth, part, supersample)


def _gather(grid: tuple[int, int], rows: np.ndarray, cols: np.ndarray, color: np.ndarray, depth: np.ndarray,
            part: np.ndarray, s: int) -> RenderOutput:
    """Average P hits of a grid of rays over pixels of s x s rays; depth and part are those of the nearest ray."""
    h, w = grid[0] // s, grid[1] // s
    pixel = (rows // s) * w + cols // s
    count = np.bincount(pixel, minlength=h * w)
    total = np.stack([np.bincount(pixel, color[:, c], minlength=h * w) for c in range(3)], axis=1)
    mean = total / np.maximum(count, 1)[:, None]
    alpha = (count / (s * s)).astype(np.float32).reshape(h, w)
    mask = alpha >= 0.5
    near, label = np.zeros(h * w, np.float32), np.full(h * w, -1, np.int16)
    far_first = np.argsort(-depth, kind='stable') if s > 1 else slice(None)
    near[pixel[far_first]] = depth[far_first]
    label[pixel[far_first]] = part[far_first]
    return RenderOutput((mean * 255 + 0.5).astype(np.uint8).reshape(h, w, 3), mask,
                        np.where(mask, near.reshape(h, w), 0), np.where(mask, label.reshape(h, w), -1), alpha)
