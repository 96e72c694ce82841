"""Identify variants of SMAL files by their array shapes; the known variants are in ``data/smal_variants.json``.

Shapes: V vertices, F faces, J joints, B shape components, L log-scales.
"""
from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from mmxas.io.safe_pickle import load_pickle
from mmxas.io.shipped_files import find_shipped

from .body_model_file import BodyModelFile
from .model_family import SHIPPED_DIR

AXES = 'xyz'


@dataclass(frozen=True)
class SMALVariant:
    """A variant of SMAL files.

    Args:
        name: Name used in messages.
        num_vertices: V, or None for any number.
        num_betas: B, or None for any number.
        log_scales: Names of the L log-scales, in the order of their coefficients.
        metres_per_unit: Length of the file's unit in metres.
    """

    name: str
    num_vertices: int | None
    num_betas: int | None
    log_scales: tuple[str, ...]
    metres_per_unit: float

    def describe(self) -> str:
        """Return name and shapes in one line."""
        return (f'{self.name}: {self.num_vertices} vertices, 35 joints, {self.num_betas} betas, '
                f'{len(self.log_scales)} log-scales')


@cache
def facts() -> dict[str, Any]:
    """Return the content of the data file."""
    return json.loads((SHIPPED_DIR / 'smal_variants.json').read_text(encoding='utf-8'))


def known_variants() -> tuple[SMALVariant, ...]:
    """Return the known official variants."""
    return tuple(SMALVariant(**{**spec, 'log_scales': tuple(spec['log_scales'])}) for spec in facts()['variants'])


def identify(model: BodyModelFile, variant: str | None = None) -> SMALVariant:
    """Return the variant of a file with 35 joints.

    Args:
        model: The file's content. A file with the key ``variant`` is accepted under that name, in metres.
        variant: Name of the known variant to treat the file as. Defaults to None: inferred from vertices and betas.

    Raises:
        ValueError: The variant or its name is unknown; the message lists the file's shapes and the known variants.
    """
    if model.variant and variant is None:
        return SMALVariant(model.variant, None, None, tuple(facts()['log_scales']), 1.0)
    known, shape = known_variants(), (model.num_vertices, model.shapedirs.shape[-1])
    for candidate in known:
        if variant == candidate.name and candidate.num_vertices == shape[0]:
            return candidate
        if variant is None and shape == (candidate.num_vertices, candidate.num_betas):
            return candidate
    listed = '; '.join(candidate.describe() for candidate in known)
    wanted = 'unknown SMAL variant' if variant is None else f'not the variant {variant!r}'
    raise ValueError(f'{model.path}: {wanted}: {shape[0]} vertices, {len(model.faces)} faces, {model.num_joints} '
                     f'joints, {shape[1]} betas. Known: {listed}. Pass variant=<name> to treat it as one of them, '
                     'or give the file arrays `variant`, `joint_names` and `axes`')


def landmarks(num_vertices: int) -> dict[str, int]:
    """Return the vertex of each landmark for the official mesh with ``num_vertices``; empty if none are known."""
    return dict(facts()['landmarks'].get(str(num_vertices), {}))


def log_scale_axes(names: Sequence[str], num_joints: int) -> np.ndarray:
    """Return which axes each log-scale stretches: (L, J, 3), 1 where it acts on a joint's axis, else 0.

    Raises:
        ValueError: A name is unknown.
    """
    table = facts()['log_scales']
    out = np.zeros((len(names), num_joints, 3))
    for row, name in enumerate(names):
        if name not in table:
            raise ValueError(f'log-scale {name!r} unknown, one of {", ".join(table)} expected')
        out[row][np.ix_(table[name]['joints'], [AXES.index(axis) for axis in table[name]['axes']])] = 1
    return out


def family_mean(file: str | os.PathLike, family: str | int, num_betas: int) -> np.ndarray:
    """Return the mean shape of a family from a SMAL data file (``cluster_means``).

    Args:
        file: The ``.pkl`` file that accompanies a model.
        family: A name in ``families`` of ``data/smal_variants.json``, or an index.
        num_betas: B of the model.

    Returns:
        (B,) coefficients, padded with zeros.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file has no cluster means, lacks the family, or has more coefficients than the model.
    """
    path, names = find_shipped(file), facts()['families']
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such SMAL data file')
    means = load_pickle(path).get('cluster_means')
    if means is None:
        raise ValueError(f'{path}: no cluster_means in it; is this a SMAL data file (my_smpl_data_*.pkl)?')
    index = names.index(family) if family in names else family
    if not isinstance(index, int) or not 0 <= index < len(means):
        raise ValueError(f'{path}: family {family!r} unknown; one of {", ".join(names)} or 0 to {len(means) - 1} '
                         'expected')
    mean = np.asarray(means[index], float).reshape(-1)
    if len(mean) > num_betas:
        raise ValueError(f'{path}: {len(mean)} coefficients per family, but the model has {num_betas}; they do not '
                         'belong together')
    return np.pad(mean, (0, num_betas - len(mean)))
