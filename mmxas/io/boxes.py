"""Boxes by image: read from a file, and matched with the images that they are of."""
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

EXPECTED = '[x0, y0, x1, y1] with an area, a list of such, or [] for nobody'


def read_boxes(path: str | Path) -> dict[str, list]:
    """Read the boxes of images from a json file.

    Args:
        path: ``{image: [x0, y0, x1, y1]}``, px on pixel edges; a list of boxes for several bodies, an empty one for
            nobody.

    Returns:
        dict: The names as they stand there; a list of four numbers for one box, a list of boxes for several, ``[]`` for
        nobody.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no JSON, or an entry is no box; the message names the file and the entry.
    """
    boxes = read_json(path)
    if not isinstance(boxes, Mapping):
        raise ValueError(f'{path}: {{"image.jpg": [x0, y0, x1, y1]}} expected, {type(boxes).__name__} found')
    return {name: _as_boxes(given, f'{path}: {name}') for name, given in boxes.items()}


def match_boxes(boxes: Mapping[str, Any] | str | Path | None, names: Sequence[str]) -> dict[str, list]:
    r"""Return boxes by the names of their images.

    A key may be an image's name, the end of it (``a.jpg`` for ``day1/a.jpg``), or end in it (an absolute path), with
    ``/`` or ``\`` between folders, and composed (NFC) or decomposed (NFD) letters. A key of no image whose list is
    empty is left out: nobody is missed.

    Args:
        boxes: ``{image: [x0, y0, x1, y1]}``, px on pixel edges; a list of boxes for several bodies, an empty one for
            nobody. Or a json file of it. None: no boxes.
        names: The images, with ``/`` between folders; frame 7 of a video is ``clip.mp4:7``.

    Returns:
        dict: Some of the names, each with a list of four numbers for one box, a list of boxes for several, or ``[]``
        for nobody.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A key is no image or may be several, two keys are the same image, or an entry is no box; the
            message names it.
    """
    return _match(*_given(boxes), names)


def match_bodies(boxes: Mapping[str, Any] | str | Path | None, names: Sequence[str]) -> dict[str, dict[int, list]]:
    """Return boxes by the names of their images and the numbers of the bodies.

    Args:
        boxes: As in :func:`match_boxes`; ``a.jpg#2`` is body 2 of ``a.jpg``, and has one box.
        names: As there.

    Returns:
        dict: ``{image: {number: [x0, y0, x1, y1]}}`` of some of the names, in the order of the numbers. The only box of
        an image has the number 0, several count from 1; ``{}`` for nobody.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: As in :func:`match_boxes`; or an image has boxes by its own name and by those of its bodies.
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
    """Look whether a box touches its image.

    Args:
        box: (4,) x0, y0, x1, y1 in px on pixel edges.
        name: What to call the image.
        shape: (h, w) of it.

    Raises:
        ValueError: It does not.
    """
    height, width = shape
    if box[2] <= 0 or box[3] <= 0 or box[0] >= width or box[1] >= height:
        raise ValueError(f'{name}: box {list(box)} lies outside the image of {width} x {height} px; was it made for '
                         'another size of it?')


def _given(boxes: Mapping[str, Any] | str | Path | None) -> tuple[str, dict[str, list]]:
    """What messages call the boxes, and the boxes."""
    if isinstance(boxes, str | Path):
        return str(boxes), read_boxes(boxes)
    return 'boxes', {key: _as_boxes(given, f'boxes: {key}') for key, given in (boxes or {}).items()}


def _match(source: str, found: Mapping[str, list], names: Sequence[str]) -> dict[str, list]:
    images = _matched(_options(found, names, source), source)
    return {images[key]: given for key, given in found.items() if key in images}


def _options(found: Mapping[str, list], names: Sequence[str], source: str) -> dict[str, list[str]]:
    """The images that each key may mean, without the keys of no image that say that nobody is there."""
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
    """The one image that each key means."""
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
    """The images that a key may mean: the same name, else names that end in it or that it ends in."""
    of_the_file = by_file.get(posixpath.basename(key), [])
    same = [name for name in of_the_file if _plain(name) == key]
    return same or [name for name in of_the_file if f'/{key}'.endswith(f'/{_plain(name)}')
                    or f'/{_plain(name)}'.endswith(f'/{key}')]


def _shared_root(options: Mapping[str, list[str]]) -> str | None:
    """What all keys have before the names of their images, such as the folder of absolute paths; None if unsure."""
    roots = [{key[:-len(name)] for name in map(_plain, found) if key.endswith(name)}
             for key, found in ((_plain(key), found) for key, found in options.items())]
    shared = set.intersection(*roots) if roots else set()
    return shared.pop() if len(shared) == 1 else None


def _plain(name: str) -> str:
    return same_name(posixpath.normpath(name.replace('\\', '/')))


def _as_boxes(given: Any, where: str) -> list:
    """One box as a list of four numbers, several as a list of such, nobody as ``[]``."""
    try:
        boxes = np.asarray(given)
    except ValueError:
        boxes = np.empty(1)
    if boxes.shape in ((0,), (0, 4)):
        return []
    right = boxes.dtype.kind in 'iuf' and boxes.ndim in (1, 2) and boxes.shape[-1] == 4
    with np.errstate(over='ignore'):
        used = boxes.astype(np.float32) if right else boxes  # a box may have no area any more in what samples hold
    if not right or not np.isfinite(used).all() or not (used[..., 2:] > used[..., :2]).all():
        raise ValueError(f'{where}: box {given}, expected {EXPECTED}')
    return boxes[0].tolist() if len(boxes) == 1 else boxes.tolist()
