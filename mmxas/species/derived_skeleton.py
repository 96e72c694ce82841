"""Derive a training skeleton from the joints and landmarks of a body model at rest.

Shapes: P points, J joints, V vertices.
"""
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mmxas.body_models.rigged_body_model import RiggedBodyModel
from mmxas.structures import Skeleton

# As a fraction of the body's size, the longest side of its box at rest.
MIRROR_TOLERANCE = 0.03
PLANE_TOLERANCE = 0.001
MIN_LENGTH = 0.08
SIZES = (0.02, 30.0)  # m; other sizes suggest another unit
HIDDEN = ' (joint)'  # suffix of a joint that has the name of a landmark


class RestPoints(NamedTuple):
    """Candidates for keypoints: joints, then landmarks, each after its parent.

    Attributes:
        names: P unique names.
        positions: (P, 3) at rest, left, up and front, m.
        parents: (P,) index of the parent; the root's is its own.
        landmark: (P,) whether it is a landmark vertex.
    """

    names: tuple[str, ...]
    positions: np.ndarray
    parents: np.ndarray
    landmark: np.ndarray


def body_size(body: RiggedBodyModel) -> float:
    """Return the longest side of the body's box at rest, m."""
    return float(np.ptp(body.v_template.numpy(), axis=0).max())


def size_warning(body: RiggedBodyModel) -> str:
    """Return a warning about an implausible size, such as that of a file in cm, else an empty text."""
    size = body_size(body)
    if SIZES[0] <= size <= SIZES[1]:
        return ''
    return (f'{body.model_path}: body {size:.3g} m long, {SIZES[0]:g} to {SIZES[1]:g} m expected; write the file in '
            'metres')


def rest_points(body: RiggedBodyModel) -> RestPoints:
    """Return joints and landmarks of a body; a landmark hides a joint of the same name.

    A landmark's parent is the joint nearest to the root among those with a skinning weight of at least a third.
    """
    hidden = set(body.vertex_ids)
    names = [f'{name}{HIDDEN}' if name in hidden else name for name in body.joint_names]
    joints = body.joint_template.numpy()
    vertices = np.array(list(body.vertex_ids.values()), int)
    tips, weights = body.v_template.numpy()[vertices], body.skinning_weights.numpy()[vertices]
    moving = weights >= np.minimum(weights.max(axis=1, keepdims=True, initial=0), 1 / 3)
    parents = np.concatenate([np.maximum(body.parents, 0), moving.argmax(1)]).astype(int)  # parents come first
    landmark = np.arange(len(parents)) >= body.num_joints
    return RestPoints((*names, *body.vertex_ids), np.concatenate([joints, tips]) @ body.axes.T, parents, landmark)


def mirror_partners(positions: np.ndarray, tolerance: float, plane_tolerance: float = 0.0) -> np.ndarray:
    """Return the index of each point's mirror partner.

    Args:
        positions: (P, 3), the first coordinate to the left, the plane of symmetry at 0.
        tolerance: Largest distance between a mirror image and its partner.
        plane_tolerance: A point within this distance of the plane is its own partner. Defaults to 0.

    Returns:
        np.ndarray: (P,) indices; a point on the plane is its own partner, -1 means none.
    """
    if not len(positions):
        return np.zeros(0, int)
    mirrored = positions * [-1, 1, 1]
    distance = np.linalg.norm(mirrored[:, None] - positions[None], axis=-1)
    nearest = distance.argmin(1)
    index = np.arange(len(positions))
    mutual = (nearest[nearest] == index) & (distance[index, nearest] <= tolerance)
    return np.where(np.abs(positions[:, 0]) <= plane_tolerance, index, np.where(mutual, nearest, -1))


def derive_skeleton(body: RiggedBodyModel, name: str, min_length: float = MIN_LENGTH) -> Skeleton:
    """Derive a skeleton from a body's joints and landmarks.

    A joint nearer to its parent than ``min_length`` is left out, so that long chains of joints become a few links;
    landmarks and the root are kept. Points that mirror each other at rest become flip pairs.

    Args:
        body: The body.
        name: Name of the skeleton.
        min_length: Shortest link between joints, as a fraction of the body's size. Defaults to 0.08.

    Returns:
        Skeleton: Its keypoints have the names of the body's joints and landmarks.

    Raises:
        ValueError: A point has no partner on the other side, or the parents of partners are not partners.
    """
    points, size = rest_points(body), body_size(body)
    partners = _partners(points, size, body)
    kept = _kept_ancestors(points, partners, min_length * size)
    numbers = {point: number for number, point in enumerate(np.flatnonzero(kept == np.arange(len(kept))))}
    parents = [numbers[kept[points.parents[point]]] for point in numbers]
    pairs = [(numbers[point], numbers[partners[point]]) for point in numbers
             if points.positions[point, 0] > points.positions[partners[point], 0]]
    return Skeleton(name, tuple(points.names[point] for point in numbers), tuple(parents), tuple(pairs))


def _partners(points: RestPoints, size: float, body: RiggedBodyModel) -> np.ndarray:
    partners = np.empty(len(points.names), int)
    for kind in (points.landmark, ~points.landmark):  # a joint never mirrors a landmark
        where = np.flatnonzero(kind)
        found = mirror_partners(points.positions[kind], MIRROR_TOLERANCE * size, PLANE_TOLERANCE * size)
        partners[where] = np.where(found < 0, -1, where[found])
    way_out = 'give the skeleton yourself'
    for point, partner in enumerate(partners):
        if partner < 0:
            raise ValueError(f'{body.model_path}: {points.names[point]!r} lies {points.positions[point, 0]:+.3f} m '
                             f'beside the plane of symmetry and has no partner on the other side; {way_out}')
        if partners[points.parents[point]] != points.parents[partner]:
            raise ValueError(f'{body.model_path}: {points.names[point]!r} and {points.names[partner]!r} mirror each '
                             f'other, but their parents {points.names[points.parents[point]]!r} and '
                             f'{points.names[points.parents[partner]]!r} do not; {way_out}')
    return partners


def _kept_ancestors(points: RestPoints, partners: np.ndarray, min_length: float) -> np.ndarray:
    """Return, for each point (P,), the nearest kept point on its way to the root, including itself."""
    kept = np.arange(len(points.names))
    for point, parent in enumerate(points.parents):
        ancestor = kept[parent]
        # the same number for both points of a pair, so that both are kept or dropped
        lengths = [np.linalg.norm(points.positions[one] - points.positions[other])
                   for one, other in ((point, ancestor), (partners[point], partners[ancestor]))]
        is_root = point == parent
        hidden = points.names[point].endswith(HIDDEN)
        if not is_root and not points.landmark[point] and (hidden or sum(lengths) / 2 < min_length):
            kept[point] = ancestor
    return kept
