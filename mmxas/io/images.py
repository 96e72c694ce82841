"""Read images and their sizes. Incomplete or overly large files raise an error."""
from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from .regular_files import UnsafeFileError, require_file

MAX_PIXELS = 1 << 27  # 134 million, 400 MB decoded
_MAX_SIDE = 1 << 16
# First bytes of files that are often mistaken for readable images, and what to do with these files.
_OTHERS = {
    rb'....ftyp(hei|hev|mif1|msf1)': 'a HEIC photo, which is not read: convert it to .jpg, as by `heif-convert`',
    rb'....ftyp(?!avi)|\x1aE\xdf\xa3|RIFF....AVI ':
        'a video, not an image: rename it to .mp4, or extract its frames, as by `ffmpeg -i VIDEO frames/%06d.png`',
    rb'II\*\x00|MM\x00\*':
        'broken, or a TIFF of a kind that is not read (colours in floats, 12 packed bits): save it with 8 or 16 bits',
    rb'': 'not an image, or its header is truncated; copy it again'}
_DEEP = re.compile(rb'II\*\x00|MM\x00\*|\x89PNG.{20}\x10', re.DOTALL)  # a TIFF, or a PNG of 16 bits
_ENDINGS = {b'\xff\xd8': b'\xff\xd9', b'\x89P': b'IEND\xaeB`\x82'}


class UnreadableImageError(OSError):
    """Raised if an image or mask file is absent, truncated or not an image."""


def read_image(path: str | Path, flags: int = cv2.IMREAD_COLOR) -> np.ndarray:
    """Read an image; raise if it is incomplete (OpenCV alone fills the rest of a truncated JPEG with grey).

    Args:
        path: The file.
        flags: OpenCV's flags. Defaults to 8-bit BGR.

    Returns:
        Image (h, w, 3) uint8 BGR, or as given by ``flags``.

    Raises:
        UnreadableImageError: The file is absent, truncated, not an image, or its header declares more than
            ``MAX_PIXELS`` px; the message names it.
    """
    return decode_image(read_image_bytes(path), str(path), flags)


def read_image_bytes(path: str | Path) -> bytes:
    """Read the bytes of a regular file.

    Raises:
        UnreadableImageError: The file is absent, not readable, a pipe or a device; the message names it.
    """
    try:
        return require_file(path).read_bytes()
    except (OSError, UnsafeFileError) as error:
        reason = 'no such file' if isinstance(error, FileNotFoundError) else error
        raise UnreadableImageError(f'{path}: {reason}') from error


def decode_image(data: bytes, name: str, flags: int = cv2.IMREAD_COLOR) -> np.ndarray:
    """Decode an image; raise if it is incomplete or too large.

    Args:
        data: Content of the image file.
        name: Name of the image in messages.
        flags: OpenCV's flags. Defaults to 8-bit BGR.

    Returns:
        Image (h, w, 3) uint8 BGR, or as given by ``flags``. With the default flags, :func:`as_8_bits`
            converts deeper images.

    Raises:
        UnreadableImageError: The data are truncated, not an image, or declare more than ``MAX_PIXELS`` px.
    """
    open_image(data, name)
    image, encoded = None, np.frombuffer(data, np.uint8)
    with suppress(cv2.error):
        if flags == cv2.IMREAD_COLOR and _DEEP.match(data):
            image = cv2.imdecode(encoded, cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH)
        if image is not None and image.dtype != np.uint8:
            image = as_8_bits(image, name)
            return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image
        image = cv2.imdecode(encoded, flags)
    if image is None:
        raise UnreadableImageError(f'{name}: OpenCV cannot decode this image ({len(data)} bytes); copy it again')
    return image


def as_8_bits(image: np.ndarray, name: str) -> np.ndarray:
    """Return an image as uint8; the bit depth is inferred from the largest value.

    Args:
        image: Image of any shape, integers or floats. Integers up to 255 count as 8 bits, up to 4095 as 12 bits, else
            as 16 bits; floats up to 1 as the range [0, 1], else as 8 bits.
        name: Name of the image in messages.

    Raises:
        UnreadableImageError: A value is negative, above 255 (floats) or 65535, or not finite.
    """
    limits = (1, 255) if image.dtype.kind == 'f' else (255, 4095, 65535)
    low, high = image.min(), image.max()
    if (limit := next((limit for limit in limits if 0 <= low <= high <= limit), None)) is None:
        raise UnreadableImageError(f'{name}: {image.dtype} values from {low:g} to {high:g}, 0 to {limits[-1]} '
                                   'expected; save it with 8 or 16 bits a channel')
    if limit > 255:
        return (image // ((limit + 1) // 256)).astype(np.uint8)
    return np.rint(image * (255 / limit)).astype(np.uint8)


def open_image(data: bytes, name: str) -> Image.Image:
    """Open an image by Pillow after checking that it is complete and not too large.

    Only the header is decoded if the file has the end marker of its format.

    Args:
        data: Content of the file.
        name: Name of the image in messages.

    Raises:
        UnreadableImageError: The data are truncated, not an image, or declare more than ``MAX_PIXELS`` px.
    """
    try:
        with warnings.catch_warnings(action='ignore'):
            image = Image.open(io.BytesIO(data))
            width, height = image.size
            if width * height > MAX_PIXELS or max(width, height) > _MAX_SIDE:
                raise UnreadableImageError(f'announces {width} x {height} px, {MAX_PIXELS} px expected at most')
            if not data[-16:].rstrip(b'\x00').endswith(_ENDINGS.get(data[:2], b'')):
                image.load()  # could be harmless bytes after the end; decode fully to find out
    except Exception as error:  # broken files raise many types of errors
        other = next(text for begin, text in _OTHERS.items() if re.match(begin, data, re.DOTALL))
        reason = other if isinstance(error, UnidentifiedImageError) else f'truncated image, or too large: {error}'
        raise UnreadableImageError(f'{name}: {reason} ({len(data)} bytes)') from error
    return image


def image_size(path: str | Path) -> tuple[int, int]:
    """Return (h, w) of an image from its header, after checking that the file is complete.

    Args:
        path: The file.

    Raises:
        UnreadableImageError: The file is absent, truncated or not an image; the message names it.
    """
    image, turned = open_image(read_image_bytes(path), str(path)), False
    with suppress(Exception):  # broken tags raise many types of errors, and turn nothing
        turned = image.format != 'TIFF' and image.getexif().get(ExifTags.Base.Orientation, 1) >= 5
    return image.size if turned else image.size[::-1]


def find_size(image: str, folders: Iterable[Path]) -> tuple[int, int] | None:
    """Return (w, h) of an image from the first folder that has a complete file of it; None if none has."""
    for folder in folders:
        with suppress(UnreadableImageError):
            return image_size(folder / image)[::-1]
    return None
