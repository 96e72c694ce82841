"""Prediction of the estimator: several views of each crop, the facing of the body, and predictions in image px.

N: batch, S: crop size in px.
"""
import math
from collections.abc import Sequence
from dataclasses import fields
from difflib import get_close_matches

import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.structures import PoseDataSample
from torch import Tensor

from mmxas.models.batch_labels import sample_masks
from mmxas.models.pose_estimators.facing_search import FacingSearch
from mmxas.ops import Decoding
from mmxas.ops.checks import check_choice
from mmxas.ops.facing import EXPECTED_WEIGHT
from mmxas.ops.symmetry import side_bone_pairs
from mmxas.ops.zoom import NO_ZOOM, check_zooms, zoom_crops
from mmxas.structures import Skeleton

TEST_OPTIONS = ('flip_test', 'background', 'zooms', 'facings', 'facing_weight', 'decoding', 'output_depth_heatmaps')
BACKGROUNDS = ('crop', 'both')  # views for testing: the crop from the pipeline; also the crop without its background


class PosePredictor(TopdownPoseEstimator):
    """Base of :class:`XASPoseEstimator` for testing. ``test_cfg`` has these options.

    * ``flip_test``: average over the mirrored crop, as in mmpose.
    * ``background='both'``: the views are the crop with and without its background. The pipeline must then make a mask
      and keep the background in the crop. A crop without a mask, or with an empty one, is used as it is. The heatmap
      without background is weighted per keypoint by the share of the other heatmap that lies inside the mask
      (:meth:`MultiHypothesisHead.test_volume`).
    * ``zooms=[1.0, 0.85]``: the views are the crop and its enlarged middle (:func:`~mmxas.ops.zoom.zoom_crops`).
    * ``facings=8``: condition the features on each of 8 facing directions and on the predicted one, and keep the best
      (:class:`~mmxas.models.pose_estimators.facing_search.FacingSearch`). Defaults to 0: the predicted one only. Needs
      a ``FacingFusionNeck``, and 1.0 as the first zoom.
    * ``facing_weight``: weight of the predicted facing in this search, 0 or more. Defaults to 0.1.
    * ``decoding``: options of :class:`~mmxas.ops.decoding.Decoding` that override those of the codec.

    Attributes:
        skeleton: Skeleton of the keypoints; a derived class sets it.
        memory_format: Memory layout of crops; a derived class sets it.
    """

    skeleton: Skeleton
    memory_format: torch.memory_format

    def check_test_cfg(self) -> None:
        """Raise if ``test_cfg`` has invalid or ignored options.

        Raises:
            ValueError: The message names the option.
        """
        test_cfg = self.test_cfg or {}
        for name in sorted(set(test_cfg) - set(TEST_OPTIONS)):
            near = get_close_matches(name, TEST_OPTIONS, 1, cutoff=0.85)
            if near:
                raise ValueError(f'model.test_cfg.{name} is never used; did you mean {near[0]}?')
        check_choice(test_cfg.get('background', 'crop'), BACKGROUNDS, 'model.test_cfg.background')
        zooms = test_cfg.get('zooms', NO_ZOOM)
        check_zooms(zooms)
        loose = [field.name for field in fields(Decoding) if field.name in test_cfg]
        if loose:
            raise ValueError(f'model.test_cfg.{loose[0]} has no effect: use model.test_cfg.decoding.{loose[0]}')
        if hasattr(self.head, 'decoding'):
            self.head.decoding(test_cfg)
        facings = test_cfg.get('facings', 0)
        if type(facings) is not int or facings < 0:
            raise ValueError(f'model.test_cfg.facings: a number of directions (0 or more) expected, got {facings!r}')
        weight = test_cfg.get('facing_weight', EXPECTED_WEIGHT)
        if type(weight) not in (int, float) or not 0 <= weight < math.inf:
            raise ValueError(f'model.test_cfg.facing_weight: a number of at least 0 expected, got {weight!r}')
        if facings and not hasattr(getattr(self, 'neck', None), 'condition'):
            raise ValueError(f"model.test_cfg.facings={facings} needs model.neck=dict(type='FacingFusionNeck', …); for "
                             'another neck set model.test_cfg.facings=0')
        if facings and zooms[0] != 1:
            raise ValueError(f'model.test_cfg.facings={facings} scores the views of the first zoom, which must be the '
                             f'whole crop: model.test_cfg.zooms must start with 1.0, found {list(zooms)}')
        if facings and not side_bone_pairs(self.skeleton.parents, self.skeleton.flip_pairs):
            raise ValueError(f'model.test_cfg.facings={facings}: the skeleton {self.skeleton.name!r} has no left and '
                             'right bones to compare; set model.test_cfg.facings=0')

    def predict(self, inputs: Tensor, data_samples: Sequence[PoseDataSample]) -> list[PoseDataSample]:
        """Predict poses as in mmpose, with heatmaps averaged over several views of each crop.

        Args:
            inputs: Normalised crops (N, 3, S, S).
            data_samples: N samples, with their masks in ``gt_fields``.

        Returns:
            The samples with ``pred_instances``, see :meth:`MultiHypothesisHead.predict`.
        """
        if (self.test_cfg or {}).get('background') == 'both':
            for sample in data_samples:
                sample.set_metainfo(dict(background='kept, and removed by masks'))  # shown in results
        features = self.test_features(self.test_views(inputs, data_samples), data_samples)
        found = self.head.predict(features, data_samples, test_cfg=self.test_cfg or {})
        instances, maps = found if isinstance(found, tuple) else (found, None)
        return self.add_pred_to_datasample(instances, maps, data_samples)

    def test_views(self, inputs: Tensor, data_samples: Sequence[PoseDataSample]) -> Tensor:
        """Return N crops per view of :meth:`predict`: all zooms with the background, then all without it."""
        views = [inputs]
        if (self.test_cfg or {}).get('background') == 'both':
            views.append(self.without_background(inputs, data_samples))
        zooms = (self.test_cfg or {}).get('zooms', NO_ZOOM)
        if len(zooms) * len(views) == 1:
            return inputs
        return torch.cat([zoom_crops(view, zoom, self.head.align_corners) for view in views for zoom in zooms])

    def test_features(self, views: Tensor, data_samples: Sequence[PoseDataSample]) -> Sequence:
        """Return the features of all views as ``head.predict`` takes them.

        Args:
            views: Crops (V·N, 3, S, S) of :meth:`test_views`.
            data_samples: N samples, with their masks in ``gt_fields``.

        Returns:
            The neck's output; with ``flip_test`` a list of two, of the views and of the mirrored views.
        """
        test_cfg = self.test_cfg or {}
        sides = [views, views.flip(-1)] if test_cfg.get('flip_test') else [views]
        if test_cfg.get('facings'):
            search = FacingSearch(self.neck, self.head, self.skeleton, test_cfg['facings'],
                                  self.head.decoding(test_cfg), test_cfg.get('facing_weight', EXPECTED_WEIGHT))
            maps = [self.backbone(side.to(memory_format=self.memory_format)) for side in sides]
            features = search(maps, data_samples, len(test_cfg.get('zooms', NO_ZOOM)))
        else:
            features = [self.extract_feat(side) for side in sides]
        return features if test_cfg.get('flip_test') else features[0]

    def without_background(self, inputs: Tensor, data_samples: Sequence[PoseDataSample]) -> Tensor:
        """Return normalised crops (N, 3, S, S) with black background, if their samples have a mask."""
        black = -self.data_preprocessor.mean / self.data_preprocessor.std
        masks = sample_masks(data_samples, inputs.shape[2:], inputs)
        masks = torch.where(masks.amax(dim=(1, 2, 3), keepdim=True) > 0, masks, 1.0)
        return black.to(inputs).expand_as(inputs).lerp(inputs, masks.expand_as(inputs))

    def add_pred_to_datasample(
            self, batch_pred_instances: list[InstanceData], batch_pred_fields: list[PixelData] | None,
            batch_data_samples: list[PoseDataSample]) -> list[PoseDataSample]:
        """Map ``keypoints`` and hypotheses to image px, and add the predictions to the samples.

        Args:
            batch_pred_instances: N predictions of the head, in crop px.
            batch_pred_fields: N fields of the head, or None.
            batch_data_samples: The N samples of the predictions.

        Returns:
            The samples, with ``pred_instances`` in image px and the head's ``align_corners`` in their meta information,
            for :func:`mmxas.codecs.predictions.read_prediction`.
        """
        samples = super().add_pred_to_datasample(batch_pred_instances, batch_pred_fields, batch_data_samples)
        for sample in samples:
            meta, hypotheses = sample.metainfo, sample.pred_instances.hypotheses
            hypotheses[..., :2] = (hypotheses[..., :2] / meta['input_size'] * meta['input_scale']
                                   + meta['input_center'] - 0.5 * meta['input_scale'])
            sample.set_metainfo(dict(align_corners=self.head.align_corners))
        return samples
