"""Rendered pairs as plain files: images, masks and boxes, for whatever reads a folder."""
from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from mmxas.io.atomic_writes import write_atomically

from .shards import PairReader


def export_pairs(root: str | Path, out: str | Path, num: int | None = None) -> int:
    """Write ``images/000000.png``, ``masks/000000.png`` (0 and 255) and ``boxes.json`` of a folder of shards.

    Args:
        root: The folder of the shards.
        out: Where to; files that are there are written again, with the same bytes.
        num: At most this many pairs, evenly spread. Defaults to None: all.

    Returns:
        int: Number of pairs written; those without a body in the image are left out.

    Raises:
        FileNotFoundError: The folder holds no pairs.
        ValueError: ``num`` is below 1.
    """
    if num is not None and num < 1:
        raise ValueError(f'num={num}: expected at least 1')
    pairs, out, boxes = PairReader(root), Path(out), {}
    chosen = np.unique(np.linspace(0, len(pairs) - 1, min(num or len(pairs), len(pairs))).round().astype(int))
    for index in chosen.tolist():
        pair = pairs[index]
        if not (pair.bbox[2:] > pair.bbox[:2]).all():
            continue
        name = f'{index:06d}.png'
        for folder, pixels in (('images', pair.image), ('masks', (pair.mask > 127).astype(np.uint8) * 255)):
            data = cv2.imencode('.png', pixels)[1].tobytes()
            write_atomically(out / folder / name, lambda file, data=data: file.write(data))
        boxes[name] = [float(value) for value in pair.bbox]
    text = json.dumps(boxes, indent=1)
    write_atomically(out / 'boxes.json', lambda file: file.write(text.encode()))
    return len(boxes)
