"""Label-free metrics of the pose itself: symmetry, left/right flips, the discriminator's opinion."""
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
    """Difference in length of the top-1 pose's left and right bones: ``xas/asymmetry`` in %, lower is better.

    Lengths are measured in sides of the crop, without perspective. A collapsed pose is symmetric, so choose by it
    beside :class:`~.mask_iou_metric.MaskIoUMetric`, not alone.
    """

    quantity, unit = 'asymmetry', '% of the bone length'
    needs = 'hypotheses in the norm frame, pred_instances.hypotheses_norm of MultiHypothesisHead'

    def values(self, data_batch: Any, data_samples: Sequence[dict]) -> list[float | None]:
        """Asymmetry of each sample, None without norm-frame hypotheses."""
        poses = [_norm_pose(sample) for sample in data_samples]
        isotropic = [None if pose is None else pose[0] * [0.5, 0.5, 1.0] for pose in poses]
        return [None if pose is None else float(bone_asymmetry(pose, self.skeleton.parents, self.skeleton.flip_pairs))
                for pose in isotropic]


@METRICS.register_module()
class DiscriminatorScoreMetric(LabelFreeMetric):
    """The model's own discriminator on the top-1 pose: ``xas/discriminator_score``, towards 1 for real, 0 for fake.

    Scores of one training run's checkpoints share no scale, because the discriminator moves with the detector: compare
    checkpoints through one fixed discriminator, or take the score as a sign of collapse. It needs the
    :class:`~mmxas.engine.hooks.EvaluationContextHook`.
    """

    quantity, unit = 'discriminator_score', 'LSGAN score, 1 is real'
    needs = SymmetryMetric.needs

    def values(self, data_batch: Any, data_samples: Sequence[dict]) -> list[float | None]:
        """Score of each sample, None without norm-frame hypotheses.

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
    """How often left and right change places in a mirrored copy of the image: ``xas/flip_rate`` in %, lower is better.

    Each batch is predicted once more, mirrored; keypoints are mirrored back, their left and right exchanged, and
    compared pair by pair (:func:`~mmxas.evaluation.self_consistency.flip_rate`). A detector that calls the limb on the
    image's left the left one, from whichever side the body is seen, flips always. Mirrored copies work on any folder
    of images; consecutive frames would need a video, and miss this error. Under ``flip_test`` both predictions are made
    without it: averaged ones agree with their mirror images whatever the detector thinks. It needs the
    :class:`~mmxas.engine.hooks.EvaluationContextHook`.

    Args:
        min_separation: Pairs that are nearer in the norm frame do not count. Defaults to 0.1, 5 % of the crop's side.
        **kwargs: Arguments of :class:`~.label_free_metric.LabelFreeMetric`.
    """

    quantity, unit = 'flip_rate', '% of the left/right pairs'
    needs = 'a left/right pair that stands apart'
    worst = 100.0  # collapsed poses, as before training, must not end a run, nor be chosen

    def __init__(self, min_separation: float = 0.1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.min_separation = min_separation

    def values(self, data_batch: Any, data_samples: Sequence[dict]) -> list[float | None]:
        """Rate of each sample, None where no pair stands apart.

        Raises:
            RuntimeError: The model is unknown.
        """
        if self.context.model is None:
            raise RuntimeError(f'FlipRateMetric predicts mirrored copies, but the model is not known: {WAY_OUT}')
        model = self.context.model
        test_cfg = getattr(model, 'test_cfg', None) or {}
        averages = test_cfg.get('flip_test', False)
        try:
            if averages:
                model.test_cfg = {**test_cfg, 'flip_test': False}
            with torch.no_grad():
                mirrored = model.test_step(mirrored_batch(data_batch))
                if averages:  # on a copy, because predictions are written into the samples
                    plain = model.test_step(mirrored_batch(mirrored_batch(data_batch)))
                    data_samples = [sample.to_dict() for sample in plain]
        finally:
            if averages:
                model.test_cfg = test_cfg
        poses = np.stack([_crop_pose(sample) for sample in data_samples])
        others = np.stack([_crop_pose(sample.to_dict()) for sample in mirrored])
        others = others[:, list(self.skeleton.flip_indices)] * [-1.0, 1.0]
        return flip_rate(poses, others, self.skeleton.flip_pairs, self.min_separation).tolist()


def mirrored_batch(data_batch: dict) -> dict:
    """A copy of a batch with its crops, and the masks that a data preprocessor may read, mirrored left to right.

    Args:
        data_batch: ``inputs``, N crops (3, S, S) or a tensor of them, and ``data_samples``, N packed samples.

    Returns:
        dict: The same keys; the samples hold metainfo and masks only.
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
    """Hypotheses (H, K, 3) in the norm frame, or None."""
    hypotheses = sample['pred_instances'].get('hypotheses_norm')
    return None if hypotheses is None else as_numpy(hypotheses)[0].astype(np.float64)


def _crop_pose(sample: dict) -> np.ndarray:
    """The top-1 pose's x and y (K, 2) in the norm frame."""
    return crop_normalised(read_prediction(sample))[0, :, :2]
