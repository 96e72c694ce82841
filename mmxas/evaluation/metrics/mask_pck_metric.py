"""2D evaluation relative to the body's size in the image, by groups of keypoints."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log
from terminaltables import AsciiTable

from mmxas.codecs.predictions import as_numpy, crop_normalised, read_prediction
from mmxas.evaluation.hypothesis_selection import counted_poses
from mmxas.evaluation.mask_overlap import skeleton_mask_iou
from mmxas.evaluation.protocol import Protocol
from mmxas.evaluation.report import background_of, backgrounds, grouped, sample_key, spread, tables_by
from mmxas.ops.pose_metrics import pck_of_size
from mmxas.registry import METRICS
from mmxas.structures import Skeleton, load_skeleton

from .context_metric import ContextMetric

# In 2D only the best hypothesis is chosen by the labels.
PROTOCOL = Protocol(best_of_h_per_joint=False, true_root_depth=False, true_intrinsics=False)
POSES = ('top1', 'best_of_h_per_pose')


@METRICS.register_module()
class MaskPCKMetric(ContextMetric):
    """PCK relative to the square root of the mask's area, and IoU of the drawn skeleton, top-1 and best-of-H.

    ``PCK@0.1`` is the percentage of visible keypoints per image that lie within 0.1 √area of their labels, averaged
    over images. ``PCK@0.1/<group>`` is the same for a group's keypoints, over the images that show any of them.
    ``best_of_h_per_pose`` (oracle) uses the labels to choose the best competing hypothesis per image and per number.
    Hypotheses that share x and y, such as those of ``MultiHypothesisHead``, have equal results here. The area is that
    of the mask in the crop, which contains the whole body.

    Args:
        skeleton: Name, file or data of the skeleton.
        keypoint_groups: ``{group: names of its keypoints}``. Defaults to None: no groups.
        thresholds: Fractions of √area. Defaults to (0.1, 0.15).
        width: Squared width of the drawn lines, crop-normalised. Defaults to 3e-3.
        drawn_above: Intensity above which a pixel counts as drawn. Defaults to 0.2.
        size: Side in px to which masks are resized for the comparison. Defaults to 64.
        group_by: Keys of the samples' metainfo; a table is made for each. Defaults to ``('subject', 'several')``.
        **kwargs: Arguments of :class:`~.context_metric.ContextMetric`.

    Raises:
        ValueError: A group names a keypoint that the skeleton does not have.
    """

    def __init__(self, skeleton: str | dict | Skeleton, keypoint_groups: Mapping[str, Sequence[str]] | None = None,
                 thresholds: Sequence[float] = (0.1, 0.15), width: float = 3e-3, drawn_above: float = 0.2,
                 size: int = 64, group_by: Sequence[str] = ('subject', 'several'), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.skeleton, self.thresholds, self.group_by = load_skeleton(skeleton), tuple(thresholds), tuple(group_by)
        self.members = keypoint_members(self.skeleton, keypoint_groups or {})
        self.drawing = {'width': width, 'threshold': drawn_above, 'size': size}

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Store the IoU of each sample that has a mask, and PCK where it also has labels."""
        for sample in data_samples:
            mask = (sample.get('gt_fields') or {}).get('mask')
            self.results.append({
                'box': sample.get('box_source'), 'background': background_of(sample),
                'keys': {name: sample_key(sample, name) for name in self.group_by},
                **({} if mask is None else self._numbers(sample, torch.as_tensor(mask).cpu()))})

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Average, print and write.

        Raises:
            ValueError: No sample has a mask.
        """
        places = [i for i, result in enumerate(results) if 'top1' in result]
        if not places:
            raise ValueError(f'MaskPCKMetric: none of {len(results)} samples has a mask with a pixel in it; give the '
                             'data set masks, and LoadMask to its pipeline')
        names = list(results[places[0]]['top1'])
        errors = {pose: {name: spread(np.array([results[i][pose][name] for i in places]), places, len(results))
                         for name in names} for pose in POSES}
        table = grouped(errors, [''] * len(results), None)['all']
        print_log('\n' + self._printed(table), 'current')
        keys = {name: [r['keys'][name] for r in results] for name in self.group_by}
        self.write(PROTOCOL, any(r['box'] == 'root' for r in results), {
            'background': backgrounds(results), 'frame': 'image',
            'unit': 'PCK: %, of √(mask area); mask_iou: intersection over union', 'root': None,
            'skeleton': self.skeleton.name, 'num_samples': len(results), 'num_labelled': len(places),
            'keypoint_groups': {name: [self.skeleton.keypoints[i] for i in np.flatnonzero(chosen)]
                                for name, chosen in self.members.items()},
            'groups': {'all': table}, 'tables': {name: tables_by(errors, v) for name, v in keys.items() if any(v)}})
        return {f'{pose}/{name}': value for pose in POSES for name, value in table.get(pose, {}).items()}

    def _numbers(self, sample: dict, mask: torch.Tensor) -> dict[str, dict[str, float]]:
        """Return the numbers of the top-1 and of the best hypothesis; none for an empty mask."""
        prediction = read_prediction(sample)
        size = np.sqrt(float(mask.sum()) / abs(np.linalg.det(prediction.warp[:, :2])))
        if not size > 0:
            return {}
        counted = counted_poses(prediction.valid[None])[0]
        points, norm = (poses[counted, :, :2] for poses in (prediction.hypotheses, crop_normalised(prediction)))
        iou = skeleton_mask_iou(norm, mask.expand(len(points), *mask.shape), self.skeleton,
                                align_corners=prediction.align_corners, **self.drawing)
        values = {**self._pck(points, sample, size), 'mask_iou': iou.astype(float)}
        return {'top1': {name: float(v[0]) for name, v in values.items()},
                'best_of_h_per_pose': {name: float(v.max()) for name, v in values.items()}}

    def _pck(self, points: np.ndarray, sample: dict, size: float) -> dict[str, np.ndarray]:
        """Return PCK (H,) of points (H, K, 2) by threshold and group; NaN where no keypoint of the group is visible."""
        truth = sample.get('gt_instances') or {}
        target, visible = points[0], np.zeros(points.shape[1], bool)
        if truth.get('keypoints') is not None:
            target = as_numpy(truth['keypoints'])[0, :, :2].astype(np.float64)
            visible = as_numpy(truth['keypoints_visible'])[0].reshape(len(target), -1)[:, 0] > 0
        return {f'PCK@{threshold:g}' + (f'/{group}' if group else ''):
                pck_of_size(points, target[None], np.full(len(points), size), threshold, visible & chosen)
                for threshold in self.thresholds for group, chosen in {'': np.True_, **self.members}.items()}

    def _printed(self, table: Mapping[str, Any]) -> str:
        rows = [['pose', 'PCK, % of images\' keypoints', 'all', *self.members, 'mask IoU']]
        for pose in POSES:
            numbers = table.get(pose, {})
            for threshold in self.thresholds:
                names = [f'PCK@{threshold:g}', *(f'PCK@{threshold:g}/{group}' for group in self.members)]
                rows.append([pose, f'at {threshold:g}',
                             *(f'{numbers[name]:.1f}' if name in numbers else '' for name in names),
                             f'{numbers["mask_iou"]:.3f}'])
        return f'{table["num_samples"]} images\n{AsciiTable(rows).table}'


def keypoint_members(skeleton: Skeleton, groups: Mapping[str, Sequence[str]]) -> dict[str, np.ndarray]:
    """Convert groups of keypoint names to (K,) bool.

    Raises:
        ValueError: The skeleton has no such keypoint.
    """
    unknown = {name: sorted(set(members) - set(skeleton.keypoints)) for name, members in groups.items()}
    wrong = {name: members for name, members in unknown.items() if members}
    if wrong:
        raise ValueError(f'keypoint_groups: the skeleton {skeleton.name!r} has no {wrong}; it has '
                         f'{list(skeleton.keypoints)}')
    return {name: np.isin(skeleton.keypoints, list(members)) for name, members in groups.items()}
