"""Definition of the foreground of a mask, shared by all readers, checks, metrics and converters."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageOps

from mmxas.io.images import decode_image, open_image, read_image_bytes

MAX_LABELS = 32  # an image with more distinct values is not a label image
VOID = 255  # index of palette images that is neither body nor background
NOISE = 5  # deviation from black or white in a JPEG, in levels of 255
BORDER, LARGE = 0.9, 0.25  # a mask that covers more than these shares of border and image is inverted
FULL, EMPTY = 0.99, 0.001  # foreground shares above and below which a mask counts as full or empty
NEARLY_ALL = 0.9


class Foreground(NamedTuple):
    """Foreground of a mask.

    Attributes:
        mask: (H, W) bool.
        rule: Description of the rule that was applied.
    """

    mask: np.ndarray
    rule: str


class AmbiguousMaskError(ValueError):
    """Raised for a mask that can be interpreted in two ways.

    Args:
        message: What was found, and how to fix it.
        kind: ``'inverted'`` or ``'several ids'``.
        mask: (H, W) bool, foreground according to the definition.
    """

    def __init__(self, message: str, kind: str, mask: np.ndarray) -> None:
        super().__init__(message)
        self.kind, self.mask = kind, mask


def read_mask(path: str | Path, ids: Sequence[int] | None = None) -> np.ndarray:
    """Return the foreground of a mask file.

    * Palette image: all indices but 0 (background, whatever its colour) and 255 (void) are foreground.
    * Image with transparent parts: pixels more than half opaque are foreground.
    * Integers with at most 32 distinct values (0 and 1, 0 and 255, ids): non-zero pixels are foreground. This excludes
      two values with noise around each, as in a JPEG that was saved again as a PNG.
    * All other images, including all JPEGs: pixels above half of the largest value are foreground. For colour images,
      the largest channel counts.

    Args:
        path: The file.
        ids: Values, or palette indices, that are foreground instead of the definition above; no mask is then
            ambiguous. A JPEG has the values 0 and 255. Defaults to None: the definition above.

    Returns:
        (H, W) bool.

    Raises:
        UnreadableImageError: The file is absent, truncated or no image.
        AmbiguousMaskError: The mask seems inverted, or has areas of several ids. The message names the file.
    """
    return inspect_mask(path, ids).mask


def inspect_mask(path: str | Path, ids: Sequence[int] | None = None) -> Foreground:
    """Return the foreground of a mask file and the applied rule.

    Arguments and errors are those of :func:`read_mask`.
    """
    values, kind = _load(read_image_bytes(path), str(path), ids is None)
    found = foreground(values, kind, ids)
    if ids is None and kind != 'alpha':
        _refuse_several(values, found, path)
    if ids is None:
        _refuse_inverted(found.mask, path)
    return found


def foreground(values: np.ndarray, kind: str = 'values', ids: Sequence[int] | None = None,
               peak: float | None = None) -> Foreground:
    """Apply the definition of :func:`read_mask` to an array, without raising on ambiguous masks.

    Args:
        values: (H, W) or (H, W, C) of any type.
        kind: ``'values'``; ``'palette'`` for palette indices; ``'alpha'`` for opacities up to 255; ``'lossy'`` for
            values from a JPEG or video. Defaults to ``'values'``.
        ids: As in :func:`read_mask`. Defaults to None.
        peak: Largest possible value. Defaults to None: the largest value of the array.
    """
    values = np.asarray(values)
    if values.ndim == 3:
        values = values.max(axis=2)
    if values.dtype == bool:
        return Foreground(values, 'true')
    if kind == 'alpha':
        return Foreground(values > 127, 'more than half opaque')
    if ids is not None:
        if kind == 'lossy':
            values = np.where(_above_half(values, kind, peak), 255, 0)
        return Foreground(np.isin(values, list(ids)), f'ids {", ".join(map(str, ids))}')
    if kind == 'palette':
        return Foreground((values != 0) & (values != VOID), 'palette index not 0')
    if kind == 'values' and values.dtype.kind in 'iu' and _are_labels(values):
        return Foreground(values != 0, 'not 0')
    return Foreground(_above_half(values, kind, peak), 'above half of the maximum')


def nearly_all_bad(shares: Sequence[float]) -> str | None:
    """Return a warning if nearly all masks are empty or full, so that nothing can be learnt from them.

    Args:
        shares: Share of foreground in each image.

    Returns:
        Text such as ``'31 of 32 masks are empty, 0 full'``, else None.
    """
    empty, full = sum(share < EMPTY for share in shares), sum(share > FULL for share in shares)
    if not shares or empty + full < NEARLY_ALL * len(shares):
        return None
    return f'{empty} of {len(shares)} masks are empty, {full} full'


def _above_half(values: np.ndarray, kind: str, peak: float | None) -> np.ndarray:
    values = np.nan_to_num(values) if values.dtype.kind == 'f' else values
    level = float(values.max(initial=0) if peak is None else peak) / 2
    return values > (max(level, NOISE) if kind == 'lossy' else level)


def _distinct(values: np.ndarray) -> np.ndarray:
    """Return the sorted distinct values, with a fast path for bytes."""
    if values.dtype != np.uint8 or not values.size:
        return np.unique(values)
    return np.flatnonzero(cv2.calcHist([np.ascontiguousarray(values)], [0], None, [256], [0, 256]).ravel())


def _are_labels(values: np.ndarray) -> bool:
    """Return whether integers are labels: few distinct values, and not two values with JPEG noise around each."""
    there, top = _distinct(values), int(values.max(initial=0))
    if len(there) > MAX_LABELS:
        return False
    low, high = (there > 0) & (there <= NOISE), (there < top) & (there >= top - NOISE)
    noisy = top > VOID // 2 and low.any() and high.any() and min({*_areas(values), top} - {0}) >= top - NOISE
    return not noisy


def _areas(values: np.ndarray) -> list[int]:
    """Return the values, of at most 256, that fill a 3 x 3 px square somewhere, unlike the levels of a soft edge."""
    there = _distinct(values)
    numbers, square = np.searchsorted(there, values).astype(np.uint8), np.ones((3, 3), np.uint8)
    inside = numbers[cv2.erode(numbers, square) == cv2.dilate(numbers, square)]
    return there[_distinct(inside)].tolist()


def _load(data: bytes, name: str, with_alpha: bool) -> tuple[np.ndarray, str]:
    """Return the pixels of a file and their kind: palette, alpha, lossy or values."""
    with open_image(data, name) as image:
        lossy = image.format in ('JPEG', 'MPO', 'JPEG2000', 'AVIF') or image.info.get('compression') == 'jpeg' or (
            image.format == 'WEBP' and b'VP8 ' in data[:64])
        if with_alpha and (set('Aa') & set(image.getbands()) or 'transparency' in image.info):
            alpha = np.asarray(_turned(image).convert('RGBA'))[..., 3]
            if alpha.min() < alpha.max():
                return alpha, 'alpha'
        if image.mode in ('P', 'PA'):
            indices, palette = np.asarray(_turned(image).getchannel(0)), np.reshape(image.getpalette('RGB'), (-1, 3))
            return indices, 'values' if _is_grey(indices, palette) else 'palette'
    return decode_image(data, name, cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH), 'lossy' if lossy else 'values'


def _turned(image: Image.Image) -> Image.Image:
    """Return the image rotated according to its orientation tag; Pillow rotates a TIFF on loading."""
    image.load()
    return ImageOps.exif_transpose(image)


def _is_grey(indices: np.ndarray, palette: np.ndarray) -> bool:
    """Return whether a palette image is greyscale: each index is its own grey level, and 255 does not mark void."""
    if not (palette == np.arange(len(palette))[:, None]).all():
        return False
    return len(_distinct(indices)) > MAX_LABELS or not set(_areas(indices)) - {0, VOID}


def _refuse_several(values: np.ndarray, found: Foreground, path: str | Path) -> None:
    """Raise if the mask has areas of several ids."""
    if found.rule not in ('palette index not 0', 'not 0'):
        return
    values = values.max(axis=2) if values.ndim == 3 else values
    values = np.where(found.mask, values, 0)
    if not (found.mask & (values != values.max())).any():
        return
    areas = sorted(set(_areas(values)) - {0})
    if len(areas) > 1:
        shown = ', '.join(map(str, areas[:8])) + (', …' if len(areas) > 8 else '')
        raise AmbiguousMaskError(f'{path}: areas of several ids ({shown}), one body expected: choose by ids=, such as '
                                 f'ids=[{areas[0]}], or all of them', 'several ids', found.mask)


def _refuse_inverted(mask: np.ndarray, path: str | Path) -> None:
    edges = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    if edges.mean() > BORDER and LARGE < mask.mean() <= FULL:
        raise AmbiguousMaskError(f'{path}: the mask looks inverted, it covers {100 * edges.mean():.0f} % of the '
                                 "image's border: invert it, or choose by ids=, such as ids=[0] for what is 0, or "
                                 'ids=[255] if it is right', 'inverted', mask)
