"""A mesh with another number of vertices, and everything that hangs on its vertices carried over."""
from __future__ import annotations

import heapq
from collections import defaultdict

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

# What is a mean of the vertices' values where an edge is split, and what sums over vertices.
MEANS, SUMS = ('v_template', 'shapedirs', 'weights'), ('J_regressor', 'J_regressor_h36m')


def largest_part(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The largest connected part of a mesh: the skin without the eyeballs. Sums over vertices stay sums of one."""
    faces, count = arrays['f'].astype(int), len(arrays['v_template'])
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    label = connected_components(coo_matrix((np.ones(len(edges)), edges.T), shape=(count, count)))[1]
    kept = label == np.bincount(label).argmax()
    number = np.cumsum(kept) - 1
    rows = kept[faces].all(axis=1)
    out = {**arrays, 'f': number[faces[rows]], 'ft': arrays['ft'].astype(int)[rows]}
    out.update({key: arrays[key][kept].astype(float) for key in MEANS})
    for key in SUMS:
        if key in arrays:
            sums = arrays[key].astype(float)[:, kept]
            out[key] = sums / sums.sum(axis=1, keepdims=True)
    return out


def split_edges(arrays: dict[str, np.ndarray], num_vertices: int, places: np.ndarray) -> dict[str, np.ndarray]:
    """Split the longest edges of a closed mesh in their middles until it has so many vertices.

    The faces on both sides get one more each, and one more point of the texture on each side of a seam.

    Args:
        arrays: The mesh.
        num_vertices: How many it shall have.
        places: (V, 3) where lengths are measured: meshes with the same faces stay so if it is the same for all.
    """
    faces, uv_faces = arrays['f'].tolist(), arrays['ft'].tolist()
    places, uv = places.tolist(), arrays['vt'].astype(float).tolist()
    parents: list[tuple[int, int]] = []
    beside = defaultdict(set)
    for number, face in enumerate(faces):
        for k in range(3):
            beside[frozenset((face[k], face[k - 1]))].add(number)
    heap = [(-_length(places, edge), sorted(edge)) for edge in beside]
    heapq.heapify(heap)
    while len(places) < num_vertices:
        a, b = heapq.heappop(heap)[1]
        edge, middle = frozenset((a, b)), len(places)
        places.append([(p + q) / 2 for p, q in zip(places[a], places[b], strict=True)])
        parents.append((a, b))
        points: dict[tuple, int] = {}
        for number in sorted(beside.pop(edge)):
            face, corners = faces[number], uv_faces[number]
            i, j = face.index(a), face.index(b)
            key = tuple(sorted((corners[i], corners[j])))
            if key not in points:
                points[key] = len(uv)
                uv.append([(p + q) / 2 for p, q in zip(uv[corners[i]], uv[corners[j]], strict=True)])
            other = face[3 - i - j]
            new, new_corners = list(face), list(corners)
            new[i], new_corners[i] = middle, points[key]
            face[j], corners[j] = middle, points[key]
            faces.append(new)
            uv_faces.append(new_corners)
            opposite = beside[frozenset((b, other))]
            opposite.discard(number)
            opposite.add(len(faces) - 1)
            beside[frozenset((middle, other))] |= {number, len(faces) - 1}
            beside[frozenset((a, middle))].add(number)
            beside[frozenset((middle, b))].add(len(faces) - 1)
            heapq.heappush(heap, (-_length(places, (middle, other)), sorted((middle, other))))
        for end in (a, b):
            heapq.heappush(heap, (-_length(places, (middle, end)), sorted((middle, end))))
    out = {**arrays, 'f': np.array(faces), 'ft': np.array(uv_faces), 'vt': np.array(uv)}
    for key in MEANS:
        values = list(arrays[key].astype(float))
        for a, b in parents:
            values.append((values[a] + values[b]) / 2)
        out[key] = np.array(values)
    for key in SUMS:
        if key in arrays:
            out[key] = np.pad(arrays[key].astype(float), ((0, 0), (0, num_vertices - arrays[key].shape[1])))
    return out


def collapse_edges(arrays: dict[str, np.ndarray], num_vertices: int, kept: set[int]) -> tuple[dict, np.ndarray]:
    """Collapse the shortest edges of a closed mesh, each into one of its ends, until it has so many vertices.

    Args:
        arrays: The mesh; its texture is left out.
        num_vertices: How many shall stay.
        kept: Vertices that stay.

    Returns:
        tuple: The arrays, and the old number of each vertex.
    """
    places = arrays['v_template'].astype(float)
    faces = dict(enumerate(arrays['f'].astype(int).tolist()))
    around = defaultdict(set)
    for number, face in faces.items():
        for vertex in face:
            around[vertex].add(number)
    into = np.arange(len(places))
    heap = [(_length(places, (a, b)), a, b) for face in faces.values()
            for a, b in ((face[0], face[1]), (face[1], face[2]), (face[2], face[0]))]
    heapq.heapify(heap)
    left = len(places)
    while left > num_vertices:
        _, gone, stays = heapq.heappop(heap)
        if gone in kept or not around[gone] or not around[stays]:
            continue
        near = [{v for number in around[end] for v in faces[number]} for end in (gone, stays)]
        if stays not in near[0] or len(near[0] & near[1]) != 4:  # both ends and the two beside their edge: stays closed
            continue
        for number in list(around[gone]):
            face = faces[number]
            if stays in face:
                for vertex in face:
                    around[vertex].discard(number)
                del faces[number]
            else:
                face[face.index(gone)] = stays
                around[stays].add(number)
        around[gone] = set()
        into[gone] = stays
        left -= 1
        for vertex in near[0] - {gone, stays}:
            heapq.heappush(heap, (_length(places, (vertex, stays)), vertex, stays))
    while (into[into] != into).any():
        into = into[into]
    stay = np.flatnonzero(into == np.arange(len(places)))
    number = np.full(len(places), -1)
    number[stay] = np.arange(len(stay))
    out = {key: value for key, value in arrays.items() if key not in ('vt', 'ft')}
    out['f'] = number[np.array(list(faces.values()))]
    out.update({key: arrays[key].astype(float)[stay] for key in MEANS})
    for key in SUMS:
        if key in arrays:
            sums = np.zeros((len(stay), len(arrays[key])))
            np.add.at(sums, number[into], arrays[key].astype(float).T)
            out[key] = sums.T
    return out, stay


def renumber(arrays: dict[str, np.ndarray], places: dict[int, int]) -> dict[str, np.ndarray]:
    """Exchange vertices, so that vertex ``old`` is found at ``places[old]``."""
    order = np.arange(len(arrays['v_template']))
    for old, new in places.items():
        at = int(np.flatnonzero(order == old)[0])
        order[at], order[new] = order[new], order[at]
    number = np.argsort(order)
    out = {**arrays, 'f': number[arrays['f']]}
    out.update({key: arrays[key][order] for key in MEANS})
    out.update({key: arrays[key][:, order] for key in SUMS if key in arrays})
    return out


def _length(places, edge) -> float:
    a, b = edge
    return sum((p - q) ** 2 for p, q in zip(places[a], places[b], strict=True))
