"""Painted clothes: layers of garments on a body's surface, outlined by joints, skinning weights and rest geometry.

A data file defines the garments and where they may end; the code works for any kind of body.
"""
import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmxas.io import read_json
from mmxas.io.shipped_files import find_named
from mmxas.registry import APPEARANCES
from mmxas.synthesis.pictures import PictureStore
from mmxas.synthesis.renderers.shading import Surface, interpolate
from mmxas.synthesis.scene import jitter_colors, random_window

DATA_DIR = Path(__file__).resolve().parents[1] / 'data'
PALETTES = read_json(DATA_DIR / 'palettes.json')
# A line applies where its parts have at least this weight; it is below one half to cut faces between parts smoothly.
REACH = 0.01
PATTERNS = ('plain', 'stripes', 'checks', 'noise', 'picture')
PATCH_SIZE = 64  # px, side of the picture patch that a garment may show
# Noise is a sum of waves: the order of the wave vector's axes, its factor, and the phase of each.
_NOISE = (((0, 1, 2), 1.0, 0.0), ((1, 2, 0), 1.3, 1.0), ((2, 0, 1), 0.7, 2.0), ((1, 0, 2), 2.1, 3.0))


@dataclass(frozen=True)
class Layer:
    """One garment of the wardrobe.

    Attributes:
        spec: the layer's entry in the data file.
        columns: its columns in the fields of a body: membership, then one coordinate per cut.
    """

    spec: dict[str, Any]
    columns: slice


class Worn(NamedTuple):
    """One garment with its random draws.

    Attributes:
        layer: the garment.
        ends: (C,) coordinate at which each cut ends.
        colors: (2, 3) RGB.
        pattern: one of ``PATTERNS``.
        wave: (3,) wave vector of the pattern in rad/m.
        picture: (n, n, 3) float32 RGB in [0, 1] for the pattern ``'picture'``; None for other patterns.
    """

    layer: Layer
    ends: np.ndarray
    colors: np.ndarray
    pattern: str
    wave: np.ndarray
    picture: np.ndarray | None = None


def find_clothes_file(file: str | Path) -> Path:
    """Return the path of a shipped file by name, or of a file.

    Raises:
        FileNotFoundError: there is neither.
    """
    path = find_named(file, DATA_DIR, '.json')
    if not path.is_file():
        names = sorted(p.stem for p in DATA_DIR.glob('*clothes*.json'))
        raise FileNotFoundError(f'clothes {str(file)!r}: neither a file nor one of the shipped {names}')
    return path


def read_clothes_file(file: str | Path) -> dict[str, Any]:
    """Read ``{"base": palette, "layers": [...], "pictures": [...]}`` from a shipped name or a path.

    A palette is a name as in :func:`draw_color`, or a list of names. ``pictures`` (optional) lists the folders from
    which the pattern ``picture`` cuts its patches (:func:`~mmxas.synthesis.pictures.find_pictures`).

    A layer has ``name``, ``palette``, ``parts`` (joints whose skin it may cover), ``chance`` (default 1),
    ``patterned`` (probability of a pattern, default 0), ``patterns`` (weights of ``stripes``, ``checks``, ``noise`` and
    ``picture``, default stripes and checks), and ``cuts``: each with ``range`` [low, high] of the coordinate where the
    layer ends, and ``lines``, each ``{"parts": […], "from": joint, "to": joint}`` (coordinate 0 at the first joint, 1
    at the second) or ``{"parts": […], "from": joint, "direction": [x, y, z]}`` (metres). The lines of one cut share one
    random end, so that both sides match.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: a layer has an unknown pattern, or the pattern ``picture`` although the file has no ``pictures``.
    """
    content = read_json(find_clothes_file(file))
    for spec in content['layers']:
        unknown = sorted(set(spec.get('patterns', ())) - set(PATTERNS[1:]))
        if unknown:
            raise ValueError(f'clothes {str(file)!r}: layer {spec["name"]!r} has the patterns {unknown}, expected some '
                             f'of {list(PATTERNS[1:])}')
        if 'picture' in spec.get('patterns', ()) and not content.get('pictures'):
            raise ValueError(f'clothes {str(file)!r}: layer {spec["name"]!r} shows pictures, but the file has no '
                             '"pictures": list their folders there, such as ["backgrounds"]')
    return content


def layer_fields(spec: dict[str, Any], rest: np.ndarray, weights: np.ndarray, joints: np.ndarray,
                 names: tuple[str, ...]) -> np.ndarray:
    """Return a layer's outline as fields on the vertices of one body.

    Args:
        spec: the layer's entry.
        rest: (V, 3) rest vertices in m.
        weights: (V, J) skinning weights.
        joints: (J, 3) rest joints in m.
        names: J joint names.

    Returns:
        (V, 1 + C) float32: membership of each vertex in the layer's parts, 0 … 1, and its coordinate along each of the
        C cuts, -1000 where a cut does not apply.

    Raises:
        ValueError: the body lacks a joint.
    """
    def index(joint: str) -> int:
        if joint not in names:
            raise ValueError(f'clothes layer {spec["name"]!r}: the body has no joint {joint!r}; it has {list(names)}')
        return names.index(joint)

    member = weights[:, [index(p) for p in spec['parts']]].sum(1)
    cuts = np.full((len(rest), len(spec['cuts'])), -1e3)
    for c, cut in enumerate(spec['cuts']):
        for line in cut['lines']:
            origin = joints[index(line['from'])]
            along = np.asarray(line['direction']) if 'direction' in line else joints[index(line['to'])] - origin
            coordinate = (rest - origin) @ along / (1.0 if 'direction' in line else along @ along)
            reached = weights[:, [index(p) for p in line['parts']]].sum(1) > REACH
            cuts[reached, c] = np.maximum(cuts[reached, c], coordinate[reached])
    return np.concatenate([member[:, None], cuts], axis=1).astype(np.float32)


class PaintedSurface:
    """Surface of a body with painted clothes; outlines are evaluated per point, so they are sharp between vertices.

    Args:
        fields: (V, 3 + C) float32 rest vertices in m, then the columns of all layers.
        base: (3,) RGB of bare skin, or its surface.
        layers: from the innermost outwards.
    """

    def __init__(self, fields: np.ndarray, base: np.ndarray | Surface, layers: list[Worn]) -> None:
        self.fields, self.base, self.layers = fields, base, layers

    def colors(self, corners: np.ndarray, face: np.ndarray, bary: np.ndarray) -> np.ndarray:
        """See :class:`~mmxas.synthesis.renderers.shading.Surface`."""
        if isinstance(self.base, np.ndarray):
            out = np.broadcast_to(self.base.astype(np.float32), (len(face), 3)).copy()
        else:
            out = self.base.colors(corners, face, bary)
        values = interpolate(self.fields, corners, bary)
        for outfit in self.layers:
            columns = values[:, outfit.layer.columns]
            inside = (columns[:, 0] > 0.5) & (columns[:, 1:] < outfit.ends).all(1)
            out[inside] = pattern_colors(values[inside, :3], outfit)
        return out


def pattern_colors(place: np.ndarray, worn: Worn) -> np.ndarray:
    """Return the colours (P, 3) RGB in [0, 1] of a garment at points (P, 3) of the rest body in m.

    ``picture`` is projected from the front, slightly from the side, and repeats mirrored.
    """
    if worn.pattern == 'noise':
        waves = sum(np.sin(place @ (factor * worn.wave[list(axes)]) + phase) for axes, factor, phase in _NOISE)
        share = np.clip(0.5 + 0.4 * waves, 0, 1)[:, None]
        return worn.colors[0] + share * (worn.colors[1] - worn.colors[0])
    if worn.pattern == 'picture':
        extent = 10 * np.pi / np.linalg.norm(worn.wave)  # five wavelengths
        across = np.stack([-place[:, 1], place[:, 0] + 0.5 * place[:, 2]], axis=1) / extent
        cells = np.abs(across % 2 - 1) * len(worn.picture)
        row, column = np.minimum(cells.astype(np.int64), len(worn.picture) - 1).T
        return worn.picture[row, column]
    return worn.colors[_pattern(place, worn.pattern, worn.wave)]


def _pattern(place: np.ndarray, pattern: str, wave: np.ndarray) -> np.ndarray:
    """Return the colour index, 0 or 1, of points (P, 3)."""
    if pattern == 'plain':
        return np.zeros(len(place), np.int64)
    if pattern == 'stripes':
        return (np.sin(place @ wave) > 0.2).astype(np.int64)
    phase = np.sin(place[:, 0] * wave[0]) * np.sin(place[:, 1] * wave[0]) * np.sin(place[:, 2] * wave[0] + 0.8)
    return (phase > 0).astype(np.int64)


def draw_color(palette: str | Sequence[str], rng: np.random.Generator) -> np.ndarray:
    """Draw one colour (3,) RGB in [0, 1], using three uniform deviates, after one integer for a list of palettes.

    Args:
        palette: a name in ``data/palettes.json``, or a list of names with equal probabilities.
        rng: source of randomness.

    Raises:
        ValueError: the palette is unknown.
    """
    if not isinstance(palette, str):
        palette = palette[int(rng.integers(len(palette)))]
    a, b, c = rng.random(3)
    if palette in PALETTES['tones']:  # RGB tones between which colours are mixed
        tones = np.asarray(PALETTES['tones'][palette])
        place = a * (len(tones) - 1)
        low = min(int(place), len(tones) - 2)
        mixed = tones[low] + (place - low) * (tones[low + 1] - tones[low])
        return np.clip(mixed * (0.9 + 0.2 * b) + (c - 0.5) * np.array([0.03, 0.0, -0.03]), 0, 1)
    if palette in PALETTES['ranges']:  # of hue, saturation and value
        hue, saturation, value = (low + u * (high - low)
                                  for u, (low, high) in zip((a, b, c), PALETTES['ranges'][palette]))
        return np.asarray(colorsys.hsv_to_rgb(hue, saturation, value))
    known = sorted((*PALETTES['tones'], *PALETTES['ranges']))
    raise ValueError(f'palette {palette!r}: expected one of {known}')


@APPEARANCES.register_module()
class PaintedClothes:
    """Random clothes.

    Args:
        file: a shipped name or a path (:func:`read_clothes_file`). Default: the SMPL wardrobe.
        skin: config of the appearance of bare skin. Default: None, one colour from the file's palette ``base``.
    """

    def __init__(self, file: str = 'smpl_clothes', skin: Mapping[str, Any] | None = None) -> None:
        self.skin = None if skin is None else APPEARANCES.build(skin)
        self.content = read_clothes_file(file)
        self.pictures = PictureStore(self.content['pictures']) if self.content.get('pictures') else None
        self.data_files = (find_clothes_file(file), *(self.pictures.files if self.pictures else ()),
                           *getattr(self.skin, 'data_files', ()))
        self.layers, column = [], 3
        for spec in self.content['layers']:
            self.layers.append(Layer(spec, slice(column, column + 1 + len(spec['cuts']))))
            column = self.layers[-1].columns.stop
        self._fitted: dict[int, tuple[Any, np.ndarray]] = {}

    def _fields(self, body: Any) -> np.ndarray:
        """Return the rest vertices and all layers' columns (V, 3 + C), computed once per body."""
        if id(body) not in self._fitted:
            rest, weights, joints = (np.asarray(x, np.float32) for x in (
                body.v_template, body.skinning_weights, body.joint_template))
            columns = [layer_fields(layer.spec, rest, weights, joints, tuple(body.joint_names))
                       for layer in self.layers]
            self._fitted[id(body)] = (body, np.concatenate([rest, *columns], axis=1))
        return self._fitted[id(body)][1]

    def sample(self, body: Any, rng: np.random.Generator) -> PaintedSurface:
        """Draw the clothes of one body.

        Args:
            body: body model with ``v_template``, ``skinning_weights``, ``joint_template``, ``joint_names``.
            rng: source of randomness.
        """
        base = draw_color(self.content['base'], rng) if self.skin is None else self.skin.sample(body, rng)
        worn = []
        for layer in self.layers:
            chance, drawn = rng.random(), _draw(layer, rng, self.pictures)
            if chance < layer.spec.get('chance', 1.0):
                worn.append(drawn)
        return PaintedSurface(self._fields(body), base, worn)


def _draw(layer: Layer, rng: np.random.Generator, pictures: PictureStore | None) -> Worn:
    """Draw ends, colours and pattern of one layer."""
    ends = np.array([rng.uniform(*cut['range']) for cut in layer.spec['cuts']], np.float32)
    colors = np.stack([draw_color(layer.spec['palette'], rng) for _ in range(2)])
    patterned = rng.random() < layer.spec.get('patterned', 0.0)
    pattern = _draw_pattern(layer.spec, rng) if patterned else 'plain'
    direction = rng.standard_normal(3)
    if rng.random() < 0.6:
        direction = np.array([0.0, 1.0, 0.0])
    wave = direction / np.linalg.norm(direction) * 2 * np.pi / rng.uniform(0.05, 0.2)
    if pattern == 'checks':
        wave = np.full(3, np.linalg.norm(wave))
    picture = _draw_patch(pictures, rng) if pattern == 'picture' else None
    return Worn(layer, ends, colors.astype(np.float32), pattern, wave.astype(np.float32), picture)


def _draw_pattern(spec: dict[str, Any], rng: np.random.Generator) -> str:
    if 'patterns' not in spec:
        return PATTERNS[1 + int(rng.integers(2))]
    names, weights = list(spec['patterns']), np.cumsum(list(spec['patterns'].values()))
    return names[min(int(np.searchsorted(weights, rng.random() * weights[-1], side='right')), len(names) - 1)]


def _draw_patch(pictures: PictureStore, rng: np.random.Generator) -> np.ndarray:
    """Return a random window of a picture, (PATCH_SIZE, PATCH_SIZE, 3) float32 RGB in [0, 1]."""
    patch = jitter_colors(random_window(pictures.draw(rng), PATCH_SIZE, (0.1, 0.6), rng), 0.3, rng)
    return patch[..., ::-1].astype(np.float32) / 255
