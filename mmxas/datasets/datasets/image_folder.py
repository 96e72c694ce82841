"""A folder of images or a video, with masks and boxes where there are any."""
from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.logging import print_log

from mmxas.datasets.image_boxes import match_boxes
from mmxas.datasets.transforms.loading import (
    ON_ERROR,
    SkipCounter,
    UnreadableImageError,
    check_mask_size,
    read_image,
)
from mmxas.ops.boxes import mask_box
from mmxas.registry import DATASETS
from mmxas.safe_files import read_json

from .image_checks import check_files, image_size
from .video_frames import VIDEOS, VideoFrames
from .xas_dataset import XASDataset

EXTENSIONS = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff')


@DATASETS.register_module()
class ImageFolderDataset(XASDataset):
    """Images of a folder, or frames of a video, one body each; it has no labels.

    The box of an image is the one given for it, else its mask's, else the whole image. The mask of ``a/b.jpg`` is
    ``a/b.png`` (or another image extension) in the folder of masks. Frame 7 of ``clip.mp4`` is called ``clip.mp4:7``;
    its mask is ``clip/000007.png``.

    Args:
        data_root: The folder of images, searched with its subfolders, or a video file.
        masks: The folder of masks, absolute or in the working directory. Defaults to None.
        boxes: ``{file: [x0, y0, x1, y1]}`` in px of the image, with files relative to ``data_root`` (a video's frames
            by their names) or as :func:`~mmxas.datasets.image_boxes.match_boxes` matches them, or a json file of it. An
            empty list says that nobody is there: the image is left out. Defaults to None.
        on_error: What to do with an unreadable or truncated file, and with an image without a mask: ``'raise'``, or
            ``'skip'`` (log, count, go on; of a truncated video the frames that are there are used). All-black masks are
            always skipped, logged and counted. Defaults to ``'raise'``.
        files: Names of the images to use, as in ``boxes``, or a json file with a list of them. Defaults to None: all.
        **kwargs: Arguments of :class:`XASDataset`; ``sample_interval=n`` keeps every n-th image or frame.

    Raises:
        FileNotFoundError: The folder is missing or holds no image, or an image has no mask.
        UnreadableImageError: A file is unreadable or truncated.
        ValueError: A mask has another size than its image; a box has no area, or does not touch its image; an image has
            several boxes; ``boxes`` or ``files`` name an image that is not there; an unknown ``on_error``; labels are
            asked for.
    """

    def __init__(self, data_root: str, masks: str | None = None,
                 boxes: str | Mapping[str, Sequence[float]] | None = None, on_error: str = 'raise',
                 files: str | Sequence[str] | None = None, **kwargs: Any) -> None:
        if on_error not in ON_ERROR:
            raise ValueError(f'on_error={on_error!r}, expected one of {ON_ERROR}')
        if kwargs.get('with_labels'):
            raise ValueError('a folder of images has no labels: with_labels=True is not possible')
        self.masks, self.on_error = masks, on_error
        self.boxes = boxes
        self.files = None if files is None else set(read_json(files) if isinstance(files, str) else files)
        self.skipped = SkipCounter('sample')
        self.video: VideoFrames | None = None
        super().__init__(data_root=data_root, **kwargs)

    def get_data_info(self, idx: int) -> dict:
        """Return the raw sample ``idx``, a video's frame with its image in memory."""
        info = super().get_data_info(idx)
        if self.video is not None:
            info['img'] = self.video[info['frame']]
        return info

    def load_data_list(self) -> list[dict]:
        """List the images with their masks and boxes, after checking the files.

        Raises:
            FileNotFoundError: There is no folder, no image in it, or none that can be used.
        """
        found = self._frames() if Path(self.data_root).is_file() else self._images()
        boxes = match_boxes(self.boxes, [record['sample_name'] for record in found])
        found = self._chosen(found)[::self.sample_interval]
        records = [record for record in found if boxes.get(record['sample_name']) != []]
        if self.masks is not None:
            records = [record for record in records if self._find_mask(record)]
        records = self._check(records)
        records = [record for record in records if self._find_box(record, boxes.get(record['sample_name']))]
        if not records:
            raise FileNotFoundError(f'{self.data_root}: none of its {len(found)} images can be used; the log names '
                                    'each')
        if len(records) < len(found):
            print_log(f'{self.data_root}: {len(records)} of {len(found)} images are used', 'current', logging.WARNING)
        return records

    def _images(self) -> list[dict]:
        root = Path(self.data_root)
        if not root.is_dir():
            raise FileNotFoundError(f'{root}: no such folder of images, nor a video file')
        files = sorted(p for p in root.rglob('*') if p.suffix.lower() in EXTENSIONS)
        if not files:
            raise FileNotFoundError(f'{root}: no image in this folder or below it; expected {", ".join(EXTENSIONS)}; '
                                    f'a video ({", ".join(VIDEOS)}) is given by its own path')
        return [{'id': i, 'img_path': str(path), 'sample_name': str(path.relative_to(root))}
                for i, path in enumerate(files)]

    def _frames(self) -> list[dict]:
        self.video = VideoFrames(self.data_root, complete=self.on_error == 'raise')
        name = Path(self.data_root).name
        return [{'id': i, 'sample_name': f'{name}:{i}', 'clip': name, 'frame': i} for i in range(len(self.video))]

    def _chosen(self, records: list[dict]) -> list[dict]:
        if self.files is None:
            return records
        absent = self.files - {record['sample_name'] for record in records}
        if absent:
            raise ValueError(f'{self.data_root}: files names {min(absent)!r}, which is not among its {len(records)} '
                             'images')
        return [record for record in records if record['sample_name'] in self.files]

    def _check(self, records: list[dict]) -> list[dict]:
        if self.video is None:
            return check_files(records, self.on_error)
        return [record for record in records if self._has_readable_mask(record)]

    def _has_readable_mask(self, record: dict) -> bool:
        try:
            if 'mask_path' in record:
                check_mask_size(image_size(record['mask_path']), self.video.shape, record['mask_path'],
                                record['sample_name'])
        except UnreadableImageError as error:
            if self.on_error == 'raise':
                raise
            self.skipped.add(str(error))
            return False
        return True

    def _find_mask(self, record: dict) -> bool:
        name = record['sample_name']
        if self.video is not None:
            name = f'{Path(self.data_root).stem}/{record["frame"]:06d}.png'
        stem = (Path(self.masks) / name).with_suffix('')
        suffixes = [*('.png', *EXTENSIONS), *(extension.upper() for extension in EXTENSIONS)]
        candidates = [stem.parent / f'{stem.name}{suffix}' for suffix in suffixes]
        found = [path for path in candidates if path.is_file()]
        if found:
            record['mask_path'] = str(found[0])
        elif self.on_error == 'raise':
            raise FileNotFoundError(f'{self._name(record)}: no mask {stem}.png; '
                                    "set on_error='skip' to go on without it")
        else:
            self.skipped.add(f'{self._name(record)}: no mask {stem}.png')
        return bool(found)

    def _find_box(self, record: dict, given: list | None) -> bool:
        if given is not None:
            box, source = np.asarray(given, dtype=np.float32), 'annotation'
        elif 'mask_path' in record:
            box, source = mask_box(read_image(record['mask_path'], cv2.IMREAD_GRAYSCALE)), 'mask'
        else:
            box, source = np.array([0, 0, *self._shape(record)[::-1]], dtype=np.float32), 'image'
        if box is None:
            self.skipped.add(f'{record["mask_path"]}: the mask is all black')
            return False
        if given is not None:
            self._check_box(box, record)
        record.update(bbox=box[None], bbox_score=np.ones(1, dtype=np.float32), box_source=source)
        return True

    def _check_box(self, box: np.ndarray, record: dict) -> None:
        if box.shape != (4,):
            raise ValueError(f'{record["sample_name"]}: {len(box)} boxes, one expected, [x0, y0, x1, y1]')
        height, width = self._shape(record)
        if box[2] <= 0 or box[3] <= 0 or box[0] >= width or box[1] >= height:
            raise ValueError(f'{record["sample_name"]}: box {box.tolist()} lies outside the image of {width} x '
                             f'{height} px; was it made for another size of it?')

    def _shape(self, record: dict) -> tuple[int, int]:
        return image_size(record['img_path']) if self.video is None else self.video.shape[:2]

    @staticmethod
    def _name(record: dict) -> str:
        return record.get('img_path') or record['sample_name']
