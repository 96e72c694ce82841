"""Read MuJoCo's skin files and the rest positions of a MuJoCo model's bodies.

Shapes: V vertices, F faces, T texture coordinates. Axes as in the files: x to the front, y to the left, z up; metres.
"""
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

_NAME_LENGTH = 40
_WELD_DECIMALS = 6  # vertices within a micrometre are merged


class Skin(NamedTuple):
    """A skinned mesh.

    Attributes:
        vertices: (V, 3) m.
        faces: (F, 3) vertex indices.
        uv: (T, 2) texture coordinates, v down.
        uv_faces: (F, 3) indices into ``uv``.
        bones: Weights (V,) by bone.
    """

    vertices: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    uv_faces: np.ndarray
    bones: Mapping[str, np.ndarray]


class Places(NamedTuple):
    """Rest positions by body name.

    Attributes:
        body: Origin of the body's frame, (3,) m.
        joint: Position of its first joint, (3,) m.
    """

    body: Mapping[str, np.ndarray]
    joint: Mapping[str, np.ndarray]


def read_skin(path: str | Path) -> Skin:
    """Read a ``.skn`` file: four counts, vertices, texture coordinates, faces, then bones with their weights.

    Raises:
        ValueError: The file is truncated or has excess bytes, or a bone is rotated at rest.
    """
    reader = _Reader(Path(path))
    num_vertices, num_uv, num_faces, num_bones = reader.array('<i4', 4)
    vertices = reader.array('<f4', 3 * num_vertices).reshape(-1, 3).astype(float)
    uv = reader.array('<f4', 2 * num_uv).reshape(-1, 2).astype(float)
    faces = reader.array('<i4', 3 * num_faces).reshape(-1, 3).astype(int)
    bones = dict(_read_bone(reader, num_vertices) for _ in range(num_bones))
    if reader.left:
        raise ValueError(f'{path}: {reader.left} bytes left over after {num_bones} bones; is this a .skn file?')
    return Skin(vertices, faces, uv, faces.copy(), bones)


def welded(skin: Skin) -> Skin:
    """Merge vertices at the same position; the texture keeps its seams."""
    keys = np.round(skin.vertices, _WELD_DECIMALS)
    _, first, place = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    place = place.reshape(-1)
    corners = np.concatenate([place[:, None], np.round(skin.uv, _WELD_DECIMALS)], axis=1)
    _, first_uv, place_uv = np.unique(corners, axis=0, return_index=True, return_inverse=True)
    return Skin(skin.vertices[first], place[skin.faces], skin.uv[first_uv], place_uv.reshape(-1)[skin.uv_faces],
                {name: weights[first] for name, weights in skin.bones.items()})


def read_places(path: str | Path) -> Places:
    """Read the rest positions of all bodies from a model's ``.xml`` file."""
    places = Places({}, {})
    for body in ElementTree.parse(path).getroot().find('worldbody').findall('body'):
        _walk(body, np.zeros(3), places)
    return places


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path, self.content, self.offset = path, path.read_bytes(), 0

    @property
    def left(self) -> int:
        return len(self.content) - self.offset

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise ValueError(f'{self.path}: truncated, {size} bytes expected at {self.offset}, {self.left} left')
        self.offset += size
        return self.content[self.offset - size:self.offset]

    def array(self, dtype: str, count: int) -> np.ndarray:
        return np.frombuffer(self.take(np.dtype(dtype).itemsize * int(count)), dtype)


def _read_bone(reader: _Reader, num_vertices: int) -> tuple[str, np.ndarray]:
    name = reader.take(_NAME_LENGTH).split(b'\0')[0].decode()
    reader.array('<f4', 3)  # its rest position, also in the model's file
    if not np.allclose(reader.array('<f4', 4), [1, 0, 0, 0]):
        raise ValueError(f'{reader.path}: bone {name!r} is turned at rest; only bones along the axes are supported')
    count = int(reader.array('<i4', 1)[0])
    indices, weights = reader.array('<i4', count), reader.array('<f4', count)
    return name, np.bincount(indices, weights.astype(float), num_vertices)


def _walk(body: ElementTree.Element, origin: np.ndarray, places: Places) -> None:
    place = origin + _vector(body)
    joint = body.find('joint')
    places.body[body.get('name')] = place
    places.joint[body.get('name')] = place if joint is None else place + _vector(joint)
    for child in body.findall('body'):
        _walk(child, place, places)


def _vector(element: ElementTree.Element) -> np.ndarray:
    return np.array([float(number) for number in (element.get('pos') or '0 0 0').split()])
