"""Names for several bodies in one image: body 2 of ``a/b.jpg`` is ``a/b.jpg#2``, and its mask is ``a/b.2.png``.

If an image has only one body, its number is 0, and it has the names of the image.
"""
from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from mmxas.io.image_folders import find_images, same_name

_NAME = re.compile(r'(.*)#([1-9][0-9]*)', re.DOTALL)
_MASK = re.compile(r'(.*)\.([1-9][0-9]*)', re.DOTALL)


def body_name(image: str, number: int) -> str:
    """Return the name of a body in an image."""
    return f'{image}#{number}' if number else image


def image_of(body: str) -> tuple[str, int]:
    """Return the image and the number of a body from its name."""
    found = _NAME.fullmatch(body)
    return (found[1], int(found[2])) if found else (body, 0)


def body_mask(mask: str, number: int) -> str:
    """Return the name of a body's mask from the name of its image's mask."""
    return str(Path(mask).with_suffix(f'.{number}{Path(mask).suffix}')) if number else mask


def masks_of_images(folder: str | Path, stems: Collection[str]) -> dict[str, dict[int, Path]]:
    """Find the masks of images, preferring ``.png`` to other suffixes.

    Args:
        folder: Folder of the masks.
        stems: Paths of the images' masks without suffix, relative to ``folder``, normalised by
            :func:`~mmxas.io.image_folders.same_name`.

    Returns:
        ``{stem: {number: file}}``.
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
