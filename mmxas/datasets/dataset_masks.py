"""List the masks that the data sets of a config read: their images, folders and boxes."""
from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmxas.datasets.datasets.xas_dataset import XASDataset
from mmxas.datasets.inspection import build_unloaded, dataset_configs, is_dataset
from mmxas.masks.frames import Frame


@dataclass
class MaskSet:
    """The masks of one folder.

    Attributes:
        out: The folder.
        frames: The images, without duplicates.
        boxes: ``{image: [[x0, y0, x1, y1], …]}``, the boxes of all people in the image that a data set reads.
    """

    out: Path
    frames: list[Frame] = field(default_factory=list)
    boxes: dict[str, list[list[float]]] = field(default_factory=dict)


def find_mask_sets(config: Mapping[str, Any]) -> list[MaskSet]:
    """Return the masks that training, validation and testing of a config read from a separate folder.

    Images that several data sets read are listed once. The masks need not exist.

    Args:
        config: A loaded config.

    Raises:
        ValueError: No data set of the config reads masks from a separate folder.
        FileNotFoundError: An annotation file is missing.
    """
    found: dict[Path, MaskSet] = {}
    for part in dataset_configs(config).values():
        has_masks = (part.get('data_prefix') or {}).get('mask') is not None
        if not has_masks or not is_dataset(part, XASDataset):
            continue
        dataset = build_unloaded(part)
        images, masks = (Path(dataset.data_prefix[key]) for key in ('img', 'mask'))
        _add(found.setdefault(masks, MaskSet(masks)), dataset, images)
    sets = [masks for masks in found.values() if masks.frames]
    if not sets:
        raise ValueError('no data set of the config reads masks from a folder; data_prefix=dict(img=…, mask=…) '
                         'expected')
    return sets


def _add(masks: MaskSet, dataset: XASDataset, images: Path) -> None:
    for record in dataset.mask_records():
        name = Path(os.path.relpath(record['img_path'], images)).as_posix()
        box = [float(value) for value in record['box']]
        if name not in masks.boxes:
            mask_name = Path(os.path.relpath(record['mask_path'], masks.out)).as_posix()
            masks.frames.append(Frame(name, mask_name, Path(record['img_path'])))
        if box not in masks.boxes.setdefault(name, []):
            masks.boxes[name].append(box)
