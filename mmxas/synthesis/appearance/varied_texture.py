"""Recoloured textures: detail from a picture, tones and markings from a data file.

Shapes: V vertices, F faces, P points, J joints, L markings.
"""
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmxas.io import read_json
from mmxas.io.images import UnreadableImageError, read_image
from mmxas.io.shipped_files import find_shipped
from mmxas.registry import APPEARANCES
from mmxas.synthesis.appearance.uv_texture import TexturedSurface
from mmxas.synthesis.renderers.shading import interpolate

_WAVES = 4  # sine waves that make up a marking's outline
_SPEC_KEYS = {'name', 'parts', 'chance', 'edge', 'size', 'roughness', 'softness', 'from', 'direction', 'range', 'tones'}
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)


class Marking(NamedTuple):
    """One marking with its random draws.

    Attributes:
        column: its column in the fields of a body.
        tone: (3,) RGB.
        edge: the marking covers points whose field is above this.
        roughness: amplitude of the waves that perturb the field.
        softness: width of its edge.
        waves: (4, 3) wave vectors in rad/m and (4,) phases.
    """

    column: int
    tone: np.ndarray
    edge: float
    roughness: float
    softness: float
    waves: tuple[np.ndarray, np.ndarray]


def read_varied_texture(file: str | Path) -> dict[str, Any]:
    """Read tones and markings.

    The file is JSON: ``textures`` (pictures, relative to the file), ``keep`` (probability of the picture's own
    colours), ``tones`` (RGB triples in 0…255), ``contrast`` [low, high] (exponent of the picture's brightness),
    ``markings``: each with ``name``, ``parts`` (joints whose skin it covers, or "all"), ``chance``, ``edge`` [low,
    high] (1 is the part's whole, 0.5 its border), ``roughness`` and ``size`` [low, high] in m of its outline,
    ``softness``, its own ``tones``, and ``from`` (joint), ``direction``, ``range`` [low, high] in m where it ends along
    a direction.

    Args:
        file: the path, as :func:`find_shipped` takes it.

    Raises:
        FileNotFoundError: there is no such file, or one of its pictures is missing.
        ValueError: a key is missing or unknown, or there is no tone.
    """
    path = find_shipped(file)
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file of tones and markings')
    content = read_json(path)
    missing = {'textures', 'keep', 'tones', 'contrast', 'markings'} - set(content)
    if missing or not content['tones']:
        raise ValueError(f'{path}: {", ".join(sorted(missing)) or "tones"} missing')
    for spec in content['markings']:
        unknown, absent = sorted(set(spec) - _SPEC_KEYS), sorted({'name', 'parts', 'chance', 'edge'} - set(spec))
        if unknown or absent:
            raise ValueError(f'{path}: marking {spec.get("name")!r}: unknown keys {unknown}, missing keys {absent}')
    content['textures'] = [path.parent / name for name in content['textures']]
    for texture in content['textures']:
        if not texture.is_file():
            raise FileNotFoundError(f'{path}: its texture {texture} does not exist')
    return {**content, 'path': path}


def marking_field(spec: Mapping[str, Any], rest: np.ndarray, weights: np.ndarray, joints: np.ndarray,
                  names: Sequence[str]) -> np.ndarray:
    """Return the membership of each vertex in a marking's parts: (V,) in 0…1, less beyond its end along a direction.

    Args:
        spec: the marking's entry.
        rest: (V, 3) rest vertices in m.
        weights: (V, J) skinning weights.
        joints: (J, 3) rest joints in m.
        names: J joint names.

    Raises:
        ValueError: the body lacks a joint.
    """
    wanted = list(names) if spec['parts'] == 'all' else list(spec['parts'])
    unknown = sorted({*wanted, *([spec['from']] if 'from' in spec else [])} - set(names))
    if unknown:
        raise ValueError(f'marking {spec["name"]!r}: the body has no joint {", ".join(unknown)}; it has {list(names)}')
    field = weights[:, [list(names).index(part) for part in wanted]].sum(1)
    if 'from' in spec:
        low, high = spec['range']
        along = (rest - joints[list(names).index(spec['from'])]) @ np.asarray(spec['direction'], float)
        field = field * np.clip((along - low) / (high - low), 0, 1)
    return field


class VariedSurface:
    """A recoloured texture with markings.

    Args:
        texture: the textured surface.
        fields: (V, 3 + L) float32 rest vertices in m, then the field of each marking.
        tone: (3,) RGB of the base tone, None for the picture's own colours.
        contrast: exponent of the brightness.
        brightness: the picture's typical brightness.
        markings: from the lowest to the topmost.
    """

    def __init__(self, texture: TexturedSurface, fields: np.ndarray, tone: np.ndarray | None, contrast: float,
                 brightness: float, markings: Sequence[Marking]) -> None:
        self.texture, self.fields, self.tone = texture, fields, tone
        self.contrast, self.brightness, self.markings = contrast, brightness, markings

    def colors(self, corners: np.ndarray, face: np.ndarray, bary: np.ndarray) -> np.ndarray:
        """See :class:`~mmxas.synthesis.renderers.shading.Surface`."""
        own = self.texture.colors(corners, face, bary)
        detail = ((own @ _LUMINANCE / self.brightness) ** self.contrast)[:, None]
        out = own if self.tone is None else detail * self.tone
        values = interpolate(self.fields, corners, bary)
        for marking in self.markings:
            share = _coverage(marking, values[:, :3], values[:, marking.column])[:, None]
            out = out + share * (detail * marking.tone - out)
        return np.clip(out, 0, 1).astype(np.float32)


def _coverage(marking: Marking, places: np.ndarray, field: np.ndarray) -> np.ndarray:
    vectors, phases = marking.waves
    waves = np.sin(places @ vectors.T + phases).sum(1) / np.sqrt(2 * _WAVES)
    share = (field + marking.roughness * waves - marking.edge) / marking.softness + 0.5
    return np.clip(share, 0, 1) * (field > 0)


@APPEARANCES.register_module()
class VariedTexture:
    """The body's own texture in random tones, with random markings.

    Args:
        file: tones and markings (:func:`read_varied_texture`).

    Raises:
        FileNotFoundError: there is no such file, or one of its pictures is missing or unreadable.
        ValueError: a key is missing or unknown, or there is no tone.
    """

    def __init__(self, file: str) -> None:
        self.content = read_varied_texture(file)
        self.data_files = (self.content['path'], *self.content['textures'])
        self.pictures = [_read_picture(path) for path in self.content['textures']]
        self.brightness = [float(np.median(picture @ _LUMINANCE)) / 255 for picture in self.pictures]
        self._fitted: dict[int, tuple[Any, np.ndarray]] = {}

    def sample(self, body: Any, rng: np.random.Generator) -> VariedSurface:
        """Draw the surface of one body.

        Args:
            body: body model with ``uv``, ``uv_faces``, ``v_template``, ``skinning_weights``, ``joint_template``,
                ``joint_names``.
            rng: source of randomness.

        Raises:
            ValueError: the body has no texture coordinates, or lacks a joint of a marking.
        """
        if body.uv is None or body.uv_faces is None:
            raise ValueError('VariedTexture: the body model has no texture coordinates (arrays `vt`, `ft` of its file)')
        content = self.content
        number = int(rng.integers(len(self.pictures)))
        keeps, tone = rng.random() < content['keep'], _tone(content['tones'], rng)
        contrast = rng.uniform(*content['contrast'])
        markings = []
        for column, spec in enumerate(content['markings']):
            chance, marking = rng.random(), _draw(spec, 3 + column, content['tones'], rng)
            if chance < spec['chance']:
                markings.append(marking)
        return VariedSurface(TexturedSurface(body.uv, body.uv_faces, self.pictures[number]), self._fields(body),
                             None if keeps else tone, float(contrast), self.brightness[number], markings)

    def _fields(self, body: Any) -> np.ndarray:
        if id(body) not in self._fitted:
            rest, weights, joints = (np.asarray(part, np.float32) for part in (
                body.v_template, body.skinning_weights, body.joint_template))
            fields = [marking_field(spec, rest, weights, joints, tuple(body.joint_names))
                      for spec in self.content['markings']]
            self._fitted[id(body)] = (body, np.column_stack([rest, *fields]).astype(np.float32))
        return self._fitted[id(body)][1]


def _read_picture(path: Path) -> np.ndarray:
    try:
        return np.ascontiguousarray(read_image(path)[..., ::-1])
    except UnreadableImageError as error:
        raise FileNotFoundError(f'VariedTexture: {path} is not a readable picture ({error})') from error


def _tone(tones: Sequence[Sequence[float]], rng: np.random.Generator) -> np.ndarray:
    """Return a mixture of two tones near the first, slightly lighter or darker: (3,) RGB in 0…1."""
    first, second = (np.asarray(tones[rng.integers(len(tones))], float) / 255 for _ in range(2))
    return np.clip((first + 0.25 * rng.random() * (second - first)) * rng.uniform(0.85, 1.15), 0, 1)


def _draw(spec: Mapping[str, Any], column: int, tones: Sequence, rng: np.random.Generator) -> Marking:
    size = rng.uniform(*spec.get('size', (0.1, 0.3)))
    directions = rng.standard_normal((_WAVES, 3))
    vectors = directions / np.linalg.norm(directions, axis=1, keepdims=True) * 2 * np.pi / size
    return Marking(column, _tone(spec.get('tones', tones), rng), float(rng.uniform(*spec['edge'])),
                   float(spec.get('roughness', 0.1)), float(spec.get('softness', 0.1)),
                   (vectors, rng.uniform(0, 2 * np.pi, _WAVES)))
