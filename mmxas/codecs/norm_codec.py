"""Keypoints in the norm frame."""
from __future__ import annotations

import numpy as np
from mmpose.codecs.base import BaseKeypointCodec

from mmxas.ops.checks import check_choice
from mmxas.ops.geometry import depth_to_norm, norm_to_depth, norm_to_pixel, pixel_to_norm
from mmxas.registry import KEYPOINT_CODECS


@KEYPOINT_CODECS.register_module()
class NormCodec(BaseKeypointCodec):
    """Crop px and root-relative mm to the norm frame, and back.

    x and y of a crop of side S become (2p + 1) / S - 1, z becomes z_mm / rect_3d_width (``align_corners=False``).
    Shapes: N instances, K keypoints.

    Args:
        input_size: (S, S), the crop's size in px.
        align_corners: Whether the crop's first and last px lie at -1 and 1, as in the released code. Defaults to False:
            their outer edges do.

    Raises:
        ValueError: The crop is not square, or ``align_corners`` is no bool.
    """

    auxiliary_encode_keys = {'keypoint_depths', 'rect_3d_width'}
    label_mapping_table = {'keypoint_norm': 'keypoint_norm', 'keypoint_weights': 'keypoint_weights'}

    def __init__(self, input_size: tuple[int, int], align_corners: bool = False) -> None:
        if len(input_size) != 2 or input_size[0] != input_size[1]:
            raise ValueError(f'input_size={tuple(input_size)}: crops are square, (S, S) expected')
        check_choice(align_corners, (False, True), 'align_corners')
        self.size, self.align_corners = int(input_size[0]), align_corners

    def encode(self, keypoints: np.ndarray, keypoints_visible: np.ndarray | None = None,
               keypoint_depths: np.ndarray | None = None, rect_3d_width: float | None = None) -> dict:
        """Encode the keypoints of one crop.

        Args:
            keypoints: Keypoints (N, K, 2) in crop px.
            keypoints_visible: Weights (N, K); None means 1.
            keypoint_depths: Depths (N, K) relative to the root, mm. None, or an unknown ``rect_3d_width``, gives no
                target.
            rect_3d_width: Side of the crop in mm at the root's depth.

        Returns:
            dict: ``keypoint_norm`` (N, K, 3) float32 and ``keypoint_weights`` (N, K) float32; empty without depths.
        """
        if keypoint_depths is None or rect_3d_width is None or np.ndim(keypoints) != 3:
            return {}
        xy = pixel_to_norm(keypoints[..., :2], self.size, self.align_corners)
        z = depth_to_norm(keypoint_depths, rect_3d_width, self.size, self.align_corners)
        visible = np.ones(z.shape) if keypoints_visible is None else keypoints_visible.reshape(z.shape)
        return {'keypoint_norm': np.concatenate([xy, z[..., None]], axis=-1).astype(np.float32),
                'keypoint_weights': visible.astype(np.float32)}

    def decode(self, encoded: np.ndarray, rect_3d_width: float | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Decode keypoints.

        Args:
            encoded: Keypoints (N, K, 3) in the norm frame.
            rect_3d_width: Side of the crop in mm. None leaves z in units of the crop's side.

        Returns:
            tuple: keypoints (N, K, 3) in crop px and root-relative mm, and scores (N, K) of 1.
        """
        xy = norm_to_pixel(encoded[..., :2], self.size, self.align_corners)
        side = 1.0 if rect_3d_width is None else rect_3d_width
        z = norm_to_depth(encoded[..., 2:], side, self.size, self.align_corners)
        return np.concatenate([xy, z], axis=-1), np.ones(encoded.shape[:2], dtype=np.float32)
