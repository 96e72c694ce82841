"""Read bounding boxes per image and match them with the images."""
from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmxas.io import read_json
from mmxas.io.image_folders import same_name

from .bodies import body_name, image_of

EXPECTED = '[x0, y0, x1, y1] with an area, a list of such boxes, or [] for none'


def read_boxes(path: str | Path) -> dict[str, list]:
    """Read the boxes of images from a JSON file.

    Args:
        path: File with ``{image: [x0, y0, x1, y1]}``, px on pixel edges. Several bodies have a list of boxes; an image
            without a body has an empty list.

    Returns:
        Name as in the file to a list of four numbers for one box, a list of boxes for several, ``[]`` for none.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not JSON, or an entry is not a box; the message names the file and the entry.
    """
    boxes = read_json(path)
    if not isinstance(boxes, Mapping):
        raise ValueError(f'{path}: {{"image.jpg": [x0, y0, x1, y1]}} expected, {type(boxes).__name__} found')
    return {name: _as_boxes(given, f'{path}: {name}') for name, given in boxes.items()}


def match_boxes(boxes: Mapping[str, Any] | str | Path | None, names: Sequence[str]) -> dict[str, list]:
    r"""Return boxes by the names of their images.

    A key may be an image's name, the end of it (``a.jpg`` for ``day1/a.jpg``), or a longer path that ends in it (an
    absolute path). Folders are separated by ``/`` or ``\``; letters may be composed (NFC) or decomposed (NFD). A key
    that matches no image is ignored if its list is empty.

    Args:
        boxes: ``{image: [x0, y0, x1, y1]}``, px on pixel edges; a list of boxes for several bodies, an empty list for
            none. Or the path of a JSON file with this content. None: no boxes.
        names: Names of the images, with ``/`` between folders; frame 7 of a video is ``clip.mp4:7``.

    Returns:
        Name of each image in ``boxes`` to a list of four numbers for one box, a list of boxes for several, or
        ``[]`` for none.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A key matches no image or several, two keys match the same image, or an entry is not a box; the
            message names it.
    """
    return _match(*_given(boxes), names)


def match_bodies(boxes: Mapping[str, Any] | str | Path | None, names: Sequence[str]) -> dict[str, dict[int, list]]:
    """Return boxes by image name and body number.

    Args:
        boxes: As in :func:`match_boxes`. A key ``a.jpg#2`` is body 2 of ``a.jpg`` and has one box.
        names: As in :func:`match_boxes`.

    Returns:
        ``{image: {number: [x0, y0, x1, y1]}}`` for each image in ``boxes``, sorted by number. A single box has
        the number 0, several are numbered from 1; ``{}`` for an image without a body.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: As in :func:`match_boxes`; or an image has boxes under both its own and its bodies' names.
    """
    source, found = _given(boxes)
    of_number: dict[int, dict[str, list]] = defaultdict(dict)
    for key, given in found.items():
        image, number = image_of(key)
        if number and np.shape(given) != (4,):
            raise ValueError(f'{source}: {key}: one box expected, of one body, {given} found')
        of_number[number][image] = given
    whole = _match(source, of_number.pop(0, {}), names)
    bodies = {image: dict(enumerate(given, 1)) if np.ndim(given) > 1 else {0: given} if given else {}
              for image, given in whole.items()}
    for number, of_images in sorted(of_number.items()):
        for image, box in _match(source, of_images, names).items():
            if image in whole:
                raise ValueError(f'{source}: {image!r} has boxes by its own name and as {body_name(image, number)!r}; '
                                 'keep one')
            bodies.setdefault(image, {})[number] = box
    return bodies


def check_inside(box: Sequence[float], name: str, shape: tuple[int, int]) -> None:
    """Raise if a box lies outside its image.

    Args:
        box: (4,) x0, y0, x1, y1 in px on pixel edges.
        name: Name of the image in messages.
        shape: (h, w) of the image.

    Raises:
        ValueError: The box does not overlap the image.
    """
    height, width = shape
    if box[2] <= 0 or box[3] <= 0 or box[0] >= width or box[1] >= height:
        raise ValueError(f'{name}: box {list(box)} lies outside the image of {width} x {height} px; was it made for '
                         'another size of it?')


def _given(boxes: Mapping[str, Any] | str | Path | None) -> tuple[str, dict[str, list]]:
    """Return the name of the source for messages, and the boxes."""
    if isinstance(boxes, str | Path):
        return str(boxes), read_boxes(boxes)
    return 'boxes', {key: _as_boxes(given, f'boxes: {key}') for key, given in (boxes or {}).items()}


def _match(source: str, found: Mapping[str, list], names: Sequence[str]) -> dict[str, list]:
    images = _matched(_options(found, names, source), source)
    return {images[key]: given for key, given in found.items() if key in images}


def _options(found: Mapping[str, list], names: Sequence[str], source: str) -> dict[str, list[str]]:
    """Return the images that each key may match, without keys that match no image and have an empty list."""
    known, by_file = set(names), defaultdict(list)
    for name in dict.fromkeys(names):
        by_file[posixpath.basename(_plain(name))].append(name)
    options = {key: [key] if key in known else _images(_plain(key), by_file) for key in found}
    unknown = [key for key in options if not options[key] and found[key]]
    if unknown:
        like = f'which are called like {names[0]!r}' if names else 'of which there are none'
        raise ValueError(f'{source}: {unknown[0]!r} is not among the {len(names)} images, {like}'
                         + (f'; nor are {len(unknown) - 1} more' if len(unknown) > 1 else ''))
    return {key: images for key, images in options.items() if images}


def _matched(options: Mapping[str, list[str]], source: str) -> dict[str, str]:
    """Return the one image that each key matches; raise if there are several, or two keys match one image."""
    root = _shared_root(options)
    matched: dict[str, str] = {}
    for key, found in options.items():
        if len(found) > 1 and root is not None:
            found = [name for name in found if _plain(key) == root + _plain(name)]
        if len(found) > 1:
            raise ValueError(f'{source}: {key!r} may be {found[0]!r} or {found[1]!r}; call it by its path in the '
                             'folder of the images')
        matched[key] = found[0]
    owner: dict[str, str] = {}
    for key, name in matched.items():
        if owner.setdefault(name, key) != key:
            raise ValueError(f'{source}: {owner[name]!r} and {key!r} are both the image {name!r}; keep one')
    return matched


def _images(key: str, by_file: Mapping[str, list[str]]) -> list[str]:
    """Return the images that a key may match: the same name, else names that end in the key or that the key ends in."""
    of_the_file = by_file.get(posixpath.basename(key), [])
    same = [name for name in of_the_file if _plain(name) == key]
    return same or [name for name in of_the_file if f'/{key}'.endswith(f'/{_plain(name)}')
                    or f'/{_plain(name)}'.endswith(f'/{key}')]


def _shared_root(options: Mapping[str, list[str]]) -> str | None:
    """Return the common prefix of all keys before the image names, such as a root folder; None if ambiguous."""
    roots = [{key[:-len(name)] for name in map(_plain, found) if key.endswith(name)}
             for key, found in ((_plain(key), found) for key, found in options.items())]
    shared = set.intersection(*roots) if roots else set()
    return shared.pop() if len(shared) == 1 else None


def _plain(name: str) -> str:
    return same_name(posixpath.normpath(name.replace('\\', '/')))


def _as_boxes(given: Any, where: str) -> list:
    """Return one box as a list of four numbers, several as a list of boxes, none as ``[]``."""
    try:
        boxes = np.asarray(given)
    except ValueError:
        boxes = np.empty(1)
    if boxes.shape in ((0,), (0, 4)):
        return []
    right = boxes.dtype.kind in 'iuf' and boxes.ndim in (1, 2) and boxes.shape[-1] == 4
    with np.errstate(over='ignore'):
        used = boxes.astype(np.float32) if right else boxes  # in float32, as samples store it, a box may have no area
    if not right or not np.isfinite(used).all() or not (used[..., 2:] > used[..., :2]).all():
        raise ValueError(f'{where}: box {given}, expected {EXPECTED}')
    return boxes[0].tolist() if len(boxes) == 1 else boxes.tolist()
