"""Salient object segmentation with U²-Net, run by ONNX Runtime.

h, w: size of the image; S: side of the network's input, 320 px.
"""
from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.logging import print_log

from mmxas.compat.onnx_runtime import open_session
from mmxas.registry import SEGMENTERS

from .saliency_weights import WEIGHTS, MissingWeightsError, find_saliency_weights
from .segmenter import Segmenter, crop_window

SIDE = 320
_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)  # RGB of ImageNet
_STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)


@SEGMENTERS.register_module()
class SaliencySegmenter(Segmenter):
    """Segment the salient object, a person or anything else, with U²-Net (Qin et al. 2020).

    With a box, the network processes the box with a margin, and everything outside is background. Without one, it
    processes the whole image. It works offline and in the workers of a data loader; each process opens its own session.

    Args:
        weights: ``'u2netp'`` (4.6 MB), ``'u2net'`` (176 MB, twice as slow), or an ``.onnx`` file with the same inputs
            and outputs. Defaults to ``'u2netp'``.
        margin: Margin around the box, as a fraction of its larger side. Defaults to 0.25.
        threshold: Saliency from which a pixel is foreground, in (0, 1). Defaults to 0.5.
        part: :meth:`find_boxes` keeps components with at least this share of the largest one's area. Defaults to 0.15.
        min_saliency: The image has no salient object if the network's output is below this everywhere. Defaults to 0.5.
        providers: Execution providers of ONNX Runtime. Defaults to None: the CPU.

    Raises:
        MissingWeightsError: The named weights are not installed, or there is no such file.
        ValueError: An argument is out of range, the sha256 of the named weights is wrong, or the file is not such a
            model.
    """

    def __init__(self, weights: str | Path = 'u2netp', margin: float = 0.25, threshold: float = 0.5,
                 part: float = 0.15, min_saliency: float = 0.5, providers: list[str] | None = None) -> None:
        if margin < 0 or not 0 < threshold < 1 or not 0 < part <= 1 or not 0 <= min_saliency < 1:
            raise ValueError(f'margin={margin}, threshold={threshold}, part={part}, min_saliency={min_saliency}: '
                             'expected margin >= 0, 0 < threshold < 1, 0 < part <= 1, 0 <= min_saliency < 1')
        self.margin, self.threshold, self.part, self.min_saliency = margin, threshold, part, min_saliency
        self.providers = list(providers or ['CPUExecutionProvider'])
        # Per process: a session does not survive a fork, and deleting an inherited one waits for threads that are gone.
        self._sessions: dict[int, Any] = {}
        if weights in WEIGHTS:
            self.path = find_saliency_weights(str(weights))
        else:
            self.path = Path(weights)
            if not self.path.is_file():
                raise MissingWeightsError(f'{self.path}: no such file; give an .onnx file or one of {sorted(WEIGHTS)}')
            self._session()  # raises for a wrong file now instead of at the first image

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the sessions, which cannot be copied."""
        return {**self.__dict__, '_sessions': {}}

    def segment(self, image: np.ndarray, box: np.ndarray | None = None) -> np.ndarray:
        """Segment the body; see :class:`Segmenter`.

        The mask is empty if nothing is salient.

        Raises:
            ValueError: The box does not lie in the image.
        """
        x0, y0, x1, y1 = crop_window([0, 0, *image.shape[1::-1]] if box is None else box, self.margin, image.shape)
        mask = np.zeros(image.shape[:2], dtype=bool)
        saliency = self.saliency(image[y0:y1, x0:x1])
        if saliency.max() >= self.min_saliency:
            mask[y0:y1, x0:x1] = scaled_map(saliency, (y1 - y0, x1 - x0)) > self.threshold
        return mask

    def find_boxes(self, image: np.ndarray) -> np.ndarray:
        """Return one box per salient component of the whole image, largest first; see :class:`Segmenter`."""
        return part_boxes(self.segment(image), self.part)

    def saliency(self, image: np.ndarray) -> np.ndarray:
        """Return the network's first output for an image (h, w, 3) uint8 BGR: (S, S) float32 in [0, 1]."""
        session = self._session()
        output = session.run([session.get_outputs()[0].name], {session.get_inputs()[0].name: network_input(image)})
        return output[0][0, 0]

    def _session(self) -> Any:
        """Return the session of this process."""
        if os.getpid() not in self._sessions:
            self._sessions[os.getpid()] = open_network(self.path, self.providers)
        return self._sessions[os.getpid()]


def default_segmenter() -> dict[str, Any]:
    """Return the config of the default segmenter: ``SaliencySegmenter``, or GrabCut if its weights are missing.

    In the latter case a warning shows the command that installs the weights.

    Raises:
        ValueError: The sha256 of the installed weights is wrong.
    """
    try:
        find_saliency_weights('u2netp')
    except MissingWeightsError as error:
        print_log(f'masks are made by GrabCut, which needs a box and is less exact: {error}', 'current',
                  logging.WARNING)
        return dict(type='GrabCutSegmenter')
    return dict(type='SaliencySegmenter')


def open_network(path: Path, providers: list[str]) -> Any:
    """Open a session of ONNX Runtime with U²-Net, with as many threads as torch uses.

    Args:
        path: The ``.onnx`` file.
        providers: Execution providers.

    Raises:
        ValueError: ONNX Runtime cannot read the file, or its input or first output has another shape.
    """
    try:
        session = open_session(str(path), providers)
    except ValueError as error:
        raise ValueError(f'{path}: ONNX Runtime cannot read it: {error}') from error
    inputs, outputs = ([list(entry.shape) for entry in entries]
                       for entries in (session.get_inputs(), session.get_outputs()))
    if len(inputs) != 1 or not _fits(inputs[0], [1, 3, SIDE, SIDE]) or not _fits(outputs[0], [1, 1, SIDE, SIDE]):
        raise ValueError(f'{path}: inputs {inputs} and outputs {outputs}; one input (1, 3, {SIDE}, {SIDE}) and a first '
                         f'output (1, 1, {SIDE}, {SIDE}) expected, as U²-Net has')
    return session


def _fits(shape: list, wanted: list[int]) -> bool:
    """Return whether a shape matches; names and None stand for any size."""
    return len(shape) == len(wanted) and all(not isinstance(size, int) or size == want
                                             for size, want in zip(shape, wanted, strict=True))


def network_input(image: np.ndarray) -> np.ndarray:
    """Return the network's input (1, 3, S, S) float32 for an image (h, w, 3) uint8 BGR."""
    way = cv2.INTER_AREA if min(image.shape[:2]) > SIDE else cv2.INTER_LINEAR
    small = cv2.resize(np.ascontiguousarray(image[..., ::-1]), (SIDE, SIDE), interpolation=way).astype(np.float32)
    small /= max(float(small.max()), 1.0)
    return np.ascontiguousarray(((small - _MEAN) / _STD).transpose(2, 0, 1)[None])


def scaled_map(saliency: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scale a map from its minimum and maximum to [0, 1], and resize it.

    Args:
        saliency: (S, S).
        size: (h, w) of the result.

    Returns:
        (h, w) float32 in [0, 1]; all 0 for a constant map.
    """
    low, high = float(saliency.min()), float(saliency.max())
    scaled = (saliency - low) / max(high - low, 1e-6)
    return cv2.resize(scaled.astype(np.float32), size[::-1], interpolation=cv2.INTER_LINEAR)


def part_boxes(mask: np.ndarray, share: float, smallest: float = 0.002) -> np.ndarray:
    """Return the boxes of the connected components (8 neighbours) of a mask, largest first.

    Args:
        mask: (h, w) bool.
        share: Components below this share of the largest one's area are dropped.
        smallest: Components below this share of the image are dropped, too. Defaults to 0.002.

    Returns:
        (N, 4) float32 x0, y0, x1, y1 in px on pixel edges.
    """
    stats = cv2.connectedComponentsWithStats(mask.astype(np.uint8))[2][1:]
    areas = stats[:, cv2.CC_STAT_AREA]
    order = np.argsort(-areas, kind='stable')
    kept = stats[[i for i in order if areas[i] >= max(share * areas.max(), smallest * mask.size)]]
    corners = kept[:, [cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP]]
    return np.concatenate([corners, corners + kept[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]], 1).astype(np.float32)
