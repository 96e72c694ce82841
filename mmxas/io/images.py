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
from PIL import Image

from .regular_files import UnsafeFileError, require_file

MAX_PIXELS = 1 << 27  # 134 million, 400 MB decoded
_MAX_SIDE = 1 << 16
ORIENTATION, WIDTH, HEIGHT = 0x0112, 0x0100, 0x0101  # Exif and TIFF tags
# First bytes of files that are often mistaken for readable images, and what to do with these files.
_OTHERS = (
    (re.compile(rb'....ftyp(hei|hev|mif1|msf1)', re.DOTALL),
     'a HEIC photo, which is not read: convert it to .jpg, as by `heif-convert a.heic a.jpg`'),
    (re.compile(rb'....ftyp(?!avi)|\x1aE\xdf\xa3|RIFF....AVI ', re.DOTALL),
     'a video, not an image: pass it as a video (rename it to .mp4), or extract its frames, as by '
     '`ffmpeg -i VIDEO frames/%06d.png`'),
    (re.compile(rb'II\*\x00|MM\x00\*'),
     'broken, or a TIFF of a kind that is not read (such as colours in floats or 12 packed bits): save it with 8 or 16 '
     'bits a channel'))
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
        np.ndarray: Image (h, w, 3) uint8 BGR, or as given by ``flags``.

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
    except UnsafeFileError as error:
        raise UnreadableImageError(str(error)) from error
    except OSError as error:
        reason = 'no such file' if isinstance(error, FileNotFoundError) else error.strerror or error
        raise UnreadableImageError(f'{path}: {reason}') from error


def decode_image(data: bytes, name: str, flags: int = cv2.IMREAD_COLOR) -> np.ndarray:
    """Decode an image; raise if it is incomplete or too large.

    Args:
        data: Content of the image file.
        name: Name of the image in messages.
        flags: OpenCV's flags. Defaults to 8-bit BGR.

    Returns:
        np.ndarray: Image (h, w, 3) uint8 BGR, or as given by ``flags``. With the default flags, :func:`as_8_bits`
            converts deeper images.

    Raises:
        UnreadableImageError: The data are truncated, not an image, or declare more than ``MAX_PIXELS`` px.
    """
    reason, image = truncation(data), None
    with suppress(cv2.error):
        if reason is None and flags == cv2.IMREAD_COLOR and _DEEP.match(data):
            image = _decode_deep(data, name)
        if reason is None and image is None:
            image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if image is None:
        way_out = '' if reason in [text for _, text in _OTHERS] else '; copy it again'
        raise UnreadableImageError(f'{name}: {reason or "not an image that OpenCV reads"} ({len(data)} bytes){way_out}')
    return image


def _decode_deep(data: bytes, name: str) -> np.ndarray | None:
    """Return (h, w, 3) uint8 BGR of an image of more than 8 bits, None for any other."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH)
    if image is None or image.dtype == np.uint8:
        return None
    try:
        image = as_8_bits(image)
    except ValueError as error:
        raise UnreadableImageError(f'{name}: {error}') from error
    return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image


def as_8_bits(image: np.ndarray) -> np.ndarray:
    """Return an image as uint8; the bit depth is inferred from the largest value.

    Args:
        image: Image of any shape, integers or floats. Integers up to 255 count as 8 bits, up to 4095 as 12 bits, else
            as 16 bits; floats up to 1 as the range [0, 1], else as 8 bits.

    Raises:
        ValueError: A value is negative, above 255 (floats) or 65535, or not finite.
    """
    limits = (1, 255) if image.dtype.kind == 'f' else (255, 4095, 65535)
    low, high = image.min(), image.max()
    limit = next((limit for limit in limits if 0 <= low <= high <= limit), None)
    if limit is None:
        raise ValueError(f'{image.dtype} values from {low:g} to {high:g}, 0 to {limits[-1]} expected; save it with 8 '
                         'or 16 bits a channel')
    if limit > 255:
        return (image // ((limit + 1) // 256)).astype(np.uint8)
    return np.rint(image * (255 / limit)).astype(np.uint8)


def truncation(data: bytes) -> str | None:
    """Return why an encoded image is rejected, or None if it is complete and not too large.

    Args:
        data: Content of the file. Only the header is decoded if the file has the end marker of its format.
    """
    ending, opened = _ENDINGS.get(data[:2]), False
    is_whole = ending is None or data[-16:].rstrip(b'\x00').endswith(ending)
    try:
        with warnings.catch_warnings(action='ignore'), Image.open(io.BytesIO(data)) as image:
            (width, height), opened = image.size, True
            tile = max((box[2] * box[3] for _, box, *_ in image.tile or ()), default=0)
            if max(width * height, tile) > MAX_PIXELS or max(width, height) > _MAX_SIDE:
                return f'announces {width} x {height} px, {MAX_PIXELS} px expected at most'
            if not is_whole:  # could be harmless bytes after the end; decode fully to find out
                image.load()
    except Image.DecompressionBombError:
        return f'announces more than {MAX_PIXELS} px'
    except Exception as error:  # broken files raise many types of errors
        if opened:
            return f'truncated image: {error}'
        other = 'empty file' if not data else 'not an image' if is_whole else 'truncated image: its header is not whole'
        return next((text for begin, text in _OTHERS if begin.match(data)), other)
    return None


def image_size(path: str | Path) -> tuple[int, int]:
    """Return (h, w) of an image from its header, after checking that the file is complete.

    Args:
        path: The file.

    Raises:
        UnreadableImageError: The file is absent, truncated or not an image; the message names it.
    """
    data = read_image_bytes(path)
    reason = truncation(data)
    if reason:
        raise UnreadableImageError(f'{path}: {reason}')
    try:
        with Image.open(io.BytesIO(data)) as image:
            width, height = image.size
            turned = image.getexif().get(ORIENTATION, 1) >= 5
            if image.format == 'TIFF':  # newer releases of Pillow apply the orientation to the size
                width, height = image.tag_v2[WIDTH], image.tag_v2[HEIGHT]
    except Exception as error:  # broken tags raise many types of errors
        raise UnreadableImageError(f'{path}: not an image ({error})') from error
    return (width, height) if turned else (height, width)


def find_size(image: str, folders: Iterable[Path]) -> tuple[int, int] | None:
    """Return (w, h) of an image from the first folder that has a complete file of it; None if none has."""
    for file in (folder / image for folder in folders if (folder / image).is_file()):
        with suppress(UnreadableImageError):
            return image_size(file)[::-1]
    return None
