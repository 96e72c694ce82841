"""Errors of all hypotheses in one pass over the data."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmxas.evaluation.hypothesis_selection import hypothesis_errors
from mmxas.evaluation.mean_pose import load_mean_pose
from mmxas.evaluation.protocol import Protocol, load_protocol
from mmxas.evaluation.report import (
    Pooled,
    background_of,
    backgrounds,
    flatten_groups,
    grouped,
    printed,
    sample_key,
    spread,
    tables_by,
)
from mmxas.evaluation.sample_record import sample_errors_2d, sample_poses
from mmxas.registry import METRICS
from mmxas.structures import Skeleton

from .mask_iou_metric import MaskIoUMetric

_STACKED = ('hypotheses', 'valid', 'target')


@METRICS.register_module()
class XASPoseMetric(MaskIoUMetric):
    """MPJPE, N-MPJPE, P-MPJPE (mm), PCK@150mm and AUC of the top-1 and the best-of-H poses, 2D error, mask IoU.

    By default, predictions in image px and root-relative mm are lifted to camera mm with the sample's camera and true
    root depth, and compared root-centred (N-MPJPE: after the best scale; P-MPJPE: after the best similarity);
    ``protocol`` changes this. ``best_of_h_per_pose`` is the best competing pose per sample, chosen for each metric;
    ``best_of_h_per_joint`` is the nearest valid hypothesis per keypoint. Both are oracles: they use the labels.
    ``best_of_noise`` is their control (:func:`~mmxas.evaluation.hypothesis_selection.depth_noise_copies`), and
    ``best_of_first`` (in the file only) is their MPJPE with the first 1, 2, … H hypotheses. ``2d_error`` is the mean
    keypoint distance in % of the crop's side, and ``pckh`` is PCKh@0.5 where samples have a ``head_size``; both are of
    the top-1 pose. Samples without labels count for ``mask_iou`` only.

    The first group with samples is logged without a prefix (``xas/top1/MPJPE``), further groups with their name
    (``xas/ood/top1/MPJPE``). Groups are never mixed.

    Args:
        mean_pose_file: The constant pose used as a baseline: a json file written by ``mmxas mean-pose``, or the name
            of a shipped one. Defaults to None: no baseline.
        groups: ``{group: its clips}``. Defaults to None: one group of all samples.
        out_file: Json file for all tables. Defaults to None: not written.
        skeleton: Name, file or data of the skeleton. By default taken from ``model.skeleton``.
        protocol: ``'standard'``, ``'released'``, or a dict of the name and individual switches
            (:class:`~mmxas.evaluation.protocol.Protocol`). Defaults to ``'standard'``.
        group_by: Keys to make a table for: ``'action'``, ``'camera'``, or any key of the samples' metainfo. Defaults to
            ``('action', 'camera')``.
        keypoints: Names of n keypoints for which PCK, AUC and PCKh are reported as well, as ``PCK@150mm/<n>``,
            ``AUC/<n>`` and ``pckh/<n>``. ``pckh/<n>`` is a percentage of all labelled keypoints, whereas ``pckh`` is
            the mean of the percentages per image. Defaults to None.
        **kwargs: Arguments of :class:`MaskIoUMetric`.

    Raises:
        ValueError: The skeleton has no such keypoint, or the protocol or the mean pose is invalid.
    """

    def __init__(self, mean_pose_file: str | None = None, groups: Mapping[str, Sequence[str]] | None = None,
                 out_file: str | None = None, skeleton: str | dict | Skeleton | None = None,
                 protocol: str | Mapping[str, Any] | Protocol = 'standard',
                 group_by: Sequence[str] = ('action', 'camera'), keypoints: Sequence[str] | None = None,
                 **kwargs: Any) -> None:
        super().__init__(skeleton=skeleton, out_file=out_file, **kwargs)
        self.keypoints = None if keypoints is None else self._indices(keypoints)
        self.mean_pose = None if mean_pose_file is None else load_mean_pose(mean_pose_file, self.skeleton)
        self.groups, self.protocol, self.group_by = groups, load_protocol(protocol), tuple(group_by)

    def _indices(self, keypoints: Sequence[str]) -> list[int]:
        unknown = [name for name in keypoints if name not in self.skeleton.keypoints]
        if unknown or not keypoints or len(set(keypoints)) < len(keypoints):
            raise ValueError(f'keypoints={list(keypoints)}: different keypoints of the skeleton {self.skeleton.name!r} '
                             f'expected, of {list(self.skeleton.keypoints)}')
        return [self.skeleton.keypoints.index(name) for name in keypoints]

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Store the errors and poses of each sample that the tables need."""
        flip_pairs, switch = self.skeleton.flip_pairs, self.protocol.left_right_switch
        for sample, iou in zip(data_samples, self.mask_ious(data_samples)):
            self.results.append({
                'clip': str(sample.get('clip') or ''), 'box': sample.get('box_source'),
                'background': background_of(sample),
                'keys': {name: sample_key(sample, name) for name in {'action', *self.group_by}},
                'mask_iou': np.nan if iou is None else iou,
                **sample_errors_2d(sample, flip_pairs, switch, self.keypoints),
                **sample_poses(sample, self.protocol, flip_pairs)})

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Make the tables, print and write them, and return the logged numbers.

        Raises:
            ValueError: No sample belongs to any of ``groups``, or the protocol requires other crops.
        """
        self._check_crops(results)
        errors = self._errors(results)
        clips = [result['clip'] for result in results]
        keys = {name: [r['keys'][name] for r in results] for name in {'action', *self.group_by}}
        classes = keys['action'] if self.protocol.average == 'action' else None
        tables = grouped(errors, clips, self.groups, classes)
        by_clip = tables_by(errors, clips)
        by_key = {name: tables_by(errors, keys[name], classes if name != 'action' else None)
                  for name in self.group_by if any(keys[name])}
        uses = '; '.join(self.protocol.ground_truth(self._from_root(results))) or 'no ground truth used'
        facts = self._facts(results)
        background = ' or '.join(facts['background'])
        print_log('\n' + printed(tables, f'{self.protocol.name}: {uses}; background {background}'), 'current')
        for name, table in {'clips': by_clip, **by_key}.items():
            if len(table) > 1 and (name != 'clips' or by_key.get('action') != by_clip):
                print_log('\n' + printed(table, name), 'current')
        self.write(self.protocol, self._from_root(results),
                   {**facts, 'groups': tables, 'tables': by_key, 'clips': by_clip})
        return flatten_groups(tables)

    def _errors(self, results: list[dict]) -> dict[str, Any]:
        """Return errors per sample (N,), NaN where a sample has no label or no mask."""
        errors: dict[str, Any] = {}
        labelled = [i for i, result in enumerate(results) if 'target' in result]
        if labelled:
            chosen = [results[i] for i in labelled]
            poses, valid, target = (np.stack([result[key] for result in chosen]) for key in _STACKED)
            nearest = np.stack([r['nearest'] for r in chosen]) if 'nearest' in chosen[0] else None
            for selection, metrics in hypothesis_errors(
                    poses, valid, target, self.skeleton.root, self.mean_pose, self.protocol, self._extrinsics(chosen),
                    nearest, self.keypoints).items():
                errors[selection] = {name: spread(values, labelled, len(results)) for name, values in metrics.items()}
        for name in ('2d_error', 'pckh', 'mask_iou'):
            errors[name] = np.array([result.get(name, np.nan) for result in results], dtype=float)
        if self.keypoints is not None:
            errors[f'pckh/{len(self.keypoints)}'] = Pooled(*(
                np.array([result.get(f'pckh_{part}', 0) for result in results]) for part in ('hits', 'count')))
        return errors

    def _extrinsics(self, labelled: list[dict]) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the extrinsics if N-MPJPE scales about the world's origin, by default those of the camera frame."""
        if self.protocol.scale_about != 'world':
            return None
        return (np.stack([result.get('R', np.eye(3)) for result in labelled]),
                np.stack([result.get('t', np.zeros(3)) for result in labelled]))

    def _check_crops(self, results: list[dict]) -> None:
        others = sorted({str(r['box']) for r in results if 'target' in r and r['box'] != 'root'})
        if self.protocol.crop == 'root' and others:
            raise ValueError(f'protocol {self.protocol.name!r} needs crops around the true root, but those of this '
                             f"data set come from {', '.join(others)}: give it box='root', or the metric "
                             f"protocol=dict(name={self.protocol.name!r}, crop='any')")

    @staticmethod
    def _from_root(results: list[dict]) -> bool:
        return any(result['box'] == 'root' for result in results)

    def _facts(self, results: list[dict]) -> dict[str, Any]:
        """Return frame, unit, root and counts of the result."""
        labelled = [result for result in results if 'target' in result]
        located = bool(labelled) and all('R' in result for result in labelled)
        origin = self.skeleton.keypoints[self.skeleton.root]
        if self.protocol.scale_about == 'world':
            origin = "the world's origin" if located else "the camera's centre (the samples have no extrinsics)"
        return {
            'background': backgrounds(results), 'frame': 'camera', 'unit': 'mm',
            'root': self.skeleton.keypoints[self.skeleton.root],
            'alignment': {'MPJPE, PCK@150mm, AUC': 'root-centred' if self.protocol.root_centred else 'none',
                          'N-MPJPE': f'scaled about {origin}', 'P-MPJPE': 'similarity'},
            'mask_iou': 'drawn skeleton of the top-1 pose against the mask', 'skeleton': self.skeleton.name,
            'num_hypotheses': int(labelled[0]['hypotheses'].shape[0]) if labelled else None,
            'num_samples': len(results), 'num_labelled': len(labelled),
            **({} if self.keypoints is None else {
                'keypoints': [self.skeleton.keypoints[index] for index in self.keypoints]})}
