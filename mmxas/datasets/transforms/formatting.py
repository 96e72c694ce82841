"""The last steps of a pipeline: training targets and packing."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample

from mmxas.registry import KEYPOINT_CODECS, TRANSFORMS

META_KEYS = (
    'id', 'img_id', 'img_path', 'sample_name', 'clip', 'frame', 'domain', 'dataset_name', 'ori_shape', 'img_shape',
    'input_size', 'input_center', 'input_scale', 'warp_mat', 'flip', 'flip_direction', 'flip_indices', 'rect_3d_width',
    'camera', 'root_depth', 'box_source', 'subject', 'action', 'sequence', 'camera_name', 'several',
    'background')
INSTANCE_KEYS = {'bbox': 'bboxes', 'bbox_score': 'bbox_scores', 'bbox_scale': 'bbox_scales', 'keypoints': 'keypoints',
                 'keypoints_visible': 'keypoints_visible', 'keypoints_cam': 'keypoints_cam', 'head_size': 'head_size'}
LABEL_KEYS = ('keypoint_norm', 'keypoint_weights')


@TRANSFORMS.register_module()
class GenerateNormTarget(BaseTransform):
    """Convert keypoints to crop-normalised coordinates; samples without 3D labels are not changed.

    Required keys for a target: ``transformed_keypoints`` (1, K, 2) crop px, ``keypoints_cam`` (1, K, 3) mm,
    ``root_depth`` and ``rect_3d_width`` in mm, ``input_size`` (S, S). Added keys: ``keypoint_norm`` (1, K, 3) float32,
    ``keypoint_weights`` (1, K) float32.

    Args:
        encoder: Config of the codec. Defaults to the head's ``decoder``, filled in by the loops of mmxas and by
            :func:`mmxas.datasets.shared_parts.share_config`.

    Raises:
        ValueError: There is no encoder.
    """

    def __init__(self, encoder: dict | None = None) -> None:
        if encoder is None:
            raise ValueError('GenerateNormTarget: no encoder; give the codec of model.head.decoder, or call '
                             'mmxas.datasets.shared_parts.share_config before building the data set')
        self.encoder = KEYPOINT_CODECS.build(encoder)

    def transform(self, results: dict) -> dict:
        """Encode one sample."""
        needed = ('transformed_keypoints', 'keypoints_cam', 'root_depth', 'rect_3d_width')
        if all(results.get(key) is not None for key in needed):
            results.update(self.encoder.encode(
                results['transformed_keypoints'], results.get('keypoints_visible'),
                keypoint_depths=results['keypoints_cam'][..., 2] - results['root_depth'],
                rect_3d_width=results['rect_3d_width'], input_size=results['input_size']))
        return results


@TRANSFORMS.register_module()
class PackXASInputs(BaseTransform):
    """Pack a sample for the model. Missing entries are not packed.

    Args:
        meta_keys: Keys of the sample that become metainfo. Defaults to :data:`META_KEYS`.

    Returns of ``transform``: a dict of

    - ``inputs``: the crop, (3, S, S) uint8 BGR tensor;
    - ``data_samples``: a PoseDataSample with ``gt_instances`` (bboxes, bbox_scores, bbox_scales, keypoints (1, K, 2)
      image px, keypoints_visible (1, K), keypoints_cam (1, K, 3) camera mm, head_size (1, 1) image px),
      ``gt_instance_labels`` (keypoint_norm (1, K, 3), keypoint_weights (1, K), tensors), ``gt_fields`` (mask (1, S, S)
      float32 tensor in [0, 1]) and metainfo.
    """

    def __init__(self, meta_keys: Sequence[str] = META_KEYS) -> None:
        self.meta_keys = tuple(meta_keys)

    def transform(self, results: dict) -> dict:
        """Pack one sample."""
        image = np.ascontiguousarray(results['img'].transpose(2, 0, 1))
        sample = PoseDataSample(metainfo={k: results[k] for k in self.meta_keys if k in results})
        sample.gt_instances = InstanceData(
            **{packed: results[key] for key, packed in INSTANCE_KEYS.items() if results.get(key) is not None})
        sample.gt_instance_labels = InstanceData(
            **{key: torch.from_numpy(results[key]) for key in LABEL_KEYS if results.get(key) is not None})
        if results.get('mask') is not None:
            sample.gt_fields = PixelData(mask=torch.from_numpy(results['mask'])[None])
        return {'inputs': torch.from_numpy(image), 'data_samples': sample}
