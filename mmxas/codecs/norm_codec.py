"""Codec of crop-normalised keypoints: labels for a heatmap detector, and poses from its heatmaps."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from mmpose.codecs.base import BaseKeypointCodec
from torch import Tensor

from mmxas.ops.checks import check_choice
from mmxas.ops.decoding import Decoding, Hypotheses, decode_marginals
from mmxas.ops.geometry import depth_to_norm, pixel_to_norm
from mmxas.ops.marginals import Marginals, volume_marginals
from mmxas.registry import KEYPOINT_CODECS


@KEYPOINT_CODECS.register_module()
class NormCodec(BaseKeypointCodec):
    """Encode keypoints of a crop as crop-normalised labels, and decode 3D heatmaps to crop-normalised hypotheses.

    Use the same config as the ``decoder`` of the head and the ``encoder`` of the pipeline's ``GenerateNormTarget``. In
    a crop of side S, pixel p becomes (2p + 1) / S - 1, and depth becomes z_mm / rect_3d_width
    (``align_corners=False``).

    N: batch or instances, K: keypoints, D: depth bins, H: hypotheses, (h, w): heatmap size.

    Args:
        align_corners: Whether -1 and 1 are the centres of the crop's first and last px, as in the released code.
            Defaults to False: -1 and 1 are their outer edges.
        decoding: Options of :class:`mmxas.ops.Decoding`, as a dict. Defaults to None: its defaults.

    Raises:
        ValueError: ``align_corners`` is not a bool, or a decoding option is unknown or out of range.
    """

    auxiliary_encode_keys = {'keypoint_depths', 'rect_3d_width', 'input_size'}
    label_mapping_table = {'keypoint_norm': 'keypoint_norm', 'keypoint_weights': 'keypoint_weights'}

    def __init__(self, align_corners: bool = False, decoding: Mapping[str, Any] | None = None) -> None:
        check_choice(align_corners, (False, True), 'align_corners')
        self.align_corners, self.decoding = align_corners, Decoding().changed(decoding)

    def encode(self, keypoints: np.ndarray, keypoints_visible: np.ndarray | None = None,
               keypoint_depths: np.ndarray | None = None, rect_3d_width: float | None = None,
               input_size: tuple[int, int] | None = None) -> dict:
        """Encode the keypoints of one crop.

        Args:
            keypoints: Keypoints (N, K, 2) in crop px.
            keypoints_visible: Weights (N, K); None means 1.
            keypoint_depths: Depths (N, K) relative to the root, mm. Without depths or ``rect_3d_width``, there is no
                target.
            rect_3d_width: Side of the crop in mm at the root's depth.
            input_size: (S, S), the crop's size in px.

        Returns:
            ``keypoint_norm`` (N, K, 3) and ``keypoint_weights`` (N, K), both float32; empty without depths.

        Raises:
            ValueError: The crop is not square.
        """
        if keypoint_depths is None or rect_3d_width is None or np.ndim(keypoints) != 3:
            return {}
        if input_size is None or len(input_size) != 2 or input_size[0] != input_size[1]:
            raise ValueError(f'input_size={input_size}: crops are square, (S, S) expected')
        size = int(input_size[0])
        xy = pixel_to_norm(keypoints[..., :2], size, self.align_corners)
        z = depth_to_norm(keypoint_depths, rect_3d_width, size, self.align_corners)
        visible = np.ones(z.shape) if keypoints_visible is None else keypoints_visible.reshape(z.shape)
        return {'keypoint_norm': np.concatenate([xy, z[..., None]], axis=-1).astype(np.float32),
                'keypoint_weights': visible.astype(np.float32)}

    def decode(self, encoded: Tensor, num_keypoints: int, depth_bins: int | None = None,
               changes: Mapping[str, Any] | None = None) -> tuple[Hypotheses, Marginals]:
        """Decode heatmap logits to crop-normalised hypotheses, the top-1 pose first; differentiable.

        The marginals of the volume's softmax are returned too: they are expensive, and some losses need them.

        Args:
            encoded: Heatmap logits (N, K·D, h, w).
            num_keypoints: K.
            depth_bins: D. Defaults to None: inferred from the number of channels.
            changes: Options that override the codec's ``decoding``. Defaults to None.

        Returns:
            The hypotheses, and the marginals that they were decoded from.

        Raises:
            ValueError: The number of channels is not K·D, or an option is unknown or out of range.
        """
        decoding = self.decoding.changed(changes)
        marginals = volume_marginals(encoded, num_keypoints, depth_bins, with_plane=decoding.xy_window is not None)
        return decode_marginals(marginals, decoding, self.align_corners), marginals
