"""Sizes of images from their headers, without decoding them."""
from __future__ import annotations

import io
import struct
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from .images import UnreadableImageError, read_image_bytes, truncation

ORIENTATION, WIDTH, HEIGHT = 0x0112, 0x0100, 0x0101  # tags of Exif and TIFF


def image_size(path: str | Path) -> tuple[int, int]:
    """Return (h, w) of an image from its header, after making sure that the file is whole.

    Args:
        path: The file.

    Raises:
        UnreadableImageError: The file is absent, truncated or no image; the message names it.
    """
    try:
        data = read_image_bytes(path)
        reason = truncation(data)
        if reason:
            raise UnreadableImageError(f'{path}: {reason}')
        with Image.open(io.BytesIO(data)) as image:
            width, height = image.size
            turned = image.getexif().get(ORIENTATION, 1) >= 5
            if image.format == 'TIFF':  # newer releases of Pillow have turned the size already
                width, height = image.tag_v2[WIDTH], image.tag_v2[HEIGHT]
    except (UnidentifiedImageError, SyntaxError, ValueError, struct.error) as error:
        raise UnreadableImageError(f'{path}: not an image') from error
    except UnreadableImageError:
        raise
    except OSError as error:
        raise UnreadableImageError(f'{path}: cannot be read ({error.strerror or error})') from error
    return (width, height) if turned else (height, width)


def find_size(image: str, folders: Iterable[Path]) -> tuple[int, int] | None:
    """Return (w, h) of an image from its header, of the first folder that holds it whole; None where none does."""
    for file in (folder / image for folder in folders if (folder / image).is_file()):
        with suppress(UnreadableImageError):
            return image_size(file)[::-1]
    return None
