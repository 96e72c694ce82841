"""Label-free metrics of the pose: symmetry, left/right flips, discriminator score."""
from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from mmxas.codecs.predictions import as_numpy, crop_normalised, read_prediction
from mmxas.evaluation.self_consistency import bone_asymmetry, flip_rate
from mmxas.registry import METRICS

from .label_free_metric import LabelFreeMetric

WAY_OUT = "add dict(type='EvaluationContextHook') to the config's hooks"


@METRICS.register_module()
class SymmetryMetric(LabelFreeMetric):
    """Length difference between left and right bones of the top-1 pose: ``xas/asymmetry`` in %, lower is better.

    Lengths are measured in crop sides, without perspective. A collapsed pose is symmetric, so do not choose checkpoints
    by this metric alone; use it together with :class:`~.mask_iou_metric.MaskIoUMetric`.

    Args:
        skeleton: Name, file or data of the skeleton. By default taken from ``model.skeleton``.
        group_by: As in :class:`~.xas_pose_metric.XASPoseMetric`. Defaults to ``('action', 'camera')``.
        **kwargs: Arguments of :class:`~.context_metric.ContextMetric`.
    """

    quantity, unit = 'asymmetry', '% of the bone length'
    needs = 'crop-normalised hypotheses, pred_instances.hypotheses_norm of MultiHypothesisHead'

    def values(self, data_batch: Any, data_samples: Sequence[dict]) -> list[float | None]:
        """Return the asymmetry per sample, None without crop-normalised hypotheses."""
        poses = [_norm_pose(sample) for sample in data_samples]
        isotropic = [None if pose is None else pose[0] * [0.5, 0.5, 1.0] for pose in poses]
        return [None if pose is None else float(bone_asymmetry(pose, self.skeleton.parents, self.skeleton.flip_pairs))
                for pose in isotropic]


@METRICS.register_module()
class DiscriminatorScoreMetric(LabelFreeMetric):
    """Score of the top-1 pose by the model's own discriminator: ``xas/discriminator_score``, 1 is real, 0 is fake.

    Scores of different checkpoints are not comparable, because the discriminator is trained along with the detector.
    Compare checkpoints with one fixed discriminator, or use the score to detect collapse. Requires
    :class:`~mmxas.engine.hooks.EvaluationContextHook`.

    Args:
        skeleton: Name, file or data of the skeleton. By default taken from ``model.skeleton``.
        group_by: As in :class:`~.xas_pose_metric.XASPoseMetric`. Defaults to ``('action', 'camera')``.
        **kwargs: Arguments of :class:`~.context_metric.ContextMetric`.
    """

    quantity, unit = 'discriminator_score', 'LSGAN score, 1 is real'
    needs = SymmetryMetric.needs

    def values(self, data_batch: Any, data_samples: Sequence[dict]) -> list[float | None]:
        """Return the score per sample, None without crop-normalised hypotheses.

        Raises:
            RuntimeError: The model is unknown, or has no discriminator.
        """
        discriminator = getattr(self.context.model, 'discriminator', None)
        if discriminator is None:
            reason = 'the model is not known: ' + WAY_OUT if self.context.model is None else 'the model has none'
            raise RuntimeError(f'DiscriminatorScoreMetric needs model.discriminator, but {reason}')
        poses = [_norm_pose(sample) for sample in data_samples]
        places = [i for i, pose in enumerate(poses) if pose is not None]
        scores: list[float | None] = [None] * len(poses)
        if places:
            parameter = next(discriminator.parameters())
            batch = torch.as_tensor(np.stack([poses[i][0] for i in places])).to(parameter)
            with torch.no_grad():
                judged = discriminator(batch - batch[:, self.skeleton.root:self.skeleton.root + 1]).flatten()
            for i, score in zip(places, judged.tolist(), strict=True):
                scores[i] = score
        return scores


@METRICS.register_module()
class FlipRateMetric(LabelFreeMetric):
    """Rate of left/right swaps in a mirrored copy of the image: ``xas/flip_rate`` in %, lower is better.

    Each batch is predicted a second time, mirrored. The keypoints are mirrored back, left and right are exchanged, and
    flip pairs are compared (:func:`~mmxas.evaluation.self_consistency.flip_rate`). A detector that labels whichever
    limb is on the left of the image as left has a rate of 100 %. Mirrored copies work for any folder of images;
    comparing consecutive frames would need a video and would miss this error. Both predictions
    disable ``flip_test``, because averaged predictions agree with their mirror image, and ``facings``, because the rate
    measures the network without a search. Requires :class:`~mmxas.engine.hooks.EvaluationContextHook`.

    Args:
        min_separation: Flip pairs closer than this in crop-normalised coordinates do not count. Defaults to 0.1, 5 % of
            the crop's side.
        **kwargs: Arguments of :class:`~.label_free_metric.LabelFreeMetric`.
    """

    quantity, unit = 'flip_rate', '% of the left/right pairs'
    needs = 'a left/right pair that is far enough apart'
    worst = 100.0  # collapsed poses, as before training, must neither stop a run nor be chosen

    def __init__(self, min_separation: float = 0.1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.min_separation = min_separation

    def values(self, data_batch: Any, data_samples: Sequence[dict]) -> list[float | None]:
        """Return the rate per sample, None where no flip pair is far enough apart.

        Raises:
            RuntimeError: The model is unknown.
        """
        if self.context.model is None:
            raise RuntimeError(f'FlipRateMetric predicts mirrored copies, but the model is not known: {WAY_OUT}')
        model = self.context.model
        test_cfg = getattr(model, 'test_cfg', None) or {}
        disabled = {name: 0 for name in ('flip_test', 'facings') if test_cfg.get(name)}
        try:
            if disabled:
                model.test_cfg = {**test_cfg, **disabled}
            with torch.no_grad():
                mirrored = model.test_step(mirrored_batch(data_batch))
                if disabled:  # on a copy, because prediction modifies the samples
                    plain = model.test_step(mirrored_batch(mirrored_batch(data_batch)))
                    data_samples = [sample.to_dict() for sample in plain]
        finally:
            if disabled:
                model.test_cfg = test_cfg
        poses = np.stack([_crop_pose(sample) for sample in data_samples])
        others = np.stack([_crop_pose(sample.to_dict()) for sample in mirrored])
        others = others[:, list(self.skeleton.flip_indices)] * [-1.0, 1.0]
        return flip_rate(poses, others, self.skeleton.flip_pairs, self.min_separation).tolist()


def mirrored_batch(data_batch: dict) -> dict:
    """Return a copy of a batch with crops and masks mirrored left to right.

    Args:
        data_batch: ``inputs``, N crops (3, S, S) or a tensor of them, and ``data_samples``, N packed samples.

    Returns:
        The same keys; the samples hold metainfo and masks only.
    """
    inputs = data_batch['inputs']
    flipped = inputs.flip(-1) if isinstance(inputs, torch.Tensor) else [image.flip(-1) for image in inputs]
    samples = []
    for sample in data_batch['data_samples']:
        twin = type(sample)(metainfo=copy.deepcopy(sample.metainfo))
        for name in ('gt_instances', 'gt_fields'):
            if name in sample:
                setattr(twin, name, copy.deepcopy(getattr(sample, name)))
        if 'gt_fields' in twin and 'mask' in twin.gt_fields:
            twin.gt_fields.mask = twin.gt_fields.mask.flip(-1)
        samples.append(twin)
    return {**data_batch, 'inputs': flipped, 'data_samples': samples}


def _norm_pose(sample: dict) -> np.ndarray | None:
    """Return the hypotheses (H, K, 3) in crop-normalised coordinates, or None."""
    hypotheses = sample['pred_instances'].get('hypotheses_norm')
    return None if hypotheses is None else as_numpy(hypotheses)[0].astype(np.float64)


def _crop_pose(sample: dict) -> np.ndarray:
    """Return x and y (K, 2) of the top-1 pose in crop-normalised coordinates."""
    return crop_normalised(read_prediction(sample))[0, :, :2]
