"""List the images of a folder in natural order."""
from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from mmengine.logging import print_log

IMAGE_SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp')
VIDEOS = ('.mp4', '.avi', '.mov', '.mkv', '.webm', '.m4v', '.mpg', '.mpeg', '.3gp', '.flv', '.m2ts', '.mts', '.wmv')
"""Suffixes of video files, in lower case."""
_HEIC = ('.heic', '.heif')  # photos of phones


def find_images(folder: str | Path, below: bool = True, suffixes: Sequence[str] = IMAGE_SUFFIXES) -> list[Path]:
    """Return the images of a folder, found by suffix, in natural order: ``frame_2`` before ``frame_10``.

    Files such as ``._a.jpg``, which macOS creates on other file systems, are skipped. ``.heic`` photos are not
    supported; their number is logged as a warning.

    Args:
        folder: The folder.
        below: Whether to search subfolders too. Defaults to True.
        suffixes: Suffixes of images, in lower case.

    Raises:
        FileNotFoundError: The folder has no image.
    """
    folder = Path(folder)
    files = [path for path in (folder.rglob('*') if below else folder.iterdir()) if not path.name.startswith('._')]
    images = [path for path in files if path.suffix.lower() in suffixes]
    heic = sum(path.suffix.lower() in _HEIC for path in files)
    hint = f'{heic} HEIC photos are not read: convert them to .jpg, as by `heif-convert a.heic a.jpg`' if heic else ''
    if not images:
        videos = [path.name for path in files if path.suffix.lower() in VIDEOS]
        hint = hint or (f'a video, such as {min(videos)}, is given by its own path' if videos else '')
        raise FileNotFoundError(f'{folder}: no image in this folder{" or below it" * below} ({len(files)} other '
                                f'entries); expected {", ".join(suffixes)}{hint and "; "}{hint}')
    if hint:
        print_log(f'{folder}: {hint}', 'current', logging.WARNING)
    return sorted(images, key=natural_key)


def natural_key(path: str | Path) -> tuple:
    """Return the sort key that orders paths folder by folder and numbers by value: 1, 2, 10."""
    parts = (re.split(r'([0-9]+)', part) for part in Path(path).parts)
    return [[int(text) if number % 2 else text for number, text in enumerate(part)] for part in parts], str(path)


def same_name(name: str | Path) -> str:
    """Return a name in composed form (NFC); macOS stores names decomposed (NFD)."""
    return unicodedata.normalize('NFC', str(name))
