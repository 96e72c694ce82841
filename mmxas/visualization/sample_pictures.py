"""Draw network inputs: crop, mask and skeleton of each packed sample, targets beside their synthetic partners.

S: side of the crop in px, K: keypoints.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from mmengine.dataset import pseudo_collate
from torch import nn

from mmxas.datasets.empty_crops import empty_crops
from mmxas.datasets.samplers import SampleKey, seeded
from mmxas.ops.geometry import apply_affine, norm_to_pixel

from .contact_sheet import captioned, contact_sheet, fit_picture, overlay_mask
from .pose_style import PoseStyle


def crop_keypoints(data_sample: Any, size: int) -> np.ndarray | None:
    """Return the labelled keypoints of a packed sample, if any.

    Args:
        data_sample: A PoseDataSample of ``PackXASInputs``.
        size: S.

    Returns:
        (K, 2) crop px; keypoints of weight or visibility 0 are NaN.
    """
    labels, instances = data_sample.gt_instance_labels, data_sample.gt_instances
    if 'keypoint_norm' in labels:
        points = np.asarray(norm_to_pixel(labels.keypoint_norm[0, :, :2].numpy(), size), dtype=np.float64)
        seen = labels.keypoint_weights[0].numpy() > 0 if 'keypoint_weights' in labels else np.ones(len(points), bool)
    elif 'keypoints' in instances and 'warp_mat' in data_sample.metainfo:
        points = apply_affine(np.asarray(instances.keypoints[0], dtype=np.float64), data_sample.metainfo['warp_mat'])
        visible = np.asarray(instances.get('keypoints_visible', np.ones((1, len(points)))))
        seen = visible[0].reshape(len(points), -1)[:, 0] > 0
    else:
        return None
    return np.where(seen[:, None], points, np.nan)


def draw_pose(picture: np.ndarray, points: np.ndarray, style: PoseStyle) -> np.ndarray:
    """Draw links and keypoints.

    Args:
        picture: (h, w, 3) uint8 RGB.
        points: (K, 2) px, NaN for what is not drawn.
        style: Links and colours.

    Returns:
        (h, w, 3) uint8 RGB.
    """
    out, shown = picture.copy(), np.isfinite(points).all(axis=1)
    places = np.where(shown[:, None], points, 0).clip(-4096, 4096).round().astype(int).tolist()
    for (start, end), color in zip(style.links, style.link_colors, strict=True):
        if shown[start] and shown[end]:
            cv2.line(out, places[start], places[end], (color * 255).tolist(), 2, cv2.LINE_AA)
    for place, color in zip((p for p, s in zip(places, shown, strict=True) if s), style.keypoint_colors[shown],
                            strict=True):
        cv2.circle(out, place, 3, (color * 255).tolist(), -1, cv2.LINE_AA)
    return out


def model_inputs(samples: Sequence[Mapping[str, Any]], preprocessor: nn.Module, training: bool) -> list[dict]:
    """Return packed samples with the backbone's input crops, converted back to grey levels.

    Args:
        samples: N packed samples of one size.
        preprocessor: The model's data preprocessor. Its mean, deviation and channel order are undone afterwards; its
            other effects remain.
        training: Whether to preprocess as in training.

    Returns:
        N samples of ``inputs`` (3, S, S) uint8 BGR and ``data_samples``.
    """
    batch = preprocessor(pseudo_collate(list(samples)), training)
    mean, std = getattr(preprocessor, 'mean', 0), getattr(preprocessor, 'std', 1)
    order = [2, 1, 0] if getattr(preprocessor, '_channel_conversion', False) else [0, 1, 2]
    return [dict(inputs=(crop * std + mean)[order].round().clamp(0, 255).byte(), data_samples=data)
            for crop, data in zip(batch['inputs'], batch['data_samples'], strict=True)]


def sample_picture(sample: Mapping[str, Any], meta: Mapping[str, Any], side: int = 160,
                   empty: bool = False) -> np.ndarray:
    """Draw a packed sample: its crop, the mask overlay if there is one, the skeleton if there are labels.

    Args:
        sample: ``inputs`` (3, S, S) uint8 BGR and ``data_samples``, as from ``PackXASInputs``.
        meta: Meta information of the data set.
        side: Side of a panel in px. Defaults to 160.
        empty: Mark the crop as empty in a red caption. Defaults to False.

    Returns:
        (side, 1 to 3 times side, 3) uint8 RGB, with a caption below.
    """
    crop = np.ascontiguousarray(sample['inputs'].numpy().transpose(1, 2, 0)[..., ::-1])
    data, picture = sample['data_samples'], fit_picture(crop, side)
    panels = [picture]
    if 'mask' in data.get('gt_fields', ()):
        mask = cv2.resize(data.gt_fields.mask[0].numpy(), picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        panels.append(overlay_mask(picture, mask))
    points = crop_keypoints(data, crop.shape[0])
    if points is not None:
        points = (points + 0.5) * side / crop.shape[0] - 0.5
        style = PoseStyle.from_dataset_meta(meta, len(points))
        panels.append(draw_pose((picture * 0.6).astype(np.uint8), points, style))
    caption = f'{data.metainfo.get("domain", "")} {data.metainfo.get("sample_name") or data.metainfo.get("img_path")}'
    return captioned(np.hstack(panels), f'EMPTY {caption.strip()}' if empty else caption.strip(), alarm=empty)


class BrowsedSample(NamedTuple):
    """A drawn sample, or pair of samples, of a data set.

    Attributes:
        index: Index in the data set.
        picture: (h, w, 3) uint8 RGB; samples of a pair are side by side.
        num_crops: Number of crops in the picture.
        empty: Names of crops without foreground (:mod:`mmxas.datasets.empty_crops`).
        foreground: Foreground share of each crop with a mask.
    """

    index: int
    picture: np.ndarray
    num_crops: int
    empty: list[str]
    foreground: list[float]


def browse(dataset: Any, num: int, preprocessor: nn.Module, seed: int = 0, side: int = 160,
           training: bool = True) -> Iterator[BrowsedSample]:
    """Draw samples of a data set as network inputs, augmented by a seed and preprocessed.

    Args:
        dataset: Any data set of packed samples, or of pairs of them.
        num: Number of samples, evenly spread; fewer if the data set is shorter.
        preprocessor: The model's data preprocessor.
        seed: Seed of the augmentation. Defaults to 0.
        side: Side of a panel in px. Defaults to 160.
        training: Whether to preprocess as in training. Defaults to True.

    Yields:
        BrowsedSample: One per index.
    """
    for index in np.unique(np.linspace(0, len(dataset) - 1, min(num, len(dataset))).round().astype(int)).tolist():
        with seeded(seed, 0, index):
            found = dataset[SampleKey(index, 0, seed) if hasattr(dataset, 'parts') and hasattr(dataset, 'activate')
                            else index]
            samples = model_inputs(found if isinstance(found, list) else [found], preprocessor, training)
        empty = [empty_crops([sample['inputs']], [sample['data_samples']]) for sample in samples]
        pictures = [sample_picture(sample, dataset.metainfo, side, bool(names))
                    for sample, names in zip(samples, empty, strict=True)]
        shares = [float((sample['data_samples'].gt_fields.mask > 0.5).float().mean()) for sample in samples
                  if 'mask' in sample['data_samples'].get('gt_fields', ())]
        yield BrowsedSample(index, contact_sheet(pictures, len(pictures)) if len(pictures) > 1 else pictures[0],
                            len(samples), sum(empty, []), shares)
