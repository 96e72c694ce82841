"""Several bodies in one image: body 2 of ``a/b.jpg`` is called ``a/b.jpg#2``, and its mask is ``a/b.2.png``.

The only body of an image has the number 0, and the names of the image.
"""
from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from mmxas.io.image_folders import find_images, same_name

_NAME = re.compile(r'(.*)#([1-9][0-9]*)', re.DOTALL)
_MASK = re.compile(r'(.*)\.([1-9][0-9]*)', re.DOTALL)


def body_name(image: str, number: int) -> str:
    """Return what a body of an image is called."""
    return f'{image}#{number}' if number else image


def image_of(body: str) -> tuple[str, int]:
    """Return the image and the number of a body."""
    found = _NAME.fullmatch(body)
    return (found[1], int(found[2])) if found else (body, 0)


def body_mask(mask: str, number: int) -> str:
    """Return the mask of a body from that of its image."""
    return str(Path(mask).with_suffix(f'.{number}{Path(mask).suffix}')) if number else mask


def masks_of_images(folder: str | Path, stems: Collection[str]) -> dict[str, dict[int, Path]]:
    """Find the masks of images; ``.png`` before other suffixes.

    Args:
        folder: Of the masks.
        stems: The images' masks without suffix, relative to it, as
            :func:`~mmxas.io.image_folders.same_name` writes them.

    Returns:
        dict: ``{stem: {number: file}}``.
    """
    try:
        files = find_images(folder)
    except FileNotFoundError:
        return {}
    found: dict[str, dict[int, Path]] = {}
    for path in sorted(files, key=lambda path: path.suffix.lower() == '.png'):
        stem = same_name(path.relative_to(folder).with_suffix('').as_posix())
        numbered = _MASK.fullmatch(stem) if stem not in stems else None
        found.setdefault(numbered[1] if numbered else stem, {})[int(numbered[2]) if numbered else 0] = path
    return found
