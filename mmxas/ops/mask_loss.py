"""Loss of a drawn or generated mask against the foreground mask (one term of equation 8).

Symbols: N batch, h and w height and width of the mask. Masks are soft, in [0, 1].
"""
import cv2
import numpy as np
import torch
from torch import Tensor

from .checks import check_choice, check_shape

CLIPS = (None, 'pixel', 'released')


def mask_error_map(prediction: Tensor, target: Tensor, weights: Tensor | None = None, clip: str | None = None,
                   clip_threshold: float = 0.1) -> Tensor:
    """Return the squared error of a mask per pixel; its mean is :func:`mask_loss`.

    Args:
        prediction: (N, 1, h, w) in [0, 1].
        target: (N, 1, h, w) in [0, 1].
        weights: (N, 1, h, w) weight of each pixel, e.g. from :func:`distance_weights`; None means 1.
        clip: None: all pixels count (the paper). ``'pixel'``: only pixels where the prediction exceeds the threshold
            count. ``'released'``: the mean squared error of all pixels is assigned to each pixel where the prediction
            exceeds the threshold (the released code).
        clip_threshold: Threshold of the clip.

    Returns:
        (N, 1, h, w) float32.

    Raises:
        ValueError: If shapes disagree or ``clip`` is unknown.
    """
    check_choice(clip, CLIPS, 'clip')
    check_shape(prediction, ('N', 1, 'h', 'w'), 'prediction')
    check_shape(target, tuple(prediction.shape), 'target')
    with torch.autocast(device_type=prediction.device.type, enabled=False):
        prediction = prediction if prediction.dtype == torch.float64 else prediction.float()
        error = (prediction - target.to(prediction.dtype)).square()
        if clip is not None:
            kept = (prediction.detach() > clip_threshold).to(error.dtype)
            error = (error.mean() if clip == 'released' else error) * kept
        if weights is not None:
            check_shape(weights, tuple(prediction.shape), 'weights')
            error = error * weights.to(error.dtype)
    return error


def mask_loss(prediction: Tensor, target: Tensor, weights: Tensor | None = None, clip: str | None = None,
              clip_threshold: float = 0.1) -> Tensor:
    """Return the mean squared error of a mask (one term of equation 8, with mean instead of sum).

    Args:
        prediction: (N, 1, h, w) in [0, 1].
        target: (N, 1, h, w) in [0, 1].
        weights: (N, 1, h, w) weight of each pixel; None means 1.
        clip: None, ``'pixel'`` or ``'released'``; see :func:`mask_error_map`.
        clip_threshold: Threshold of the clip.

    Returns:
        Scalar, the mean of :func:`mask_error_map` over all pixels.
    """
    return mask_error_map(prediction, target, weights, clip, clip_threshold).mean()


def distance_weights(mask: np.ndarray, outside: float = 1.0, inside: float = 0.0) -> np.ndarray:
    """Return pixel weights that grow with the distance to the mask's outline.

    A pixel at distance d px outside the mask has weight ``1 + outside * d / side``, one inside
    ``1 + inside * d / side``, with side the larger of h and w.

    Args:
        mask: (..., h, w); a pixel belongs to the mask above 0.5 (127 for uint8).
        outside: Gain outside the mask.
        inside: Gain inside the mask.

    Returns:
        (..., h, w) float32; 1 for an empty or full mask.

    Raises:
        ValueError: If the mask has fewer than two axes.
    """
    mask = np.asarray(mask)
    check_shape(mask, ('...', 'h', 'w'), 'mask')
    binary = (mask > (127 if mask.dtype == np.uint8 else 0.5)).astype(np.uint8)
    flat = binary.reshape(-1, *mask.shape[-2:])
    weights = np.ones(flat.shape, np.float32)
    for one, out in zip(flat, weights):
        if 0 < one.sum() < one.size:
            gains = ((1 - one, outside), (one, inside))
            for region, gain in gains:
                out += gain / max(one.shape) * cv2.distanceTransform(region, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return weights.reshape(mask.shape)
