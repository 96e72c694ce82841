"""Keypoints of a mesh: rows of a regressor, by name.

Shapes: N batch, V vertices, K keypoints.
"""
from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mmxas.io import read_array

from .body_model_file import KeypointRegressor
from .model_family import KeypointSet

_SIDE_MARGIN = 0.01  # m


def read_regressor(path: str | os.PathLike, num_vertices: int, rows: Sequence[str]) -> KeypointRegressor:
    """Read an external regressor file.

    Args:
        path: A ``.npy`` file with an array (K, V).
        num_vertices: V, the number of vertices of the mesh.
        rows: Names of its rows, in the file's order.

    Raises:
        ValueError: The array is not of shape (K, V).
    """
    weights = read_array(path).astype(float)
    if weights.shape != (len(rows), num_vertices):
        raise ValueError(f'{Path(path).name}: a regressor of shape ({len(rows)}, {num_vertices}) expected, '
                         f'{weights.shape} found; it belongs to another mesh, or has other rows ({path})')
    return KeypointRegressor(weights, tuple(rows))


def keypoint_matrix(regressor: KeypointRegressor, keypoints: KeypointSet) -> np.ndarray:
    """Return the weights (K, V) of a set of keypoints.

    Raises:
        ValueError: The regressor has no row for a keypoint.
    """
    row_of = {name: row for row, name in enumerate(regressor.names)}
    rows = [list(keypoints.means.get(name, [name])) for name in keypoints.keypoints]
    missing = sorted({name for names in rows for name in names} - set(row_of))
    if missing:
        raise ValueError(f'regressor {keypoints.regressor!r} has no row for {", ".join(missing)}; '
                         f'its rows are {", ".join(row_of) or "not named"}')
    return np.stack([regressor.weights[[row_of[name] for name in names]].mean(0) for names in rows])


def check_sides(keypoints: np.ndarray, names: Sequence[str], source: str | os.PathLike) -> None:
    """Raise if left and right are exchanged in the keypoints (K, 3) of the rest pose (x points left).

    Raises:
        ValueError: A keypoint ``left_…`` lies to the right of its counterpart; the message names it.
    """
    index = {name: row for row, name in enumerate(names)}
    for name in names:
        twin = name.replace('left_', 'right_')
        if name.startswith('left_') and twin in index and \
                keypoints[index[name], 0] < keypoints[index[twin], 0] - _SIDE_MARGIN:
            raise ValueError(f'{source}: {name} lies on the right of {twin} in the rest pose; the rows are in another '
                             'order, name them with regressor_rows=[...]')


class KeypointLayer(nn.Module):
    """Compute keypoints from mesh vertices, reading only vertices with non-zero weight.

    Args:
        weights: (K, V) matrix.
    """

    def __init__(self, weights: np.ndarray) -> None:
        super().__init__()
        used = np.flatnonzero(weights.any(0))
        self.register_buffer('used', torch.tensor(used), persistent=False)
        self.register_buffer('weights', torch.tensor(weights[:, used], dtype=torch.float32), persistent=False)

    def forward(self, vertices: Tensor) -> Tensor:
        """Map vertices (N, V, 3) to keypoints (N, K, 3) in the same frame and unit."""
        return self.weights @ vertices[:, self.used]
