"""Sparse regressors: points as weighted means of nearby mesh vertices.

Shapes: S sampled shapes, V vertices, J joints.
"""
import itertools
from collections.abc import Sequence

import numpy as np
from scipy.optimize import nnls

_DIRECTIONS = np.array([d for d in itertools.product((-1, 0, 1), repeat=3) if any(d)], float)
_DIRECTIONS /= np.linalg.norm(_DIRECTIONS, axis=1, keepdims=True)
_SUM_WEIGHT = 100.0


def ring_of_candidates(vertices: np.ndarray, point: np.ndarray, allowed: np.ndarray, per_direction: int = 10,
                       radius: float = 0.3) -> np.ndarray:
    """Return the nearest vertices around a point, a few in each of 26 directions.

    Args:
        vertices: (V, 3).
        point: (3,).
        allowed: (V,) bool, vertices to choose from.
        per_direction: Maximum number per direction.
        radius: Largest distance.

    Returns:
        np.ndarray: Unique vertex indices.
    """
    offsets = vertices - point
    distances = np.linalg.norm(offsets, axis=1)
    near = allowed & (distances < radius)
    directions = np.argmax(offsets @ _DIRECTIONS.T, axis=1)
    chosen = []
    for direction in range(len(_DIRECTIONS)):
        indices = np.flatnonzero(near & (directions == direction))
        chosen.append(indices[np.argsort(distances[indices], kind='stable')[:per_direction]])
    return np.concatenate(chosen)


def fit_weights(vertices: np.ndarray, targets: np.ndarray, candidates: np.ndarray, ridge: float = 3e-2) -> np.ndarray:
    """Fit non-negative weights that sum to one and reproduce a point over many shapes.

    Args:
        vertices: (S, V, 3).
        targets: (S, 3) the point in each shape.
        candidates: Indices of the vertices that can have weight.
        ridge: Factor of the squared weights, which spreads them.

    Returns:
        np.ndarray: (V,) weights.
    """
    count = len(candidates)
    design = vertices[:, candidates].astype(float).transpose(0, 2, 1).reshape(-1, count)
    design = np.concatenate([design, np.full((1, count), _SUM_WEIGHT), ridge * np.eye(count)])
    right = np.concatenate([targets.reshape(-1), [_SUM_WEIGHT], np.zeros(count)])
    triangular = np.linalg.qr(np.column_stack([design, right]), mode='r')  # the same least squares in few rows
    solution, _ = nnls(triangular[:, :-1], triangular[:, -1], maxiter=20 * count)
    weights = np.zeros(vertices.shape[1])
    weights[candidates] = solution / solution.sum()
    return weights


def fit_joint_regressor(vertices: np.ndarray, joints: np.ndarray, skinning_weights: np.ndarray,
                        parents: Sequence[int]) -> np.ndarray:
    """Fit a regressor (J, V) of the joints of many shapes, from vertices of each joint's neighbourhood in the tree.

    Args:
        vertices: (S, V, 3).
        joints: (S, J, 3).
        skinning_weights: (V, J); a joint uses vertices that it, its parent or its children move.
        parents: Parent of each joint, -1 for the root.
    """
    mean_vertices, mean_joints = vertices.mean(0), joints.mean(0)
    rows = []
    for joint, parent in enumerate(parents):
        family = [joint, *([parent] if parent >= 0 else []), *(c for c, p in enumerate(parents) if p == joint)]
        allowed = skinning_weights[:, family].sum(1) > 0.3
        candidates = ring_of_candidates(mean_vertices, mean_joints[joint], allowed)
        rows.append(fit_weights(vertices, joints[:, joint], candidates))
    return np.stack(rows)


def symmetrised_rows(rows: np.ndarray, mirror: np.ndarray, twins: Sequence[int]) -> np.ndarray:
    """Return the mean of regressor rows (J, V) and their mirror images."""
    return 0.5 * (rows + rows[np.asarray(twins)][:, mirror])


def rounded_rows(rows: np.ndarray, decimals: int = 6) -> np.ndarray:
    """Round rows (J, V) to remove noise in the last bits; the largest weight is adjusted so that rows sum to one."""
    rows = rows.round(decimals)
    largest = rows.argmax(1)
    rows[np.arange(len(rows)), largest] += 1 - rows.sum(1)
    return rows.round(decimals)
