"""Errors of poses triangulated from several views (second number of Table 3), and left/right agreement of the views."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmxas.codecs.predictions import read_prediction
from mmxas.evaluation.hypothesis_selection import pose_errors, pose_metrics
from mmxas.evaluation.protocol import Protocol, load_protocol
from mmxas.evaluation.report import (
    background_of,
    backgrounds,
    flatten_groups,
    grouped,
    printed,
    sample_key,
    tables_by,
)
from mmxas.evaluation.sample_record import sample_poses
from mmxas.ops.checks import check_choice
from mmxas.ops.geometry import camera_to_image, camera_to_world
from mmxas.ops.pose_metrics import ambiguity_ratio, left_right_switch
from mmxas.ops.triangulation import triangulate
from mmxas.registry import METRICS
from mmxas.structures import Skeleton, load_skeleton

from .context_metric import ContextMetric

WEIGHTS = ('none', 'scores', 'depth')


@METRICS.register_module()
class TriangulationMetric(ContextMetric):
    """Errors in world mm of poses triangulated from the x and y of the top-1 poses in all views of a frame set.

    ``xas/triangulated/MPJPE`` and the other errors follow the protocol. ``xas/ambiguity_ratio``
    (:func:`~mmxas.ops.pose_metrics.ambiguity_ratio`) measures by the labels how much the views disagree about left and
    right. Each frame set counts once. Samples need ``camera`` with ``K``, ``R`` and ``t``.

    Args:
        protocol: As in :class:`~.xas_pose_metric.XASPoseMetric`. Defaults to ``'standard'``.
        frame_set: Keys that identify a frame set: samples with equal values belong together. Defaults to subject,
            action, sequence and frame.
        weights: Weight of each view: ``'none'``, ``'scores'`` (the keypoint's score), or ``'depth'`` (its predicted
            depth, with the homogeneous solution, as in the released code). Defaults to None: ``'depth'`` under the
            released protocol, else ``'none'``.
        min_views: Frame sets with fewer views are left out; their number is reported. Defaults to 2.
        skeleton: Name, file or data of the skeleton. By default taken from ``model.skeleton``.
        group_by: Keys that the views of a frame set share; a table is made for each. Defaults to ``('action',)``.
        groups: As in :class:`~.xas_pose_metric.XASPoseMetric`; only the first group is logged. Defaults to None.
        **kwargs: Arguments of :class:`~.context_metric.ContextMetric`.

    Raises:
        ValueError: ``weights`` is unknown, ``min_views`` is below 2, or the protocol does not use the true camera.
    """

    def __init__(self, protocol: str | Mapping[str, Any] | Protocol = 'standard',
                 frame_set: Sequence[str] = ('subject', 'action', 'sequence', 'frame'), weights: str | None = None,
                 min_views: int = 2, skeleton: str | dict | Skeleton | None = None,
                 group_by: Sequence[str] = ('action', ), groups: Mapping[str, Sequence[str]] | None = None,
                 **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.protocol, self.skeleton, self.groups = load_protocol(protocol), load_skeleton(skeleton), groups
        self.weights = weights or ('depth' if self.protocol.name == 'released' else 'none')
        check_choice(self.weights, WEIGHTS, 'weights')
        if min_views < 2 or not self.protocol.true_intrinsics:
            raise ValueError('triangulation: expected min_views >= 2 and a protocol with true_intrinsics=True, got '
                             f'{min_views} and {self.protocol.true_intrinsics}')
        self.frame_set, self.min_views, self.group_by = tuple(frame_set), min_views, tuple(group_by)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Store the keypoints in px, the camera and the label of each view."""
        self.results += [self._view(sample) for sample in data_samples]

    def _view(self, sample: dict) -> dict:
        view = {'frame_set': tuple(sample_key(sample, name) for name in self.frame_set),
                'camera': sample_key(sample, 'camera'), 'box': sample.get('box_source'),
                'clip': str(sample.get('clip') or ''), 'background': background_of(sample),
                'keys': {name: sample_key(sample, name) for name in {'action', *self.group_by}}}
        poses = sample_poses(sample, self.protocol, self.skeleton.flip_pairs)
        if 'R' not in poses:
            return view
        K = np.asarray(sample['camera']['K'], dtype=np.float64)
        top1, label = poses['hypotheses'][0], camera_to_image(poses['target'], K)
        image = camera_to_image(top1, K)
        scores = read_prediction(sample).scores[0]
        switched = poses.get('switched', left_right_switch(image, label, self.skeleton.flip_pairs)[1][:, 0])
        return view | {
            'points': image[:, :2], 'depth': top1[:, 2], 'scores': scores.astype(np.float64), 'K': K,
            'R': poses['R'], 't': poses['t'], 'switched': switched,
            'target': camera_to_world(poses['target'], poses['R'], poses['t'])}

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Triangulate each frame set; print, write and return the errors.

        Raises:
            ValueError: No frame set has enough views, one has two samples of the same camera, or its views are
                degenerate.
        """
        views = [result for result in results if 'points' in result]
        frame_sets: dict[tuple, list[dict]] = {}
        for view in views:
            frame_sets.setdefault(view['frame_set'], []).append(view)
        whole = [group for group in frame_sets.values() if len(group) >= self.min_views]
        if not whole:
            raise ValueError(f'no frame set has {self.min_views} views: {len(results)} samples, {len(views)} of them '
                             f'with labels and a camera (K, R, t), make {len(frame_sets)} frame sets by '
                             f'{", ".join(self.frame_set)}')
        found = np.stack([self._triangulate(group) for group in whole])
        target = np.stack([np.mean([view['target'] for view in group], axis=0) for group in whole])
        errors = {'triangulated': pose_errors(found, target, metrics=self._metrics(len(whole))),
                  'ambiguity_ratio': np.array([ambiguity_ratio(np.stack([v['switched'] for v in g])) for g in whole])}
        return self._report(results, errors, whole, len(frame_sets) - len(whole))

    def _metrics(self, count: int) -> dict:
        """Return the metrics for points in world mm, where N-MPJPE needs no extrinsics."""
        world = np.broadcast_to(np.eye(3), (count, 3, 3)), np.zeros((count, 3))
        return pose_metrics(self.skeleton.root, self.protocol.root_centred,
                            world if self.protocol.scale_about == 'world' else None)

    def _triangulate(self, group: list[dict]) -> np.ndarray:
        """Return the pose (K, 3) in world mm from the views of a frame set."""
        name = ', '.join(group[0]['frame_set'])
        cameras = [view['camera'] for view in group]
        if len(set(cameras)) < len(cameras):
            raise ValueError(f'frame set ({name}): several samples of one camera ({cameras}): add a key to '
                             '`frame_set` that distinguishes them')
        weights = None if self.weights == 'none' else np.stack([view[self.weights] for view in group], axis=1)
        count = len(group[0]['points'])
        points, *camera = (np.stack([view[key] for view in group]) for key in ('points', 'K', 'R', 't'))
        camera = [np.broadcast_to(values, (count, *values.shape)) for values in camera]
        released = dict(homogeneous=True, refinements=0) if self.weights == 'depth' else {}
        try:
            return triangulate(points.swapaxes(0, 1), *camera, weights=weights, **released)
        except ValueError as error:
            raise ValueError(f'frame set ({name}), cameras {cameras}: {error}') from error

    def _report(self, results: list[dict], errors: dict, whole: list[list[dict]], short: int) -> dict[str, float]:
        keys = {name: [group[0]['keys'][name] for group in whole] for name in {'action', *self.group_by}}
        classes = keys['action'] if self.protocol.average == 'action' else None
        tables = grouped(errors, [group[0]['clip'] for group in whole], self.groups, classes)
        by_key = {name: tables_by(errors, keys[name], None) for name in self.group_by if any(keys[name])}
        from_root = any(result['box'] == 'root' for result in results)
        print_log('\n' + printed(tables, f'triangulated, {self.protocol.name}'), 'current')
        centred = 'root-centred' if self.protocol.root_centred else 'none'
        self.write(self.protocol, from_root, {
            'background': backgrounds(results), 'frame': 'world', 'unit': 'mm',
            'root': self.skeleton.keypoints[self.skeleton.root],
            'alignment': {'MPJPE, PCK@150mm, AUC': centred, 'N-MPJPE': f'scaled about the {self.protocol.scale_about}',
                          'P-MPJPE': 'similarity'},
            'ambiguity_ratio': 'by the labels', 'weights': self.weights, 'skeleton': self.skeleton.name,
            'frame_set': list(self.frame_set), 'num_samples': len(results), 'num_frame_sets': len(whole),
            'num_frame_sets_left_out': short, 'num_views': sorted({len(group) for group in whole}),
            'groups': tables, 'tables': by_key})
        return flatten_groups(tables)
