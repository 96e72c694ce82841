"""Keypoints in the norm frame."""
from __future__ import annotations

import numpy as np
from mmpose.codecs.base import BaseKeypointCodec

from mmxas.ops.checks import check_choice
from mmxas.ops.geometry import MAPPINGS, depth_to_norm, norm_to_depth, norm_to_pixel, pixel_to_norm
from mmxas.registry import KEYPOINT_CODECS


@KEYPOINT_CODECS.register_module()
class NormCodec(BaseKeypointCodec):
    """Crop px and root-relative mm to the norm frame, and back.

    x and y of a crop of side S become (2p + 1) / S - 1, z becomes z_mm / box_mm (``mapping='centre'``).
    Shapes: N instances, K keypoints.

    Args:
        input_size: (S, S), the crop's size in px.
        mapping: ``'centre'``, or ``'released'`` for the released code's mapping. Defaults to ``'centre'``.

    Raises:
        ValueError: The crop is not square, or the mapping is unknown.
    """

    auxiliary_encode_keys = {'keypoint_depths', 'box_mm'}
    label_mapping_table = {'keypoint_norm': 'keypoint_norm', 'keypoint_weights': 'keypoint_weights'}

    def __init__(self, input_size: tuple[int, int], mapping: str = 'centre') -> None:
        if len(input_size) != 2 or input_size[0] != input_size[1]:
            raise ValueError(f'input_size={tuple(input_size)}: crops are square, (S, S) expected')
        check_choice(mapping, MAPPINGS, 'mapping')
        self.size, self.mapping = int(input_size[0]), mapping

    def encode(self, keypoints: np.ndarray, keypoints_visible: np.ndarray | None = None,
               keypoint_depths: np.ndarray | None = None, box_mm: float | None = None) -> dict:
        """Encode the keypoints of one crop.

        Args:
            keypoints: Keypoints (N, K, 2) in crop px.
            keypoints_visible: Weights (N, K); None means 1.
            keypoint_depths: Depths (N, K) relative to the root, mm. None, or an unknown ``box_mm``, gives no target.
            box_mm: Side of the crop in mm at the root's depth.

        Returns:
            dict: ``keypoint_norm`` (N, K, 3) float32 and ``keypoint_weights`` (N, K) float32; empty without depths.
        """
        if keypoint_depths is None or box_mm is None or np.ndim(keypoints) != 3:
            return {}
        xy = pixel_to_norm(keypoints[..., :2], self.size, self.mapping)
        z = depth_to_norm(keypoint_depths, box_mm, self.size, self.mapping)
        visible = np.ones(z.shape) if keypoints_visible is None else keypoints_visible.reshape(z.shape)
        return {'keypoint_norm': np.concatenate([xy, z[..., None]], axis=-1).astype(np.float32),
                'keypoint_weights': visible.astype(np.float32)}

    def decode(self, encoded: np.ndarray, box_mm: float | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Decode keypoints.

        Args:
            encoded: Keypoints (N, K, 3) in the norm frame.
            box_mm: Side of the crop in mm. None leaves z in units of the crop's side.

        Returns:
            tuple: keypoints (N, K, 3) in crop px and root-relative mm, and scores (N, K) of 1.
        """
        xy = norm_to_pixel(encoded[..., :2], self.size, self.mapping)
        z = norm_to_depth(encoded[..., 2:], 1.0 if box_mm is None else box_mm, self.size, self.mapping)
        return np.concatenate([xy, z], axis=-1), np.ones(encoded.shape[:2], dtype=np.float32)
