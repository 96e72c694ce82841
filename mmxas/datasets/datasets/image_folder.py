"""A folder of images or a video, with optional masks and boxes."""
from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmxas.datasets.transforms.loading import (
    ON_ERROR,
    SkipCounter,
    UnreadableImageError,
    check_mask_size,
)
from mmxas.io import AmbiguousMaskError, VideoReader, nearly_all_bad, read_json, read_mask
from mmxas.io.bodies import body_mask, body_name, image_of, masks_of_images
from mmxas.io.boxes import check_inside, match_bodies
from mmxas.io.image_folders import find_images, same_name
from mmxas.io.images import image_size
from mmxas.ops.boxes import mask_box
from mmxas.registry import DATASETS

from .image_checks import check_files
from .xas_dataset import XASDataset


@DATASETS.register_module()
class ImageFolderDataset(XASDataset):
    """Images of a folder, or frames of a video, without labels; one sample per body.

    The box of an image is the given one, else that of its mask, else the whole image. The mask of ``a/b.jpg`` is
    ``a/b.png`` (or another image extension) in the folder of masks. Frame 7 of ``clip.mp4`` is called ``clip.mp4:7``;
    its mask is ``clip/000007.png``. An image with several bodies has one box per body, one mask per body
    (``a/b.1.png``, ``a/b.2.png``), or both; its samples are called ``a/b.jpg#1``, ``a/b.jpg#2``.

    Args:
        data_root: The folder of images, searched with its subfolders, or a video file.
        masks: The folder of masks, absolute or in the working directory. Defaults to None.
        boxes: ``{file: [x0, y0, x1, y1]}`` in px of the image, or a json file of that. An image with several bodies has
            a list of boxes; an image with an empty list is left out. Files are relative to ``data_root`` (video frames
            by their names), or matched by :func:`~mmxas.io.boxes.match_boxes`. Defaults to None.
        on_error: What to do with an unreadable or truncated file, and with an image without a mask: ``'raise'``, or
            ``'skip'`` (log, count and continue; of a truncated video the readable frames are used). All-black masks are
            always skipped, logged and counted. Defaults to ``'raise'``.
        files: Names of the images or bodies to use, or a json file with a list of them. Defaults to None: all.
        mask_ids: Foreground values of the masks, see :func:`~mmxas.io.read_mask`. Defaults to None: its default rule.
        **kwargs: Arguments of :class:`XASDataset`; ``sample_interval=n`` keeps every n-th image or frame.

    Raises:
        FileNotFoundError: The folder does not exist or has no image, or an image has no mask.
        UnreadableImageError: A file is unreadable or truncated.
        ValueError: A mask is ambiguous or its size differs from its image's, or nearly all masks are black; a box has
            no area or lies outside its image; the numbers of boxes and masks of an image differ; ``boxes`` or ``files``
            name an image that does not exist; ``on_error`` is unknown; or labels are requested.
    """

    def __init__(self, data_root: str, masks: str | None = None,
                 boxes: str | Mapping[str, Sequence[float]] | None = None, on_error: str = 'raise',
                 files: str | Sequence[str] | None = None, mask_ids: Sequence[int] | None = None,
                 **kwargs: Any) -> None:
        if on_error not in ON_ERROR:
            raise ValueError(f'on_error={on_error!r}, expected one of {ON_ERROR}')
        if kwargs.get('with_labels'):
            raise ValueError('a folder of images has no labels: with_labels=True is not possible')
        self.masks, self.on_error, self.mask_ids, self.boxes = masks, on_error, mask_ids, boxes
        files = read_json(files) if isinstance(files, str) else files
        self.files = None if files is None else set(map(same_name, files))
        self.skipped = SkipCounter('sample')
        self.video: VideoReader | None = None
        super().__init__(data_root=data_root, **kwargs)

    def get_data_info(self, idx: int) -> dict:
        """Return the raw sample ``idx``; video frames have their image in memory."""
        info = super().get_data_info(idx)
        if self.video is not None:
            info['img'] = self.video.read(info['frame'], 'bgr24')
        return info

    def load_data_list(self) -> list[dict]:
        """List the images with their masks and boxes, after checking the files.

        Raises:
            FileNotFoundError: The folder does not exist, has no image, or none that can be used.
            ValueError: Nearly all masks are black.
        """
        images = self._frames() if Path(self.data_root).is_file() else self._images()
        boxes = match_bodies(self.boxes, [record['sample_name'] for record in images])
        images = self._chosen(images)[::self.sample_interval]
        found = self._bodies([record for record in images if boxes.get(record['sample_name']) != {}], boxes)
        records = found if self.masks is None else [record for record in found if self._has_mask(record)]
        records = self._check(records)
        self._black = 0
        whole, records = records, [record for record in records if self._find_box(record)]
        if not records:
            raise FileNotFoundError(f'{self.data_root}: none of its {len(images)} images can be used; the log names '
                                    'each except those without a body (boxes)')
        bad = nearly_all_bad([0.0] * self._black + [0.5] * (len(whole) - self._black))
        if bad:
            raise ValueError(f'{self.masks}: {bad}; check the foreground with '
                             'mmxas check-dataset; mask_ids selects it by value')
        if len(records) < len(found):
            print_log(f'{self.data_root}: {len(records)} of {len(found)} images are used', 'current', logging.WARNING)
        return records

    def _images(self) -> list[dict]:
        root = Path(self.data_root)
        if not root.is_dir():
            raise FileNotFoundError(f'{root}: no such folder of images, nor a video file')
        return [{'id': i, 'img_path': str(path), 'sample_name': str(path.relative_to(root))}
                for i, path in enumerate(find_images(root))]

    def _frames(self) -> list[dict]:
        self.video = VideoReader(self.data_root, complete=self.on_error == 'raise')
        name = Path(self.data_root).name
        return [{'id': i, 'sample_name': f'{name}:{i}', 'clip': name, 'frame': i} for i in range(len(self.video))]

    def _chosen(self, records: list[dict]) -> list[dict]:
        if self.files is None:
            return records
        chosen = {image_of(name)[0] for name in self.files}
        absent = chosen - {same_name(record['sample_name']) for record in records}
        if absent:
            raise ValueError(f'{self.data_root}: files names {min(absent)!r}, which is not among its {len(records)} '
                             'images')
        return [record for record in records if same_name(record['sample_name']) in chosen]

    def _bodies(self, records: list[dict], boxes: Mapping[str, Mapping[int, list]]) -> list[dict]:
        """Return one record per body, with its mask and box if given."""
        stems = [same_name(self._mask_stem(record)) for record in records]
        masks, bodies = {} if self.masks is None else masks_of_images(self.masks, set(stems)), []
        for record, stem in zip(records, stems, strict=True):
            image, mask_of = same_name(record['sample_name']), masks.get(stem, {})
            box_of = boxes.get(record['sample_name'], {})
            if mask_of and box_of and (0 in mask_of) != (0 in box_of):
                raise ValueError(f'{record["sample_name"]}: {len(box_of)} boxes but {len(mask_of)} masks; several '
                                 f'bodies have a mask each, {stem}.1.png, {stem}.2.png and so on, as '
                                 '`mmxas masks --boxes` makes them')
            for number in sorted({*mask_of, *box_of}) or [0]:
                if self.files is None or self.files & {image, body_name(image, number)}:
                    given = {'mask_path': str(mask_of[number])} if number in mask_of else {}
                    bodies.append({**record, 'sample_name': body_name(record['sample_name'], number), **given,
                                   'box': box_of.get(number)})
        return bodies

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

    def _mask_stem(self, record: dict) -> str:
        if self.video is not None:
            return f'{Path(self.data_root).stem}/{record["frame"]:06d}'
        return Path(record['sample_name']).with_suffix('').as_posix()

    def _has_mask(self, record: dict) -> bool:
        if 'mask_path' in record:
            return True
        image, number = image_of(record['sample_name'])
        mask = Path(self.masks, body_mask(f'{self._mask_stem({**record, "sample_name": image})}.png', number))
        if self.on_error == 'raise':
            raise FileNotFoundError(f"{self._name(record)}: no mask {mask}; set on_error='skip' to continue without it")
        self.skipped.add(f'{self._name(record)}: no mask {mask}')
        return False

    def _find_box(self, record: dict) -> bool:
        given = record.pop('box')
        if given is not None:
            box, source = np.asarray(given, dtype=np.float32), 'annotation'
        elif 'mask_path' in record:
            try:
                box, source = mask_box(read_mask(record['mask_path'], self.mask_ids)), 'mask'
            except AmbiguousMaskError as error:
                if self.on_error == 'raise':
                    raise
                self.skipped.add(str(error))
                return False
        else:
            box, source = np.array([0, 0, *self._shape(record)[::-1]], dtype=np.float32), 'image'
        if box is None:
            self.skipped.add(f'{record["mask_path"]}: the mask is all black')
            self._black += 1
            return False
        if given is not None:
            check_inside(given, record['sample_name'], self._shape(record))
        record.update(bbox=box[None], bbox_score=np.ones(1, dtype=np.float32), box_source=source)
        if self.mask_ids is not None:
            record['mask_ids'] = list(self.mask_ids)
        return True

    def _shape(self, record: dict) -> tuple[int, int]:
        return image_size(record['img_path']) if self.video is None else self.video.shape

    @staticmethod
    def _name(record: dict) -> str:
        return record.get('img_path') or record['sample_name']
