"""Simulate errors of a segmenter: displaced outlines, missing parts and additional parts."""
from __future__ import annotations

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmxas.registry import TRANSFORMS

_CELLS = 4  # cells per side of the coarse grid whose interpolation moves the outline


def move_outline(mask: np.ndarray, shift: np.ndarray | float) -> np.ndarray:
    """Move the outline of a mask outwards.

    Args:
        mask: (S, S) in [0, 1].
        shift: Distance in px, negative inwards; a number, or an array (S, S).

    Returns:
        (S, S) float32 in [0, 1], with a soft edge of one px. Empty and full masks are not changed.
    """
    inside = (mask > 0.5).astype(np.uint8)
    if inside.all() or not inside.any():
        return np.array(mask, dtype=np.float32)  # a copy, which blobs may change
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 3) - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3)
    return np.clip(distance - 0.5 * np.sign(distance) + shift + 0.5, 0, 1).astype(np.float32)


@TRANSFORMS.register_module()
class RandomMaskErrors(BaseTransform):
    """Add a mask with a segmenter's errors for :class:`RemoveBackground`; the losses still use the true mask.

    The outline moves in or out by a locally varying distance; a blob on the body is removed; a blob outside is added.
    If nothing would be left of a mask, it stays without errors.

    Optional key: ``mask`` (S, S) float32 in [0, 1]. Added key, if there is a mask: ``segmented_mask``, of the same
    form.

    Args:
        prob: Probability of any error. Defaults to 0.7.
        edge: Largest distance by which the outline moves, in px for a crop of 128 px; scales with the crop. Defaults to
            3.
        missing_prob: Probability of a missing blob. Defaults to 0.2.
        added_prob: Probability of an added blob. Defaults to 0.2.
        blob_size: Smallest and largest axis of a blob as a fraction of the crop's side. Defaults to (0.06, 0.25).

    Raises:
        ValueError: A probability is outside [0, 1], or ``blob_size`` is not a range within (0, 1).
    """

    def __init__(self, prob: float = 0.7, edge: float = 3.0, missing_prob: float = 0.2, added_prob: float = 0.2,
                 blob_size: tuple[float, float] = (0.06, 0.25)) -> None:
        for name, value in (('prob', prob), ('missing_prob', missing_prob), ('added_prob', added_prob)):
            if not 0 <= value <= 1:
                raise ValueError(f'{name}={value}, expected 0 to 1')
        if not 0 < blob_size[0] <= blob_size[1] < 1:
            raise ValueError(f'blob_size={blob_size}: 0 < smallest <= largest < 1 expected')
        self.prob, self.edge, self.blob_size = prob, edge, tuple(blob_size)
        self.missing_prob, self.added_prob = missing_prob, added_prob

    def transform(self, results: dict) -> dict:
        """Add the mask with errors to one sample."""
        mask = results.get('mask')
        if mask is not None:
            wrong = self._spoil(mask) if np.random.rand() < self.prob else mask
            results['segmented_mask'] = wrong if (wrong > 0.5).any() else mask
        return results

    def _spoil(self, mask: np.ndarray) -> np.ndarray:
        edge = self.edge * mask.shape[0] / 128
        grid = np.random.uniform(-edge, edge) / 2 + np.random.uniform(-edge, edge, size=(_CELLS, _CELLS)) / 2
        wrong = move_outline(mask, cv2.resize(grid, mask.shape[::-1], interpolation=cv2.INTER_LINEAR))
        for prob, value in ((self.missing_prob, 0), (self.added_prob, 1)):
            if np.random.rand() < prob:
                self._paint(wrong, mask > 0.5 if value == 0 else mask <= 0.5, value)
        return wrong

    def _paint(self, mask: np.ndarray, where: np.ndarray, value: int) -> None:
        """Paint an ellipse around a random px of ``where``."""
        rows, columns = np.nonzero(where)
        if not len(rows):
            return
        place = np.random.randint(len(rows))
        axes = np.random.uniform(*self.blob_size, size=2) * mask.shape[0] / 2
        cv2.ellipse(mask, (int(columns[place]), int(rows[place])), (int(axes[0]) + 1, int(axes[1]) + 1),
                    np.random.uniform(0, 180), 0, 360, value, -1)
