"""Decimation of a textured triangle mesh by half-edge collapses.

The surviving vertices are a subset of the given ones, so that skinning weights and blend shapes are simply indexed.
Both halves of a mirrored pair collapse together. Collapses that would move the texture across a seam are skipped.
"""
import heapq
from collections import defaultdict
from typing import NamedTuple

import numpy as np

_MAX_VALENCE = 12
_MIN_NORMAL_COSINE = 0.3  # of a face before and after a collapse
_MIN_COMPACTNESS = 0.08  # twice the area over the longest edge squared
_BOUNDARY_WEIGHT = 10.0


class Decimated(NamedTuple):
    """A decimated mesh.

    Attributes:
        kept: (V',) indices of the surviving vertices, ascending.
        faces: (F', 3) indices into ``kept``.
        uv_faces: (F', 3) indices of the given texture coordinates.
    """

    kept: np.ndarray
    faces: np.ndarray
    uv_faces: np.ndarray


class _Collapse(NamedTuple):
    source: int
    target: int
    quadric: np.ndarray
    removed: list[int]
    moved: list[int]
    old_corners: list[tuple[list[int], list[int]]]


def decimate(vertices: np.ndarray, faces: np.ndarray, uv_faces: np.ndarray, num_vertices: int, mirror: np.ndarray,
             weights: np.ndarray | None = None, length_weight: float = 2e-4) -> Decimated:
    """Decimate a mesh by quadric error.

    Args:
        vertices: (V, 3).
        faces: (F, 3) vertex indices.
        uv_faces: (F, 3) indices of texture coordinates; a vertex has several along a seam.
        num_vertices: Number of vertices to keep; one less if the last collapse removes a pair, more if no collapse is
            left.
        mirror: (V,) mirror partner of each vertex, itself on the plane, -1 if there is none.
        weights: (V,) factor on each vertex's error; vertices below one are removed sooner. Defaults to None: ones.
        length_weight: Factor of the fourth power of a collapsed edge's length, which evens out the triangles.

    Returns:
        Decimated: The decimated mesh.
    """
    weights = np.ones(len(vertices)) if weights is None else np.asarray(weights, float)
    return _Decimator(vertices, faces, uv_faces, mirror, weights, length_weight).run(num_vertices)


def vertex_quadrics(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return quadrics (V, 4, 4): sums of squared distances to the planes of each vertex's faces and of open borders."""
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(normals, axis=1)
    normals = normals / np.maximum(areas, 1e-20)[:, None]
    planes = np.concatenate([normals, -(normals * corners[:, 0]).sum(1, keepdims=True)], axis=1)
    quadrics = np.zeros((len(vertices), 4, 4))
    per_face = planes[:, :, None] * planes[:, None] * (0.5 * areas)[:, None, None]
    for corner in range(3):
        np.add.at(quadrics, faces[:, corner], per_face)
    for face, start, end in border_edges(faces):
        wall = _wall(vertices[start], vertices[end], normals[face])
        quadrics[[start, end]] += wall
    return quadrics


def border_edges(faces: np.ndarray) -> list[tuple[int, int, int]]:
    """Return edges of a single face, as (face, first vertex, second vertex)."""
    owners = defaultdict(list)
    for index, face in enumerate(faces.tolist()):
        for start, end in zip(face, face[1:] + face[:1]):
            owners[min(start, end), max(start, end)].append((index, start, end))
    return [uses[0] for uses in owners.values() if len(uses) == 1]


def _wall(start: np.ndarray, end: np.ndarray, normal: np.ndarray) -> np.ndarray:
    edge = end - start
    direction = np.cross(edge, normal)
    length = np.linalg.norm(direction)
    if length < 1e-12:
        return np.zeros((4, 4))
    plane = np.append(direction / length, -(direction / length) @ start)
    return _BOUNDARY_WEIGHT * np.outer(plane, plane) * (edge @ edge)


class _Decimator:
    def __init__(self, vertices: np.ndarray, faces: np.ndarray, uv_faces: np.ndarray, mirror: np.ndarray,
                 weights: np.ndarray, length_weight: float) -> None:
        self.points = np.concatenate([vertices, np.ones((len(vertices), 1))], axis=1)
        self.faces, self.uv_faces = faces.tolist(), uv_faces.tolist()
        self.mirror = mirror.tolist()
        self.length_weights = length_weight * weights
        self.quadrics = list(vertex_quadrics(vertices, faces) * weights[:, None, None])
        self.face_alive = [True] * len(faces)
        self.alive = [True] * len(vertices)
        self.faces_of = [set() for _ in vertices]
        for index, face in enumerate(self.faces):
            for vertex in face:
                self.faces_of[vertex].add(index)
        self.stamps = [0] * len(vertices)
        self.heap: list[tuple[float, int, int, int]] = []

    def run(self, num_vertices: int) -> Decimated:
        for vertex in range(len(self.alive)):
            self.push(vertex)
        count = len(self.alive)
        while self.heap and count > num_vertices:
            _, source, target, stamp = heapq.heappop(self.heap)
            if not self.alive[source] or stamp != self.stamps[source]:
                continue
            if not self.alive[target]:
                self.push(source)
                continue
            count -= self.collapse_best(source)
        return self.result()

    def collapse_best(self, source: int) -> int:
        """Collapse a vertex and its mirror twin along the cheapest valid edge; return the number of removed ones."""
        for _, target in self.targets(source):
            removed = self.collapse_pair(source, target)
            if removed:
                return removed
        self.stamps[source] += 1  # queued again when its neighbourhood changes
        return 0

    def collapse_pair(self, source: int, target: int) -> int:
        if not self.may_collapse(source, target):
            return 0
        touched = self.neighbours(source)
        first = self.collapse(source, target)
        twin, twin_target = self.mirror[source], self.mirror[target]
        pair = twin not in (-1, source)
        if pair:
            if not self.may_collapse(twin, twin_target):
                self.undo(first)
                return 0
            touched |= self.neighbours(twin)
            self.collapse(twin, twin_target)
        for vertex in sorted(touched):
            self.push(vertex)
        return 1 + pair

    def push(self, vertex: int) -> None:
        if not self.alive[vertex]:
            return
        self.stamps[vertex] += 1
        cheapest = min(self.targets(vertex), default=None)
        if cheapest is not None:
            heapq.heappush(self.heap, (cheapest[0], vertex, cheapest[1], self.stamps[vertex]))

    def targets(self, source: int) -> list[tuple[float, int]]:
        """Return (cost, vertex) of each neighbour, cheapest first; vertices on the mid line stay on it."""
        on_plane = self.mirror[source] == source
        neighbours = np.array([vertex for vertex in sorted(self.neighbours(source))
                               if vertex != self.mirror[source] and not (on_plane and self.mirror[vertex] != vertex)],
                              int)
        if not len(neighbours):
            return []
        points = self.points[neighbours]
        quadrics = self.quadrics[source] + np.array([self.quadrics[vertex] for vertex in neighbours])
        squared = ((points - self.points[source]) ** 2).sum(1)
        costs = np.einsum('ni,nij,nj->n', points, quadrics, points) + self.length_weights[source] * squared ** 2
        return sorted(zip(costs.tolist(), neighbours.tolist()))

    def neighbours(self, vertex: int) -> set[int]:
        ring = {corner for face in self.faces_of[vertex] for corner in self.faces[face]}
        ring.discard(vertex)
        return ring

    def may_collapse(self, source: int, target: int) -> bool:
        if target < 0 or not (self.alive[source] and self.alive[target]):
            return False
        ring, target_ring = self.neighbours(source), self.neighbours(target)
        shared = [face for face in self.faces_of[source] if target in self.faces[face]]
        if not 1 <= len(shared) <= 2 or len(ring & target_ring) != len(shared):
            return False  # the surface would touch itself
        if len(ring | target_ring) - 2 > _MAX_VALENCE:
            return False
        return self.uv_images(source, target) is not None and self.stays_regular(source, target)

    def uv_images(self, source: int, target: int) -> dict[int, int] | None:
        """Return the new texture coordinate of each of a vertex's, or None if one is ambiguous."""
        images: dict[int, int] = {}
        used = set()
        for face in self.faces_of[source]:
            corners, uv = self.faces[face], self.uv_faces[face]
            here = uv[corners.index(source)]
            if target not in corners:
                used.add(here)
            elif images.setdefault(here, uv[corners.index(target)]) != uv[corners.index(target)]:
                return None
        return images if used <= set(images) else None

    def stays_regular(self, source: int, target: int) -> bool:
        """Return whether no face flips or becomes a sliver."""
        moved = [self.faces[face] for face in self.faces_of[source] if target not in self.faces[face]]
        if not moved:
            return True
        before = np.array(moved)
        after = np.where(before == source, target, before)
        old, new = self.points[before, :3], self.points[after, :3]
        old_normals = np.cross(old[:, 1] - old[:, 0], old[:, 2] - old[:, 0])
        new_normals = np.cross(new[:, 1] - new[:, 0], new[:, 2] - new[:, 0])
        old_areas, new_areas = np.linalg.norm(old_normals, axis=1), np.linalg.norm(new_normals, axis=1)
        longest = ((new - np.roll(new, -1, axis=1)) ** 2).sum(2).max(1)
        turned = (old_normals * new_normals).sum(1) < _MIN_NORMAL_COSINE * old_areas * new_areas
        return not (turned | (new_areas < _MIN_COMPACTNESS * longest)).any()

    def collapse(self, source: int, target: int) -> _Collapse:
        images = self.uv_images(source, target)
        removed = [face for face in self.faces_of[source] if target in self.faces[face]]
        moved = [face for face in self.faces_of[source] if target not in self.faces[face]]
        record = _Collapse(source, target, self.quadrics[target], removed, moved,
                           [(list(self.faces[face]), list(self.uv_faces[face])) for face in moved])
        for face in removed:
            self.face_alive[face] = False
            for vertex in self.faces[face]:
                self.faces_of[vertex].discard(face)
        for face in moved:
            corner = self.faces[face].index(source)
            self.faces[face][corner] = target
            self.uv_faces[face][corner] = images[self.uv_faces[face][corner]]
            self.faces_of[target].add(face)
        self.faces_of[source] = set()
        self.quadrics[target] = self.quadrics[target] + self.quadrics[source]
        self.alive[source] = False
        return record

    def undo(self, record: _Collapse) -> None:
        self.alive[record.source] = True
        self.quadrics[record.target] = record.quadric
        for face, (corners, uv) in zip(record.moved, record.old_corners):
            self.faces[face], self.uv_faces[face] = corners, uv
            self.faces_of[record.target].discard(face)
        self.faces_of[record.source] = set(record.moved) | set(record.removed)
        for face in record.removed:
            self.face_alive[face] = True
            for vertex in self.faces[face]:
                self.faces_of[vertex].add(face)

    def result(self) -> Decimated:
        left = [index for index, alive in enumerate(self.face_alive) if alive]
        faces = np.array([self.faces[index] for index in left])
        kept, compact = np.unique(faces, return_inverse=True)
        return Decimated(kept, compact.reshape(faces.shape), np.array([self.uv_faces[index] for index in left]))
