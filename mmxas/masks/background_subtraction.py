"""Background subtraction for a fixed camera."""
from __future__ import annotations

import contextlib
from collections.abc import Sequence

import cv2
import numpy as np

from mmxas.io.images import UnreadableImageError
from mmxas.registry import SEGMENTERS

from .segmenter import Segmenter, clip_box, inside_box, main_components


@SEGMENTERS.register_module()
class BackgroundSubtractor(Segmenter):
    """Compare each image of a fixed camera with the median of its sequence; boxes are optional.

    A body that does not move for half of the sequence becomes background, so use long sequences.

    Args:
        num_frames: Number of images, evenly spread over the sequence, for the median. Defaults to 60.
        threshold: A foreground pixel differs by more than this many standard deviations of the sequence's noise.
            Defaults to 5.
        smallest: It also differs by more than this, in 8-bit ``L*a*b*``. Defaults to 12.
        closing: Gaps up to this size in px are closed, specks up to half of it are removed. Defaults to 5.
        single: Keep the largest connected part only. Defaults to True.

    Raises:
        ValueError: A number is out of range.
    """

    needs_sequence = True

    def __init__(self, num_frames: int = 60, threshold: float = 5.0, smallest: float = 12.0, closing: int = 5,
                 single: bool = True) -> None:
        if num_frames < 3 or not threshold > 0 or smallest < 0 or closing < 0:
            raise ValueError(f'num_frames={num_frames}, threshold={threshold}, smallest={smallest}, closing={closing}: '
                             'expected num_frames >= 3, threshold > 0, the others >= 0')
        self.num_frames, self.threshold, self.smallest = num_frames, threshold, smallest
        self.closing, self.single = closing, single
        self.background: np.ndarray | None = None
        self.noise: np.ndarray | None = None

    def start_sequence(self, images: Sequence[np.ndarray]) -> None:
        """Compute the median of a sequence.

        Args:
            images: All images of one camera, (h, w, 3) uint8 BGR.

        Raises:
            ValueError: Fewer than three images can be read, or their sizes differ.
        """
        chosen = np.unique(np.linspace(0, len(images) - 1, min(self.num_frames, len(images))).round().astype(int))
        frames = []
        for index in chosen:
            with contextlib.suppress(UnreadableImageError):  # reported when its own mask is made
                frames.append(images[int(index)])
        if len(frames) < 3:
            raise ValueError(f'BackgroundSubtractor: {len(frames)} of {len(chosen)} images of this camera can be read, '
                             'at least 3 expected (a sequence is a folder, or set by --sequence)')
        shapes = sorted({frame.shape for frame in frames})
        if len(shapes) > 1:
            raise ValueError(f'BackgroundSubtractor: images of one camera must have one size, found {shapes}')
        stack = np.stack([cv2.cvtColor(frame, cv2.COLOR_BGR2LAB) for frame in frames])
        self.background = np.median(stack, axis=0).astype(np.float32)
        deviation = np.median(np.abs(stack - self.background).max(axis=3), axis=0)
        self.noise = 1.4826 * deviation.astype(np.float32)  # standard deviation of a normal distribution

    def segment(self, image: np.ndarray, box: np.ndarray | None = None) -> np.ndarray:
        """Segment the foreground, within the box if given; see :class:`Segmenter`.

        Raises:
            RuntimeError: No sequence was started.
            ValueError: The image's size differs from the sequence's.
        """
        if self.background is None:
            raise RuntimeError('BackgroundSubtractor: call start_sequence with the images of the camera first')
        if image.shape != self.background.shape:
            raise ValueError(f'image of {image.shape}, but the background of its camera has {self.background.shape}')
        lab = cv2.cvtColor(image, cv2.COLOR_BGR2LAB).astype(np.float32)
        difference = np.abs(lab - self.background).max(axis=2)
        mask = difference > np.maximum(self.smallest, self.threshold * self.noise)
        if box is not None:
            mask &= inside_box(clip_box(box, image.shape), image.shape)
        mask = _morphology(_morphology(mask, cv2.MORPH_OPEN, self.closing // 2), cv2.MORPH_CLOSE, self.closing)
        return main_components(mask) if self.single else mask


def _morphology(mask: np.ndarray, operation: int, size: int) -> np.ndarray:
    """Open or close a mask (h, w) bool by a disc of ``size`` px."""
    if size < 2:
        return mask
    odd = size | 1  # OpenCV shifts a mask if the size is even
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (odd, odd))
    return cv2.morphologyEx(mask.astype(np.uint8), operation, disc) > 0
