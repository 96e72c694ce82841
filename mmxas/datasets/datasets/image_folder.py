"""A folder of images, with masks and boxes where there are any."""
from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.logging import print_log

from mmxas.datasets.transforms.loading import ON_ERROR, SkipCounter, read_image
from mmxas.ops.boxes import mask_box
from mmxas.registry import DATASETS

from .image_checks import check_files, image_size
from .xas_dataset import XASDataset

EXTENSIONS = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff')


@DATASETS.register_module()
class ImageFolderDataset(XASDataset):
    """Images of a folder, one body each; it has no labels.

    The box of an image is the one given for it, else its mask's, else the whole image. The mask of ``a/b.jpg`` is
    ``a/b.png`` (or another image extension) in the folder of masks.

    Args:
        data_root: The folder of images, searched with its subfolders.
        masks: The folder of masks, absolute or in the working directory. Defaults to None.
        boxes: ``{file: [x0, y0, x1, y1]}`` in px of the image, with files relative to ``data_root``, or a json file of
            it. Defaults to None.
        on_error: What to do with an unreadable or truncated file, and with an image without a mask: ``'raise'``, or
            ``'skip'`` (log, count, go on). All-black masks are always skipped, logged and counted. Defaults to
            ``'raise'``.
        **kwargs: Arguments of :class:`XASDataset`.

    Raises:
        FileNotFoundError: The folder is missing or holds no image, or an image has no mask.
        ValueError: A mask has another size than its image, or a box no area; an unknown ``on_error``; labels are asked
            for.
    """

    def __init__(self, data_root: str, masks: str | None = None,
                 boxes: str | Mapping[str, Sequence[float]] | None = None, on_error: str = 'raise',
                 **kwargs: Any) -> None:
        if on_error not in ON_ERROR:
            raise ValueError(f'on_error={on_error!r}, expected one of {ON_ERROR}')
        if kwargs.get('with_labels'):
            raise ValueError('a folder of images has no labels: with_labels=True is not possible')
        self.masks, self.on_error = masks, on_error
        if isinstance(boxes, str):
            boxes = json.loads(Path(boxes).read_text(encoding='utf-8'))
        self.boxes = dict(boxes or {})
        self.skipped = SkipCounter('sample')
        super().__init__(data_root=data_root, **kwargs)

    def load_data_list(self) -> list[dict]:
        """List the images with their masks and boxes, after checking the files.

        Raises:
            FileNotFoundError: There is no folder, no image in it, or none that can be used.
        """
        root = Path(self.data_root)
        if not root.is_dir():
            raise FileNotFoundError(f'{root}: no such folder of images')
        files = sorted(p for p in root.rglob('*') if p.suffix.lower() in EXTENSIONS)
        if not files:
            raise FileNotFoundError(f'{root}: no image in this folder or below it; expected {", ".join(EXTENSIONS)}')
        records = [{'id': i, 'img_path': str(path), 'sample_name': str(path.relative_to(root))}
                   for i, path in enumerate(files)]
        if self.masks is not None:
            records = [record for record in records if self._find_mask(record)]
        records = check_files(records, self.on_error)
        records = [record for record in records if self._find_box(record)]
        if not records:
            raise FileNotFoundError(f'{root}: none of its {len(files)} images can be used; the log names each')
        if len(records) < len(files):
            print_log(f'{root}: {len(records)} of {len(files)} images are used', 'current', logging.WARNING)
        return records

    def _find_mask(self, record: dict) -> bool:
        stem = (Path(self.masks) / record['sample_name']).with_suffix('')
        candidates = [stem.parent / f'{stem.name}{extension}' for extension in ('.png', *EXTENSIONS)]
        found = [path for path in candidates if path.is_file()]
        if found:
            record['mask_path'] = str(found[0])
        elif self.on_error == 'raise':
            raise FileNotFoundError(f'{record["img_path"]}: no mask {stem}.png; '
                                    "set on_error='skip' to go on without it")
        else:
            self.skipped.add(f'{record["img_path"]}: no mask {stem}.png')
        return bool(found)

    def _find_box(self, record: dict) -> bool:
        given = self.boxes.get(record['sample_name'])
        if given is not None:
            box, source = np.asarray(given, dtype=np.float32), 'annotation'
        elif 'mask_path' in record:
            box, source = mask_box(read_image(record['mask_path'], cv2.IMREAD_GRAYSCALE)), 'mask'
        else:
            height, width = image_size(record['img_path'])
            box, source = np.array([0, 0, width, height], dtype=np.float32), 'image'
        if box is None:
            self.skipped.add(f'{record["mask_path"]}: the mask is all black')
            return False
        if box.shape != (4, ) or not (box[2:] > box[:2]).all():
            raise ValueError(f'{record["sample_name"]}: box {box.tolist()}, expected [x0, y0, x1, y1] with an area')
        record.update(bbox=box[None], bbox_score=np.ones(1, dtype=np.float32), box_source=source)
        return True
