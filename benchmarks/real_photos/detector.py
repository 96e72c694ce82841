"""Predict photos by one pass of the network, with several decodings. H: hypotheses, K: keypoints."""
from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.dataset import pseudo_collate

from mmxas.apis import XASInferencer
from mmxas.datasets.transforms import SegmentInBox
from mmxas.evaluation.hypothesis_selection import counted_poses
from mmxas.io.images import read_image

from .photos import Photo

DECODINGS = ('eq. 2', 'window')
WINDOW = 5  # bins, if the config tests without xy_window
BATCH = 32


@dataclass(frozen=True)
class Prediction:
    """Hypotheses of one photo, the top-1 pose first, by one decoding.

    Attributes:
        poses: (H, K, 3), x and y in px of the image, z times the side of the crop in px.
        counted: (H,) bool, whether a hypothesis counts as a pose.
    """

    poses: np.ndarray
    counted: np.ndarray


class Masks:
    """A segmenter that caches the mask of each box of an image, and measures the time.

    Args:
        segmenter: The wrapped segmenter.

    Attributes:
        name: Type of the segmenter.
        seconds: Time of each computed mask.
    """

    def __init__(self, segmenter: Any) -> None:
        self.name, self.seconds = type(segmenter).__name__, []
        self._segmenter, self._known = segmenter, {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._segmenter, name)

    def segment(self, image: np.ndarray, box: np.ndarray | None = None) -> np.ndarray:
        """Segment the body in an image (h, w, 3) uint8 BGR and a box (4,) px: (h, w) bool."""
        box_key = None if box is None else np.asarray(box, dtype=np.float32).tobytes()
        key = hashlib.sha256(image).digest(), box_key
        if key not in self._known:
            start = time.perf_counter()
            self._known[key] = self._segmenter.segment(image, box)
            self.seconds.append(time.perf_counter() - start)
        return self._known[key]


class Detector:
    """A model of :class:`XASInferencer` that runs the network once per crop for all decodings.

    Args:
        model: Name of a shipped model, config, and weights, as in the inferencer.
        segmenter: Config of a segmenter that replaces the pipeline's. Defaults to None: the pipeline's own.

    Attributes:
        masks: The segmenter, even if the pipeline needs none.
        seconds: Time of crops, network and one decoding, without masks.
        photos: Number of photos in this time.
    """

    def __init__(self, model: Sequence[str], segmenter: dict | None = None) -> None:
        self.inferencer = XASInferencer(*model, depth_heatmaps=False)
        self.seconds, self.photos = 0.0, 0
        steps = [step for step in self.inferencer.pipeline.transforms if isinstance(step, SegmentInBox)]
        own = steps[0] if steps and segmenter is None else SegmentInBox(segmenter)
        self.masks = Masks(own.segmenter)
        for step in steps:
            step.segmenter = self.masks

    def predict(self, photos: Sequence[Photo], pipeline: Compose | None = None) -> dict[str, list[Prediction]]:
        """Return the predictions of the photos by each decoding.

        Args:
            photos: The photos.
            pipeline: Pipeline that also receives the true masks. Defaults to None: the test pipeline, without masks.
        """
        found: dict[str, list[Prediction]] = {name: [] for name in DECODINGS}
        for first in range(0, len(photos), BATCH):
            for name, predictions in self._batch(photos[first:first + BATCH], pipeline).items():
                found[name].extend(predictions)
        return found

    def _sample(self, photo: Photo, pipeline: Compose | None) -> dict[str, Any]:
        info = dict(self.inferencer.model.dataset_meta, img=read_image(photo.image), img_path=str(photo.image),
                    bbox=photo.box[None].astype(np.float32), bbox_score=np.ones(1, dtype=np.float32))
        if pipeline is None:
            return self.inferencer.pipeline(info)
        return pipeline(dict(info, mask=photo.mask.astype(np.uint8) * 255))

    @torch.no_grad()
    def _batch(self, photos: Sequence[Photo], pipeline: Compose | None) -> dict[str, list[Prediction]]:
        start = time.perf_counter() - sum(self.masks.seconds)
        model = self.inferencer.model
        samples = [self._sample(photo, pipeline) for photo in photos]
        data = model.data_preprocessor(pseudo_collate(samples), False)
        crops = model.test_views(data['inputs'], data['data_samples'])
        feats = model.test_features(crops, data['data_samples'])
        volume = model.head.test_volume(feats, data['data_samples'], model.test_cfg)
        network = time.perf_counter() - sum(self.masks.seconds) - start
        found = {}
        own = model.head.decoding(model.test_cfg)
        for name, window in zip(DECODINGS, (None, own.xy_window or WINDOW), strict=True):
            start = time.perf_counter()
            decoded, _ = model.head.decode_volume(volume, dict(decoding=dict(asdict(own), xy_window=window)))
            instances = model.head.pack(decoded, data['data_samples'])
            decode = time.perf_counter() - start
            found[name] = [_prediction(sample) for sample in
                           model.add_pred_to_datasample(instances, None, data['data_samples'])]
        self.seconds, self.photos = self.seconds + network + decode, self.photos + len(photos)
        return found


def _prediction(sample: Any) -> Prediction:
    """Return the hypotheses of a sample that was decoded without a camera."""
    predicted = sample.pred_instances
    side = float(np.max(sample.metainfo['input_scale']))
    return Prediction(np.array(predicted.hypotheses[0], dtype=np.float64) * [1, 1, side],
                      counted_poses(np.asarray(predicted.hypothesis_valid))[0])
