"""The errors of all hypotheses in one pass over the data."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmxas.datasets.skeletons import Skeleton
from mmxas.evaluation.hypothesis_selection import hypothesis_errors
from mmxas.evaluation.mean_pose import load_mean_pose
from mmxas.evaluation.report import flatten, grouped, printed
from mmxas.ops.geometry import image_to_camera
from mmxas.registry import METRICS
from mmxas.synthesis.shards import write_atomically

from .mask_iou_metric import MaskIoUMetric, _numpy

GIVEN = 'camera and root depth given'


@METRICS.register_module()
class XASPoseMetric(MaskIoUMetric):
    """MPJPE, N-MPJPE and P-MPJPE (mm) of the confident and the best hypotheses, 2D error and mask IoU.

    Predictions in image px and root-relative mm are lifted to camera mm by the sample's camera and its true root depth,
    and compared root-centred (N-MPJPE: after the best scale; P-MPJPE: after the best similarity). ``best_per_pose``
    takes the best counted pose of a sample, each metric its own; ``best_per_keypoint`` the nearest valid hypothesis of
    each keypoint; both use the labels. ``best_of_noise`` is their control
    (:func:`~mmxas.evaluation.hypothesis_selection.depth_noise_copies`). ``2d_error`` is the mean distance of keypoints
    in % of the crop's side, of the confident pose. Samples without labels count for ``mask_iou`` only.

    The logged numbers (``xas/confident/MPJPE``) are those of the first group that has samples; those of further groups
    carry the group's name (``xas/ood/confident/MPJPE``). Groups are never mixed.

    Args:
        mean_pose_file: The constant pose to compare with: a json of tools/compute_mean_pose.py, or the name of a
            shipped one. Defaults to None: no such line.
        groups: Name of a group to the clips in it. Defaults to None: one group of all samples.
        out_file: Where all tables go as json. Defaults to None.
        skeleton: Name, file or data of the skeleton. Defaults to ``'h36m18'``.
        **kwargs: Arguments of :class:`MaskIoUMetric`.
    """

    def __init__(self, mean_pose_file: str | None = None, groups: Mapping[str, Sequence[str]] | None = None,
                 out_file: str | None = None, skeleton: str | dict | Skeleton = 'h36m18', **kwargs: Any) -> None:
        super().__init__(skeleton=skeleton, **kwargs)
        self.mean_pose = None if mean_pose_file is None else load_mean_pose(mean_pose_file, self.skeleton)
        self.groups, self.out_file = groups, out_file

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep what the tables need of each sample."""
        for sample, iou in zip(data_samples, self.mask_ious(data_samples)):
            self.results.append({'clip': str(sample.get('clip') or ''), 'box': sample.get('box_source'),
                                 'mask_iou': np.nan if iou is None else iou, **_pose_record(sample)})

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Make the tables; print, write and return them.

        Raises:
            ValueError: No sample belongs to any of ``groups``.
        """
        errors = self._errors(results)
        clips = [result['clip'] for result in results]
        tables = grouped(errors, clips, self.groups)
        if not tables:
            raise ValueError(f'no sample belongs to a group: the groups are {dict(self.groups)}, the samples\' clips '
                             f'{sorted(set(clips))}')
        by_clip = grouped(errors, clips, {clip: [clip] for clip in sorted(set(clips))})
        report = {**self._protocol(results), 'groups': tables, 'clips': by_clip}
        print_log('\n' + printed(tables, f'mm, {report["protocol"]["ground_truth"]}'), logger='current')
        if len(by_clip) > 1:
            print_log('\n' + printed(by_clip, 'clips'), logger='current')
        if self.out_file is not None:
            text = json.dumps(report, indent=2) + '\n'
            write_atomically(Path(self.out_file), lambda file: file.write(text.encode()))
        first, *others = tables
        flat = flatten(tables[first])
        for group in others:
            flat.update({f'{group}/{name}': value for name, value in flatten(tables[group]).items()})
        return flat

    def _errors(self, results: list[dict]) -> dict[str, Any]:
        """Per-sample errors (N,), NaN where a sample has no label or no mask."""
        errors: dict[str, Any] = {}
        labelled = [i for i, result in enumerate(results) if 'target' in result]
        if labelled:
            stacked = [np.stack([results[i][key] for i in labelled]) for key in ('hypotheses', 'valid', 'target')]
            for selection, metrics in hypothesis_errors(*stacked, self.skeleton.root, self.mean_pose).items():
                errors[selection] = {name: _spread(values, labelled, len(results)) for name, values in metrics.items()}
        errors['2d_error'] = np.array([result.get('2d_error', np.nan) for result in results])
        errors['mask_iou'] = np.array([result['mask_iou'] for result in results], dtype=float)
        return errors

    def _protocol(self, results: list[dict]) -> dict[str, Any]:
        labelled = [result for result in results if 'target' in result]
        used = [GIVEN] if labelled else []
        if any(result['box'] == 'root' for result in results):
            used.append('crop from the true root')
        return {
            'protocol': {
                'ground_truth': '; '.join(used) if used else 'no ground truth used', 'alignment': 'root-centred',
                'best_per_pose': 'chosen by the labels, each metric its own',
                'best_per_keypoint': 'chosen by the labels',
                'mask_iou': 'drawn skeleton of the confident pose against the mask'},
            'frame': 'camera', 'unit': 'mm', 'skeleton': self.skeleton.name,
            'num_hypotheses': int(labelled[0]['hypotheses'].shape[0]) if labelled else None,
            'num_samples': len(results), 'num_labelled': len(labelled)}


def _pose_record(sample: dict) -> dict:
    """Hypotheses in camera mm, their validity, the target, and the 2D error of a sample, as far as it has labels."""
    predicted, truth, record = sample['pred_instances'], sample.get('gt_instances') or {}, {}
    if truth.get('keypoints') is not None:
        offset = _numpy(predicted['keypoints'])[0, :, :2] - _numpy(truth['keypoints'])[0, :, :2]
        record['2d_error'] = float(100 * np.linalg.norm(offset, axis=-1).mean() / np.max(sample['input_scale']))
    if truth.get('keypoints_cam') is None or sample.get('camera') is None or sample.get('root_depth') is None:
        return record
    hypotheses = _numpy(predicted.get('hypotheses', _numpy(predicted['keypoints'])[:, None]))[0].astype(np.float64)
    valid = _numpy(predicted.get('hypothesis_valid', np.ones((1, *hypotheses.shape[:2]), dtype=bool)))[0]
    K = np.asarray(sample['camera']['K'], dtype=np.float64)
    record['hypotheses'] = image_to_camera(hypotheses, np.broadcast_to(K, (len(hypotheses), 3, 3)),
                                           float(sample['root_depth']))
    record.update(valid=valid.astype(bool), target=_numpy(truth['keypoints_cam'])[0].astype(np.float64))
    return record


def _spread(values: np.ndarray, places: Sequence[int], size: int) -> np.ndarray:
    """Put values at their places in an array of NaN."""
    out = np.full(size, np.nan)
    out[list(places)] = values
    return out
