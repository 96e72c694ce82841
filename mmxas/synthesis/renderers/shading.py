"""Shade ray hits: surface colours, smooth normals, light, anti-aliasing.

Both renderers use this module, so they differ in visibility only. Everything is numpy, camera frame (x right, y down, z
forward), mm. Shapes: V vertices, F faces, P hit rays, h x w pixels, s rays per side of a pixel.
"""
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
from scipy.sparse import csr_matrix


class Hits(NamedTuple):
    """Ray hits on a mesh, with ``s`` x ``s`` rays per pixel, in a window of a x b pixels of the image.

    Attributes:
        face: (a*s, b*s) int32 face, -1 where nothing is hit.
        bary: (a*s, b*s, 3) float32 weights of the face's vertices; arbitrary where nothing is hit.
        depth: (a*s, b*s) float32 camera z in mm; arbitrary where nothing is hit.
        top, left: row and column of the window's first pixel in the image.
    """

    face: np.ndarray
    bary: np.ndarray
    depth: np.ndarray
    top: int = 0
    left: int = 0


class RenderOutput(NamedTuple):
    """Output of a renderer.

    Attributes:
        rgb: (h, w, 3) uint8, black outside; edge pixels have the colour of their covered part only.
        mask: (h, w) bool, at least half of the pixel covered.
        depth: (h, w) float32 camera z of the surface in mm, 0 outside the mask.
        parts: (h, w) int16 label of the surface, -1 outside the mask.
        alpha: (h, w) float32 covered fraction of each pixel in [0, 1].
    """

    rgb: np.ndarray
    mask: np.ndarray
    depth: np.ndarray
    parts: np.ndarray
    alpha: np.ndarray


class Surface(Protocol):
    """Colours on a mesh, as a function of the face and the position in it."""

    def colors(self, corners: np.ndarray, face: np.ndarray, bary: np.ndarray) -> np.ndarray:
        """Return the colours of P points.

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
    """Interpolate vertex values (V, C) at P points by barycentric weights: (P, C) float32."""
    out = values[corners[:, 0]] * bary[:, :1]
    out += values[corners[:, 1]] * bary[:, 1:2]
    out += values[corners[:, 2]] * bary[:, 2:]
    return out


def face_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return face normals (F, 3) of length twice the area, right-handed about the winding."""
    a, b, c = vertices[faces[:, 0]], vertices[faces[:, 1]], vertices[faces[:, 2]]
    e, f = b - a, c - a
    return np.stack([e[:, 1] * f[:, 2] - e[:, 2] * f[:, 1],
                     e[:, 2] * f[:, 0] - e[:, 0] * f[:, 2],
                     e[:, 0] * f[:, 1] - e[:, 1] * f[:, 0]], axis=1)


class Topology:
    """Properties of a mesh that depend only on its faces, computed once.

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
        """Return unit vertex normals (V, 3) from face normals (F, 3), weighted by area."""
        out = self.incidence @ normals
        length = np.sqrt(np.einsum('vc,vc->v', out, out))
        return out / np.maximum(length, 1e-12)[:, None]


@lru_cache(maxsize=8)
def _topology(content: bytes, num_vertices: int) -> Topology:
    return Topology(np.frombuffer(content, np.int32).reshape(-1, 3), num_vertices)


def mesh_topology(faces: np.ndarray, num_vertices: int) -> Topology:
    """Return the :class:`Topology` of faces (F, 3), cached by content."""
    return _topology(np.ascontiguousarray(faces, np.int32).tobytes(), num_vertices)


def lambert(normals: np.ndarray, light: Light) -> np.ndarray:
    """Return the irradiance (P, 3) for unit normals (P, 3): ambient + diffuse * max(0, n.l)."""
    return light.ambient + np.maximum(normals @ light.direction, 0)[:, None] * light.diffuse


def shade(hits: Hits, vertices: np.ndarray, faces: np.ndarray, surface: Surface, labels: np.ndarray | None,
          light: Light | None, topology: Topology, size: tuple[int, int], supersample: int = 1,
          normals: np.ndarray | None = None) -> RenderOutput:
    """Colour the hits and average the rays of each pixel.

    Args:
        hits: ray hits in a window of the image.
        vertices: (V, 3) float32 in mm.
        faces: (F, 3) int.
        surface: colours.
        labels: (V,) part labels or None for zeros; a point gets the label of its face's nearest corner.
        light: the light; None leaves colours unchanged.
        topology: topology of ``faces``.
        size: (h, w) of the image.
        supersample: s.
        normals: (F, 3) face normals, if known.

    Returns:
        RenderOutput of (h, w) pixels.
    """
    hit = hits.face >= 0
    face, bary = hits.face[hit], hits.bary[hit]
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
    window = _average(hit, np.minimum(color, 1), hits.depth, part, supersample)
    return _paste(window, hits.top, hits.left, size)


def _blocks(grid: np.ndarray, s: int) -> np.ndarray:
    """Reshape rays (a*s, b*s, ...) to (a, b, s*s, ...), as a copy."""
    a, b = grid.shape[0] // s, grid.shape[1] // s
    blocks = grid.reshape(a, s, b, s, *grid.shape[2:]).swapaxes(1, 2)
    return blocks.reshape(a, b, s * s, *grid.shape[2:])


def _average(hit: np.ndarray, color: np.ndarray, depth: np.ndarray, part: np.ndarray, s: int) -> RenderOutput:
    """Average a window of s x s rays per pixel; depth and part are those of the nearest ray.

    Args:
        hit: (a*s, b*s) bool.
        color: (P, 3) of the hits.
        depth: (a*s, b*s).
        part: (P,) of the hits.
        s: rays per side of a pixel.
    """
    grid, label = np.zeros((*hit.shape, 3), np.float32), np.full(hit.shape, -1, np.int16)
    grid[hit], label[hit] = color, part
    count = _blocks(hit, s).sum(2)
    mean = _blocks(grid, s).sum(2) / np.maximum(count, 1)[..., None]
    far = _blocks(np.where(hit, depth, np.float32(np.inf)), s)
    nearest = far.argmin(2)[..., None]
    alpha = (count / (s * s)).astype(np.float32)
    mask = alpha >= 0.5
    return RenderOutput((mean * 255 + 0.5).astype(np.uint8), mask,
                        np.where(mask, np.take_along_axis(far, nearest, 2)[..., 0], 0),
                        np.where(mask, np.take_along_axis(_blocks(label, s), nearest, 2)[..., 0], -1), alpha)


def _paste(window: RenderOutput, top: int, left: int, size: tuple[int, int]) -> RenderOutput:
    """Put a window into an otherwise empty image of (h, w) px."""
    if window.mask.shape == tuple(size):
        return window
    out = RenderOutput(*(np.full((*size, *part.shape[2:]), empty, part.dtype)
                         for part, empty in zip(window, (0, False, 0, -1, 0))))
    rows, cols = window.mask.shape
    for whole, part in zip(out, window):
        whole[top:top + rows, left:left + cols] = part
    return out
