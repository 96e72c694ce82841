"""Painted clothes: layers of garments cut out of a body's surface by joints, skinning weights and rest geometry.

Which garments there are, and where they may end, is a data file; nothing here knows what kind of body wears them.
"""
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmxas.registry import APPEARANCES
from mmxas.safe_files import read_json
from mmxas.shipped_files import find_shipped
from mmxas.synthesis.appearance.palettes import draw_color
from mmxas.synthesis.renderers.shading import interpolate

DATA_DIR = Path(__file__).resolve().parents[1] / 'data'
# A line rules wherever its parts have this much weight: less than half, so that a face between parts is cut smoothly.
REACH = 0.01
PATTERNS = ('plain', 'stripes', 'checks')


@dataclass(frozen=True)
class Layer:
    """One garment of the wardrobe.

    Attributes:
        spec: the layer's entry in the data file.
        columns: its columns among the fields of a body: membership, then one coordinate a cut.
    """

    spec: dict[str, Any]
    columns: slice


class Worn(NamedTuple):
    """One garment with everything that was drawn for it.

    Attributes:
        layer: the garment.
        ends: (C,) where its cuts end.
        colors: (2, 3) RGB.
        pattern: one of ``PATTERNS``.
        wave: (3,) wave vector of the pattern in rad/m.
    """

    layer: Layer
    ends: np.ndarray
    colors: np.ndarray
    pattern: str
    wave: np.ndarray


def find_clothes_file(file: str | Path) -> Path:
    """The path of a shipped name or of a file.

    Raises:
        FileNotFoundError: if it is neither.
    """
    shipped = DATA_DIR / f'{file}.json'
    path = shipped if shipped.is_file() else find_shipped(file)
    if not path.is_file():
        names = sorted(p.stem for p in DATA_DIR.glob('*clothes*.json'))
        raise FileNotFoundError(f'clothes {str(file)!r}: neither a file nor one of the shipped {names}')
    return path


def read_clothes_file(file: str | Path) -> dict[str, Any]:
    """Read ``{"base": palette, "layers": [...]}`` from a shipped name or a path.

    A layer has ``name``, ``palette``, ``parts`` (joints whose skin it may cover), ``chance`` (default 1),
    ``patterned`` (chance of stripes or checks, default 0), and ``cuts``: each with ``range`` [low, high] of the
    coordinate where the layer ends, and ``lines``, each ``{"parts": […], "from": joint, "to": joint}`` (coordinate 0
    at the first joint, 1 at the second) or ``{"parts": […], "from": joint, "direction": [x, y, z]}`` (metres).
    The lines of one cut share one random end, so that both sides match.

    Raises:
        FileNotFoundError: without the file.
    """
    return read_json(find_clothes_file(file))


def layer_fields(spec: dict[str, Any], rest: np.ndarray, weights: np.ndarray, joints: np.ndarray,
                 names: tuple[str, ...]) -> np.ndarray:
    """Express a layer's outline as fields on the vertices of one body.

    Args:
        spec: the layer's entry.
        rest: (V, 3) rest vertices in m.
        weights: (V, J) skinning weights.
        joints: (J, 3) rest joints in m.
        names: J joint names.

    Returns:
        (V, 1 + C) float32: how much each vertex belongs to the layer's parts, 0 … 1, and its coordinate along each of
        the C cuts, -1000 where a cut does not reach.

    Raises:
        ValueError: for a joint that the body does not have.
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
    """A body in its clothes; outlines are evaluated at each point, so that they stay sharp between vertices.

    Args:
        fields: (V, 3 + C) float32 rest vertices in m, then the columns of all layers.
        base: (3,) RGB of bare skin.
        layers: from the innermost outwards.
    """

    def __init__(self, fields: np.ndarray, base: np.ndarray, layers: list[Worn]) -> None:
        self.fields, self.base, self.layers = fields, base, layers

    def colors(self, corners: np.ndarray, face: np.ndarray, bary: np.ndarray) -> np.ndarray:
        """See :class:`~mmxas.synthesis.renderers.shading.Surface`."""
        out = np.broadcast_to(self.base.astype(np.float32), (len(face), 3)).copy()
        values = interpolate(self.fields, corners, bary)
        for outfit in self.layers:
            columns = values[:, outfit.layer.columns]
            inside = (columns[:, 0] > 0.5) & (columns[:, 1:] < outfit.ends).all(1)
            out[inside] = outfit.colors[_pattern(values[inside, :3], outfit.pattern, outfit.wave)]
        return out


def _pattern(place: np.ndarray, pattern: str, wave: np.ndarray) -> np.ndarray:
    """Which of two colours, 0 or 1, points (P, 3) have."""
    if pattern == 'plain':
        return np.zeros(len(place), np.int64)
    if pattern == 'stripes':
        return (np.sin(place @ wave) > 0.2).astype(np.int64)
    phase = np.sin(place[:, 0] * wave[0]) * np.sin(place[:, 1] * wave[0]) * np.sin(place[:, 2] * wave[0] + 0.8)
    return (phase > 0).astype(np.int64)


@APPEARANCES.register_module()
class PaintedClothes:
    """Random clothes.

    Args:
        file: a shipped name or a path (:func:`read_clothes_file`). Default: the SMPL wardrobe.
    """

    def __init__(self, file: str = 'smpl_clothes') -> None:
        self.data_files = (find_clothes_file(file),)
        self.content = read_clothes_file(file)
        self.layers, column = [], 3
        for spec in self.content['layers']:
            self.layers.append(Layer(spec, slice(column, column + 1 + len(spec['cuts']))))
            column = self.layers[-1].columns.stop
        self._fitted: dict[int, tuple[Any, np.ndarray]] = {}

    def _fields(self, body: Any) -> np.ndarray:
        """Rest vertices and all layers' columns (V, 3 + C), computed once a body."""
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
        base = draw_color(self.content['base'], rng)
        worn = []
        for layer in self.layers:
            chance, drawn = rng.random(), _draw(layer, rng)
            if chance < layer.spec.get('chance', 1.0):
                worn.append(drawn)
        return PaintedSurface(self._fields(body), base, worn)


def _draw(layer: Layer, rng: np.random.Generator) -> Worn:
    """Draw ends, colours and pattern of one layer."""
    ends = np.array([rng.uniform(*cut['range']) for cut in layer.spec['cuts']], np.float32)
    colors = np.stack([draw_color(layer.spec['palette'], rng) for _ in range(2)])
    patterned = rng.random() < layer.spec.get('patterned', 0.0)
    pattern = PATTERNS[1 + int(rng.integers(2))] if patterned else 'plain'
    direction = rng.standard_normal(3)
    if rng.random() < 0.6:
        direction = np.array([0.0, 1.0, 0.0])
    wave = direction / np.linalg.norm(direction) * 2 * np.pi / rng.uniform(0.05, 0.2)
    if pattern == 'checks':
        wave = np.full(3, np.linalg.norm(wave))
    return Worn(layer, ends, colors.astype(np.float32), pattern, wave.astype(np.float32))
