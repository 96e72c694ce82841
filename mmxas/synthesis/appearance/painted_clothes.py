"""Painted clothes: layers of garments cut out of a body's surface by joints, skinning weights and rest geometry.

Which garments there are, and where they may end, is a data file; nothing here knows what kind of body wears them.
"""
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmxas.registry import APPEARANCES
from mmxas.synthesis.appearance.palettes import draw_color
from mmxas.synthesis.renderers.shading import interpolate

DATA_DIR = Path(__file__).resolve().parents[1] / 'data'
# A line rules wherever its parts have this much weight: less than half, so that a face between parts is cut smoothly.
REACH = 0.01
PATTERNS = ('plain', 'stripes', 'checks')


@dataclass(frozen=True)
class Layer:
    """One garment on one body.

    Attributes:
        spec: the layer's entry in the data file.
        member: (V,) how much each vertex belongs to the layer's parts, 0 … 1.
        cuts: (V, C) coordinate of each vertex along each cut; -inf-like where the cut does not reach.
    """

    spec: dict[str, Any]
    member: np.ndarray
    cuts: np.ndarray


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
    shipped = DATA_DIR / f'{file}.json'
    path = shipped if shipped.is_file() else Path(file)
    if not path.is_file():
        names = sorted(p.stem for p in DATA_DIR.glob('*clothes*.json'))
        raise FileNotFoundError(f'clothes {str(file)!r}: neither a file nor one of the shipped {names}')
    return json.loads(path.read_text())


def fit_layer(spec: dict[str, Any], rest: np.ndarray, weights: np.ndarray, joints: np.ndarray,
              names: tuple[str, ...]) -> Layer:
    """Express a layer's outline as fields on the vertices of one body.

    Args:
        spec: the layer's entry.
        rest: (V, 3) rest vertices in m.
        weights: (V, J) skinning weights.
        joints: (J, 3) rest joints in m.
        names: J joint names.

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
    return Layer(spec, member.astype(np.float32), cuts.astype(np.float32))


class PaintedSurface:
    """A body in its clothes; outlines are evaluated at each point, so that they stay sharp between vertices.

    Args:
        rest: (V, 3) float32 rest vertices in m.
        base: (3,) RGB of bare skin.
        layers: (layer, ends (C,), colours (2, 3), pattern, (3,) wave vector in rad/m) from the innermost outwards.
    """

    def __init__(self, rest: np.ndarray, base: np.ndarray, layers: list[tuple]) -> None:
        self.rest, self.base, self.layers = rest, base, layers

    def colors(self, corners: np.ndarray, face: np.ndarray, bary: np.ndarray) -> np.ndarray:
        """See :class:`~mmxas.synthesis.renderers.shading.Surface`."""
        out = np.broadcast_to(self.base.astype(np.float32), (len(face), 3)).copy()
        place = interpolate(self.rest, corners, bary)
        for layer, ends, colors, pattern, wave in self.layers:
            fields = np.concatenate([layer.member[:, None], layer.cuts], axis=1)
            values = interpolate(fields, corners, bary)
            inside = (values[:, 0] > 0.5) & (values[:, 1:] < ends).all(1)
            out[inside] = colors[_pattern(place[inside], pattern, wave)]
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
        file: a shipped name or a path (:func:`read_clothes_file`). Default: the human's wardrobe.
    """

    def __init__(self, file: str = 'smpl_clothes') -> None:
        self.content = read_clothes_file(file)
        self._fitted: dict[int, tuple[Any, np.ndarray, list[Layer]]] = {}

    def _fit(self, body: Any) -> tuple[np.ndarray, list[Layer]]:
        if id(body) not in self._fitted:
            rest, weights, joints = (np.asarray(x, np.float32) for x in (
                body.v_template, body.skinning_weights, body.joint_template))
            layers = [fit_layer(spec, rest, weights, joints, tuple(body.joint_names))
                      for spec in self.content['layers']]
            self._fitted[id(body)] = (body, rest, layers)
        return self._fitted[id(body)][1:]

    def sample(self, body: Any, rng: np.random.Generator) -> PaintedSurface:
        """Draw the clothes of one body.

        Args:
            body: body model with ``v_template``, ``skinning_weights``, ``joint_template``, ``joint_names``.
            rng: source of randomness.
        """
        rest, fitted = self._fit(body)
        base = draw_color(self.content['base'], rng)
        worn = []
        for layer in fitted:
            chance, *drawn = rng.random(), *self._draw(layer, rng)
            if chance < layer.spec.get('chance', 1.0):
                worn.append((layer, *drawn))
        return PaintedSurface(rest, base, worn)

    def _draw(self, layer: Layer, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, str, np.ndarray]:
        """Ends of the cuts, two colours, pattern and wave vector of one layer."""
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
        return ends, colors.astype(np.float32), pattern, wave.astype(np.float32)
