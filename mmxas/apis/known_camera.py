"""A camera as a caller gives it: intrinsics and root depths, checked."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class KnownCamera:
    """Intrinsics of an image and where the roots in it lie, as a caller gives them to an inferencer.

    Attributes:
        K: (3, 3) in px.
        root_depth: mm, one number or one a box.
    """

    K: np.ndarray
    root_depth: np.ndarray

    @classmethod
    def from_dict(cls, camera: Mapping[str, Any]) -> KnownCamera:
        """Check ``K`` and ``root_depth``.

        Raises:
            ValueError: One of them is missing, or ``K`` is no 3 x 3 matrix of intrinsics.
        """
        missing = [key for key in ('K', 'root_depth') if camera.get(key) is None]
        if missing:
            raise ValueError(f'camera: K (3, 3) in px and root_depth in mm expected, {" and ".join(missing)} missing')
        K = check_intrinsics(camera['K'], 'camera: K')
        return cls(K, np.asarray(camera['root_depth'], dtype=np.float64).reshape(-1))

    def root_depths(self, count: int, name: str) -> np.ndarray:
        """Root depth (count,) in mm of each box of an image.

        Raises:
            ValueError: Another number of depths than of boxes, or one that is not positive; the image is named.
        """
        if len(self.root_depth) not in (1, count) or not (self.root_depth > 0).all():
            raise ValueError(f'{name}: root_depth, one positive number of mm or one a box ({count}) expected, found '
                             f'{self.root_depth.tolist()}')
        return np.broadcast_to(self.root_depth, (count, ))


def check_intrinsics(values: Any, name: str) -> np.ndarray:
    """Return intrinsics (3, 3) as float64.

    Raises:
        ValueError: They are not whole and invertible; the message begins with ``name``.
    """
    K = np.asarray(values, dtype=np.float64)
    if K.shape != (3, 3):
        raise ValueError(f'{name}: a matrix (3, 3) expected, found shape {K.shape}')
    right = np.isfinite(K).all() and K[0, 0] > 0 and K[1, 1] > 0 and np.allclose(K[2], (0, 0, 1))
    if not right or K[0, 0] * K[1, 1] <= K[0, 1] * K[1, 0]:
        raise ValueError(f'{name}: intrinsics [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] in px with fx > 0 and fy > 0 '
                         f'expected, found {K.tolist()}')
    return K
