"""Lights and backgrounds; a background is (size, size, 3) uint8 BGR."""
from collections.abc import Sequence

import cv2
import numpy as np

from mmxas.registry import BACKGROUNDS, LIGHTS
from mmxas.synthesis.pictures import PictureStore
from mmxas.synthesis.renderers.shading import Light


@LIGHTS.register_module()
class RandomLight:
    """An ambient light and a directional one from the camera's half-space, mostly from above.

    Args:
        ambient: range of the ambient intensity.
        diffuse: range of the directional intensity.
        azimuth: largest angle to the left or right of the camera, degrees.
        elevation: range of the angle above the horizon, degrees.
        tint: largest relative difference between the colour channels.
    """

    def __init__(self, ambient: Sequence[float] = (0.35, 0.65), diffuse: Sequence[float] = (0.3, 0.75),
                 azimuth: float = 90, elevation: Sequence[float] = (-10, 75), tint: float = 0.1) -> None:
        self.ambient, self.diffuse = tuple(ambient), tuple(diffuse)
        self.azimuth, self.elevation, self.tint = azimuth, tuple(elevation), tint

    def sample(self, rng: np.random.Generator) -> Light:
        """Draw one light."""
        azimuth = np.deg2rad(rng.uniform(-self.azimuth, self.azimuth))
        elevation = np.deg2rad(rng.uniform(*self.elevation))
        direction = np.array([np.sin(azimuth) * np.cos(elevation), -np.sin(elevation),
                              -np.cos(azimuth) * np.cos(elevation)])
        ambient, diffuse = rng.uniform(*self.ambient), rng.uniform(*self.diffuse)
        tints = 1 + rng.uniform(-self.tint, self.tint, (2, 3))
        return Light(direction.astype(np.float32), (ambient * tints[0]).astype(np.float32),
                     (diffuse * tints[1]).astype(np.float32))


def random_window(image: np.ndarray, size: int, scale: Sequence[float], rng: np.random.Generator) -> np.ndarray:
    """Return a random square window, mirrored with probability 0.5, resampled to (size, size, 3).

    Args:
        image: (h, w, 3) uint8.
        size: side of the result in px.
        scale: range of the window's side, as a fraction of the image's shorter side, at most 1.
        rng: source of randomness.
    """
    h, w = image.shape[:2]
    side = max(2, int(min(h, w) * rng.uniform(*scale)))
    x, y = int(rng.integers(w - side + 1)), int(rng.integers(h - side + 1))
    window = image[y:y + side, x:x + side]
    if rng.random() < 0.5:
        window = window[:, ::-1]
    return cv2.resize(window, (size, size), interpolation=cv2.INTER_AREA if side > size else cv2.INTER_LINEAR)


def jitter_colors(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Apply random gain, offset and gamma per channel, within ``strength`` in [0, 1], through one lookup table."""
    gain = (1 + rng.uniform(-strength, strength)) * (1 + rng.uniform(-strength, strength, 3) / 2)
    gamma = np.exp(rng.uniform(-strength, strength))
    offset = rng.uniform(-strength, strength) * 0.3
    levels = (np.arange(256) / 255.0)[:, None] ** gamma * gain + offset
    table = (np.clip(levels, 0, 1) * 255 + 0.5).astype(np.uint8)
    return cv2.LUT(np.ascontiguousarray(image), table.reshape(1, 256, 3))


def paint_over(image: np.ndarray, mask: np.ndarray, side: int = 320, margin: float = 0.02) -> np.ndarray:
    """Return a smaller copy of a photo with the body inpainted, to be used as a background.

    Args:
        image: (h, w, 3) uint8 BGR.
        mask: (h, w), foreground not 0.
        side: Longest side of the result, px. Defaults to 320; a smaller photo keeps its size.
        margin: The mask is dilated by this fraction of the longest side. Defaults to 0.02.

    Returns:
        (h', w', 3) uint8 BGR.
    """
    longest = max(image.shape[:2])
    size = tuple(max(1, round(length * min(1.0, side / longest))) for length in image.shape[1::-1])
    body = cv2.resize((mask > 0).astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    reach = 2 * max(1, round(margin * max(size))) + 1
    body = cv2.dilate(body.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    return cv2.inpaint(cv2.resize(image, size, interpolation=cv2.INTER_AREA), body, 3, cv2.INPAINT_TELEA)


@BACKGROUNDS.register_module()
class PhotoBackground:
    """Random windows of photos.

    Args:
        folder: a folder of jpg or png files, searched recursively, or the name of a shipped one, or a list of either;
            all photos are equally likely. Shipped are ``'backgrounds'``, eight photos, and ``'environments'``, 18
            panoramas (see NOTICE in each). Defaults to None: the eight photos.
        scale: range of a window's side relative to the photo's shorter side.
        jitter: strength of the colour jitter in [0, 1].
        blur: largest standard deviation of a Gaussian blur, relative to the image's side.
        keep: number of decoded photos in the cache.

    Raises:
        FileNotFoundError: a folder does not exist or has no photo.
        ValueError: the list of folders is empty, or has a duplicate.
    """

    def __init__(self, folder: str | Sequence[str] | None = None, scale: Sequence[float] = (0.3, 1.0),
                 jitter: float = 0.3, blur: float = 0.01, keep: int = 64) -> None:
        self.photos = PictureStore('backgrounds' if folder is None else folder, keep)
        self.data_files = tuple(self.photos.files)
        self.scale, self.jitter, self.blur = tuple(scale), jitter, blur

    def sample(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """Draw one background.

        Args:
            size: side of the image, px.
            rng: source of all randomness.

        Returns:
            (size, size, 3) uint8 BGR.
        """
        image = jitter_colors(random_window(self.photos.draw(rng), size, self.scale, rng), self.jitter, rng)
        sigma = rng.uniform(0, self.blur) * size
        return cv2.GaussianBlur(image, (0, 0), sigma) if sigma > 0.3 else image


@BACKGROUNDS.register_module()
class NoiseBackground:
    """Smooth coloured noise: a random grid of colours, interpolated, with fine grain on top.

    Args:
        cells: range of the number of grid cells along a side. Default: (1, 12).
        grain: largest standard deviation of the grain, in grey levels. Default: 12.
    """

    def __init__(self, cells: Sequence[int] = (1, 12), grain: float = 12) -> None:
        self.cells, self.grain = tuple(cells), grain

    def sample(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """Draw one background.

        Args:
            size: side of the image, px.
            rng: source of all randomness.

        Returns:
            (size, size, 3) uint8 BGR.
        """
        n = int(rng.integers(self.cells[0], self.cells[1] + 1)) + 1
        spread = rng.uniform(0, 128)
        grid = rng.uniform(0, 255, 3) + rng.uniform(-spread, spread, (n, n, 3))
        image = cv2.resize(grid.astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
        image += rng.standard_normal((size, size, 1), dtype=np.float32) * np.float32(rng.uniform(0, self.grain))
        return np.clip(image, 0, 255).astype(np.uint8)


@BACKGROUNDS.register_module()
class PlainBackground:
    """Background of one colour.

    Args:
        color: BGR in 0 … 255; None for a random colour per sample. Default: black, like a removed background.
    """

    def __init__(self, color: Sequence[int] | None = (0, 0, 0)) -> None:
        self.color = None if color is None else tuple(color)

    def sample(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """Draw one background.

        Args:
            size: side of the image, px.
            rng: source of all randomness.

        Returns:
            (size, size, 3) uint8 BGR.
        """
        color = rng.integers(0, 256, 3) if self.color is None else self.color
        return np.broadcast_to(np.asarray(color, np.uint8), (size, size, 3)).copy()
