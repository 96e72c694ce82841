"""Photometric transforms of the crop: light and colour, sharpness, occluders, background.

They run on the uint8 crop, after :class:`SquareCropAffine`, and draw from NumPy's global generator, which the data set
seeds per sample.
"""
from __future__ import annotations

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmxas.registry import TRANSFORMS

_GREY = np.array([0.114, 0.587, 0.299])  # BGR


def colour_matrix(saturation: float, hue: float, contrast: float, brightness: float, gains: np.ndarray,
                  mean: float) -> np.ndarray:
    """Return one affine map of BGR that combines five colour changes.

    Args:
        saturation: 0 makes the image grey, 1 keeps it.
        hue: Rotation of colours about the grey axis in radians.
        contrast: Factor of the difference from ``mean``.
        brightness: Grey levels (of 255) to add.
        gains: One factor per channel (3,).
        mean: The grey level that contrast does not change.

    Returns:
        Matrix (3, 4) float64.
    """
    grey = np.tile(_GREY, (3, 1))
    cos, sin = np.cos(hue), np.sin(hue)
    turn = np.full((3, 3), (1 - cos) / 3) + cos * np.eye(3)
    turn += sin / np.sqrt(3) * np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    linear = contrast * gains[:, None] * ((saturation * np.eye(3) + (1 - saturation) * grey) @ turn)
    offset = np.full((3, 1), brightness + (1 - contrast) * mean)
    return np.concatenate([linear, offset], axis=1)


@TRANSFORMS.register_module()
class RandomPhotometric(BaseTransform):
    """Change light, colour and sharpness at random.

    Modified key: ``img`` (S, S, 3) uint8 BGR.

    Args:
        brightness: Largest change in grey levels of 255. Defaults to 40.
        contrast: Smallest and largest contrast. Defaults to (0.6, 1.4).
        saturation: Smallest and largest saturation. Defaults to (0.3, 1.6).
        hue: Largest rotation of the colours in degrees. Defaults to 15.
        channel_gain: Largest relative change of a single channel. Defaults to 0.15.
        gamma: Largest factor or divisor of the exponent. Defaults to 1.4.
        grey_prob: Probability of a grey image. Defaults to 0.1.
        blur_prob: Probability of a blur. Defaults to 0.3.
        blur_sigma: Smallest and largest Gaussian width in px for a crop of 128 px; scales with the crop. Defaults to
            (0.4, 1.6).
        low_resolution_prob: Probability of simulating a lower resolution. Defaults to 0.15.
        noise_prob: Probability of noise. Defaults to 0.4.
        noise: Largest amplitude of the noise in grey levels. Defaults to 20.
        jpeg_prob: Probability of JPEG compression as the last step. Defaults to 0.
        jpeg_quality: Lowest and highest JPEG quality, in 1 … 100. Defaults to (20, 90).
    """

    def __init__(self, brightness: float = 40.0, contrast: tuple[float, float] = (0.6, 1.4),
                 saturation: tuple[float, float] = (0.3, 1.6), hue: float = 15.0, channel_gain: float = 0.15,
                 gamma: float = 1.4, grey_prob: float = 0.1, blur_prob: float = 0.3,
                 blur_sigma: tuple[float, float] = (0.4, 1.6), low_resolution_prob: float = 0.15,
                 noise_prob: float = 0.4, noise: float = 20.0, jpeg_prob: float = 0.0,
                 jpeg_quality: tuple[int, int] = (20, 90)) -> None:
        self.brightness, self.contrast, self.saturation = brightness, tuple(contrast), tuple(saturation)
        self.hue, self.channel_gain, self.gamma, self.grey_prob = hue, channel_gain, gamma, grey_prob
        self.blur_prob, self.blur_sigma, self.low_resolution_prob = blur_prob, tuple(blur_sigma), low_resolution_prob
        self.noise_prob, self.noise = noise_prob, noise
        self.jpeg_prob, self.jpeg_quality = jpeg_prob, tuple(jpeg_quality)

    def transform(self, results: dict) -> dict:
        """Change one crop."""
        image = self._colour(results['img'])
        if np.random.rand() < self.low_resolution_prob:
            image = _low_resolution(image, np.random.uniform(1.5, 3.0))
        elif np.random.rand() < self.blur_prob:
            sigma = np.random.uniform(*self.blur_sigma) * image.shape[0] / 128
            image = cv2.GaussianBlur(image, (0, 0), sigma)
        if np.random.rand() < self.noise_prob:
            image = _add_noise(image, np.random.uniform(0, self.noise))
        if self.jpeg_prob and np.random.rand() < self.jpeg_prob:
            image = _through_jpeg(image, np.random.randint(self.jpeg_quality[0], self.jpeg_quality[1] + 1))
        results['img'] = image
        return results

    def _colour(self, image: np.ndarray) -> np.ndarray:
        grey = np.random.rand() < self.grey_prob
        matrix = colour_matrix(
            saturation=0.0 if grey else np.random.uniform(*self.saturation),
            hue=np.deg2rad(np.random.uniform(-self.hue, self.hue)),
            contrast=np.random.uniform(*self.contrast),
            brightness=np.random.uniform(-self.brightness, self.brightness),
            gains=1 + np.random.uniform(-self.channel_gain, self.channel_gain, size=3) * (not grey),
            mean=float(image[::8, ::8].mean()))
        gamma = np.exp(np.random.uniform(-1, 1) * np.log(self.gamma))
        curve = (255 * np.linspace(0, 1, 256)**gamma).round().astype(np.uint8)
        return cv2.LUT(cv2.transform(image, matrix.astype(np.float32)), curve)


def _low_resolution(image: np.ndarray, factor: float) -> np.ndarray:
    size = image.shape[1], image.shape[0]
    small = tuple(max(1, round(side / factor)) for side in size)
    return cv2.resize(cv2.resize(image, small, interpolation=cv2.INTER_AREA), size, interpolation=cv2.INTER_LINEAR)


def _add_noise(image: np.ndarray, amplitude: float) -> np.ndarray:
    """Add triangular noise in (-amplitude, amplitude), independent per pixel and channel."""
    raw = np.frombuffer(np.random.bytes(2 * image.size), dtype=np.uint8).reshape(2, *image.shape)
    scale = amplitude / 255
    return cv2.add(image, cv2.addWeighted(raw[0], scale, raw[1], -scale, 0, dtype=cv2.CV_16S), dtype=cv2.CV_8U)


def _through_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    return cv2.imdecode(cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


@TRANSFORMS.register_module()
class RandomOccluder(BaseTransform):
    """Cover parts of the crop with boxes and ellipses of one colour, of noise, or of another part of the image.

    The mask does not change: it marks the whole body, not only its visible part.

    Modified key: ``img`` (S, S, 3) uint8.

    Args:
        prob: Probability of any occluder. Defaults to 0.4.
        max_num: Largest number of occluders. Defaults to 2.
        size: Smallest and largest side of an occluder as a fraction of the crop's. Defaults to (0.08, 0.3).

    Raises:
        ValueError: ``size`` is not a range within (0, 1).
    """

    def __init__(self, prob: float = 0.4, max_num: int = 2, size: tuple[float, float] = (0.08, 0.3)) -> None:
        if not 0 < size[0] <= size[1] < 1:
            raise ValueError(f'size={size}: 0 < smallest <= largest < 1 expected')
        self.prob, self.max_num, self.size = prob, max_num, tuple(size)

    def transform(self, results: dict) -> dict:
        """Cover parts of one crop, or return it unchanged."""
        if np.random.rand() < self.prob:
            image = results['img'].copy()
            for _ in range(np.random.randint(1, self.max_num + 1)):
                self._cover(image)
            results['img'] = image
        return results

    def _cover(self, image: np.ndarray) -> None:
        side = image.shape[0]
        width, height = (np.random.uniform(*self.size, size=2) * side).astype(int) + 1
        x, y = np.random.randint(0, side - width + 1), np.random.randint(0, side - height + 1)
        window = image[y:y + height, x:x + width]
        kind = np.random.randint(3)
        if kind == 0:
            cover = np.empty_like(window)
            cover[:] = np.random.randint(0, 256, size=3)
        elif kind == 1:
            coarse = np.random.randint(0, 256, size=(4, 4, 3)).astype(np.uint8)
            cover = cv2.resize(coarse, (int(width), int(height)), interpolation=cv2.INTER_CUBIC)
        else:
            u, v = np.random.randint(0, side - width + 1), np.random.randint(0, side - height + 1)
            cover = image[v:v + height, u:u + width].copy()
        if np.random.rand() < 0.5:
            shape = np.zeros((height, width), np.uint8)
            centre, axes = (int(width) // 2, int(height) // 2), (int(width) // 2, int(height) // 2)
            cv2.ellipse(shape, centre, axes, 0, 0, 360, 1, -1)
            cover = np.where(shape[..., None] > 0, cover, window)
        window[:] = cover


@TRANSFORMS.register_module()
class RandomBackground(BaseTransform):
    """Replace the background if the mask is known.

    Backgrounds are smooth colour fields of random coarseness, plain colours, or the old background with permuted
    colours.

    Required key: ``img`` (S, S, 3) uint8. Optional key: ``mask`` (S, S) float32 in [0, 1]. Modified key: ``img``.

    Args:
        prob: Probability of a new background. Defaults to 0.3.
    """

    def __init__(self, prob: float = 0.3) -> None:
        self.prob = prob

    def transform(self, results: dict) -> dict:
        """Change the background of one crop, or return it unchanged."""
        if results.get('mask') is not None and np.random.rand() < self.prob:
            results['img'] = _blend(results['img'], self._background(results['img']), results['mask'])
        return results

    @staticmethod
    def _background(image: np.ndarray) -> np.ndarray:
        size = image.shape[1], image.shape[0]
        kind = np.random.randint(4)
        if kind == 0:
            return np.broadcast_to(np.random.randint(0, 256, size=3).astype(np.uint8), image.shape)
        if kind == 1:
            image = image[..., np.random.permutation(3)]
            return 255 - image if np.random.rand() < 0.5 else np.ascontiguousarray(image)
        cells = np.random.randint(2, 5) if kind == 2 else np.random.randint(8, 33)
        field = np.random.randint(0, 256, size=(cells, cells, 3)).astype(np.uint8)
        return cv2.resize(field, size, interpolation=cv2.INTER_CUBIC)


@TRANSFORMS.register_module()
class RemoveBackground(BaseTransform):
    """Paint everything outside the mask in one colour, as in training and testing of the released code.

    Without a mask the image is not changed. With ``prob`` below 1 the detector learns inputs with and without
    background.

    Required key: ``img`` (S, S, 3) uint8. Optional keys: ``mask`` (S, S) float32 in [0, 1], and ``segmented_mask``,
    which :class:`RandomMaskErrors` adds and which takes precedence, and ``mask_source``, which
    :class:`~mmxas.datasets.transforms.SegmentInBox` adds. Modified key: ``img``. Added key, if the background is
    removed: ``background``, which describes the source of the masks and appears in evaluation results.

    Args:
        colour: BGR, 0 to 255. Defaults to black.
        prob: Probability of removing the background. Defaults to 1.

    Raises:
        ValueError: ``prob`` is not a probability.
    """

    def __init__(self, colour: tuple[int, int, int] = (0, 0, 0), prob: float = 1.0) -> None:
        if not 0 <= prob <= 1:
            raise ValueError(f'prob={prob}, expected 0 to 1')
        self.colour, self.prob = np.array(colour, dtype=np.uint8), prob

    def transform(self, results: dict) -> dict:
        """Remove the background of one crop, or return it unchanged."""
        mask = results.get('segmented_mask', results.get('mask'))
        if mask is not None and (self.prob == 1 or np.random.rand() < self.prob):
            background = np.broadcast_to(self.colour, results['img'].shape)
            results['img'] = _blend(results['img'], background, mask)
            results['background'] = f'removed by masks of {results.get("mask_source", "the data set")}'
        return results


def _blend(image: np.ndarray, background: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return mask * image + (1 - mask) * background, uint8."""
    mask = np.ascontiguousarray(mask, dtype=np.float32)
    return cv2.blendLinear(image, np.ascontiguousarray(background), mask, 1 - mask)
