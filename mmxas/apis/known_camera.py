"""Camera given by the caller: validated intrinsics and root depths."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class KnownCamera:
    """Intrinsics and root depths that a caller gives to an inferencer.

    Attributes:
        K: (3, 3) in px.
        root_depth: mm, one number or one per box.
    """

    K: np.ndarray
    root_depth: np.ndarray

    @classmethod
    def from_dict(cls, camera: Mapping[str, Any]) -> KnownCamera:
        """Check ``K`` and ``root_depth``.

        Raises:
            ValueError: One of them is missing, ``K`` is not a 3 x 3 matrix of intrinsics, or a depth is not positive.
        """
        missing = [key for key in ('K', 'root_depth') if camera.get(key) is None]
        if missing:
            raise ValueError(f'camera: K (3, 3) in px and root_depth in mm expected, {" and ".join(missing)} missing')
        K = check_intrinsics(camera['K'], 'camera: K')
        depths = np.asarray(camera['root_depth'], dtype=np.float64).reshape(-1)
        if not (depths > 0).all():
            raise ValueError(f'camera: root_depth: positive numbers in mm expected, found {depths.tolist()}')
        return cls(K, depths)

    def root_depths(self, count: int, name: str) -> np.ndarray:
        """Return the root depth (count,) in mm of each box of an image.

        Raises:
            ValueError: The numbers of depths and boxes differ.
        """
        if len(self.root_depth) not in (1, count):
            raise ValueError(f'{name}: root_depth: expected one number in mm, or one per box ({count}), found '
                             f'{self.root_depth.tolist()}')
        return np.broadcast_to(self.root_depth, (count, ))

    def require_one(self, count: int, name: str) -> None:
        """Raise ``ValueError`` if several boxes were found in an image: their root depths would be ambiguous."""
        if count > 1:
            raise ValueError(f'{name}: {count} bodies found, so the root depth of each is ambiguous: give boxes '
                             '(bboxes= / --bbox), and one root depth or one per box')


def check_intrinsics(values: Any, name: str) -> np.ndarray:
    """Return intrinsics (3, 3) as float64.

    Raises:
        ValueError: They are incomplete or not invertible; the message begins with ``name``.
    """
    K = np.asarray(values, dtype=np.float64)
    if K.shape != (3, 3):
        raise ValueError(f'{name}: a matrix (3, 3) expected, found shape {K.shape}')
    right = np.isfinite(K).all() and K[0, 0] > 0 and K[1, 1] > 0 and np.allclose(K[2], (0, 0, 1))
    if not right or K[0, 0] * K[1, 1] <= K[0, 1] * K[1, 0]:
        raise ValueError(f'{name}: intrinsics [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] in px with fx > 0 and fy > 0 '
                         f'expected, found {K.tolist()}')
    return K
