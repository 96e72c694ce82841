"""Images whole or not at all, and of no more pixels than a photo has."""
from __future__ import annotations

import io
import struct
import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

MAX_PIXELS = 1 << 27  # of an image: 134 million, 400 MB decoded
_MAX_SIDE = 1 << 16
NO_IMAGE = 'not an image'
_ENDINGS = {b'\xff\xd8': b'\xff\xd9', b'\x89P': b'IEND\xaeB`\x82'}


class UnreadableImageError(OSError):
    """An image or mask file that is absent, truncated, or no image."""


def read_image(path: str | Path, flags: int = cv2.IMREAD_COLOR) -> np.ndarray:
    """Read an image whole or not at all (OpenCV alone fills the rest of a truncated JPEG with grey).

    Args:
        path: The file.
        flags: OpenCV's flags. Defaults to 8-bit BGR.

    Returns:
        np.ndarray: Image (h, w, 3) uint8 BGR, or what ``flags`` ask for.

    Raises:
        UnreadableImageError: The file is absent, truncated, no image, or announces more than ``MAX_PIXELS`` px; the
            message names it.
    """
    return decode_image(read_image_bytes(path), str(path), flags)


def read_image_bytes(path: str | Path) -> bytes:
    """Read a file that is one: a pipe or a device of the same name would never end.

    Raises:
        UnreadableImageError: There is no such file, it is none, or may not be read; the message names it.
    """
    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            raise UnreadableImageError(f'{path}: not a file')
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UnreadableImageError(f'{path}: no such file') from error
    except OSError as error:
        if isinstance(error, UnreadableImageError):
            raise
        raise UnreadableImageError(f'{path}: cannot be read ({error.strerror or error})') from error


def decode_image(data: bytes, name: str, flags: int = cv2.IMREAD_COLOR) -> np.ndarray:
    """Decode an image of bounded size, whole or not at all.

    Args:
        data: The bytes of its file.
        name: What messages call it.
        flags: OpenCV's flags. Defaults to 8-bit BGR.

    Returns:
        np.ndarray: Image (h, w, 3) uint8 BGR, or what ``flags`` ask for.

    Raises:
        UnreadableImageError: It is truncated, no image, or announces more than ``MAX_PIXELS`` px; the message names it.
    """
    reason, image = truncation(data), None
    if reason is None:
        try:
            image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        except cv2.error as error:
            reason = f'not an image that OpenCV reads ({error.err})'
    if image is None:
        raise UnreadableImageError(f'{name}: {reason or NO_IMAGE} ({len(data)} bytes); copy it again')
    return image


def excess(data: bytes) -> str | None:
    """Say why an image's header is refused, too many pixels above all, or None if it is not.

    Args:
        data: The bytes of the file; nothing but the header is decoded.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            with Image.open(io.BytesIO(data)) as image:
                width, height = image.size
                tile = max((box[2] * box[3] for _, box, *_ in image.tile or ()), default=0)
    except Image.DecompressionBombError:
        return f'announces more than {MAX_PIXELS} px'
    except Exception:  # a broken header may raise nearly anything
        return NO_IMAGE
    if width * height > MAX_PIXELS or max(width, height) > _MAX_SIDE or tile > MAX_PIXELS:
        return f'announces {width} x {height} px, {MAX_PIXELS} px expected at most'
    return None


def truncation(data: bytes) -> str | None:
    """Say what an encoded image lacks or has too much of, or None if it is whole.

    Args:
        data: The bytes of the file.
    """
    if not data:
        return 'empty file'
    ending = _ENDINGS.get(data[:2])
    is_whole = ending is None or data[-16:].rstrip(b'\x00').endswith(ending)
    reason = excess(data)
    if reason:
        return reason if is_whole or reason != NO_IMAGE else 'truncated image: its header is not whole'
    if is_whole:
        return None
    try:  # bytes after the end are harmless; only a full decode tells
        Image.open(io.BytesIO(data)).load()
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        return f'truncated image: {error}'
    return None
