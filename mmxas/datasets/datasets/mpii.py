"""MPII: single images in the wild with 2D keypoints, for evaluation.

16 keypoints in the file's order: right ankle, knee, hip; left hip, knee, ankle; pelvis, thorax, upper neck, head top;
right wrist, elbow, shoulder; left shoulder, elbow, wrist.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log
from scipy.io import loadmat

from mmxas.datasets.transforms.loading import ON_ERROR, SkipCounter, UnreadableImageError
from mmxas.io import AmbiguousMaskError, check_mat, read_json, read_mask
from mmxas.ops.boxes import mask_box
from mmxas.registry import DATASETS

from .annotation_checks import check_annotations
from .image_checks import check_files
from .xas_dataset import XASDataset

NUM_KEYPOINTS = 16
# Indices of the 18 keypoints in the file; torso and nose are not annotated.
FROM_16 = (6, 2, 1, 0, 3, 4, 5, -1, 8, -1, 9, 13, 14, 15, 12, 11, 10, 7)
HEAD_FACTOR = 0.6  # of the head box' diagonal, by the data set's own evaluation
_BOX_PX = 200.0  # `scale` counts in these
_DOWN = 15.0  # centres are moved down by this many px at scale 1, as is usual for these files


@DATASETS.register_module()
class MPIIPoseDataset(XASDataset):
    """MPII in mmpose's layout with the paper's 18 keypoints; torso and nose are never visible.

    The json file lists entries: ``image``, ``center`` (px), ``scale`` (200 px), ``joints`` (16, 2) px, ``joints_vis``
    (16). Pixel coordinates count from 1 in the file, as in the official one, and from 0 in samples. Head boxes are
    ``headbox`` (x0, y0, x1, y1) per person, as written by ``mmxas convert mpii``, or ``headboxes_src`` (2, 2, n) of
    ``mpii_gt_val.mat``. Under ``with_labels`` a sample holds ``keypoints`` (1, 18, 2) px, ``keypoints_visible`` (1, 18)
    and ``head_size`` (1, 1) px, 0.6 of the head box's diagonal, which normalises PCKh. There are no 3D labels.

    Args:
        ann_file: The json file, in ``data_root``.
        headbox_file: The mat file of head boxes, in ``data_root``. Defaults to None: they are in the json file.
        data_prefix: Folders ``img`` and, optionally, ``mask`` in ``data_root``; the mask of ``x.jpg`` is ``x.png``, or
            ``x.jpg``. Defaults to images in ``data_root`` and no masks.
        box: ``'annotation'`` (the file's centre and scale) or ``'mask'``. Defaults to ``'annotation'``.
        mask_coverage: Smallest and largest fraction of the image that a mask may cover; other people are left out,
            because their mask is likely wrong. Requires masks. Defaults to None: keep all. The released code uses (0.1
            / 3, 0.7 / 3), because it compares 0.1 and 0.7 of the pixels with a sum over three equal channels.
        complete: Leave out people with unannotated keypoints, as in the released code. Defaults to False.
        on_error: ``'raise'``, or ``'skip'`` to log, count and leave out people whose image or mask is missing or
            unreadable. Defaults to ``'raise'``.
        num_checked: Approximate number of images checked in advance, evenly spread. Defaults to 1000.
        **kwargs: Arguments of :class:`XASDataset`.

    Raises:
        FileNotFoundError: The json, the mat file or a mask is missing.
        ValueError: The files do not match or are malformed, or an argument is unknown.
    """

    FACTS = ('mask_coverage', 'complete')

    def __init__(self, ann_file: str, headbox_file: str | None = None, data_prefix: dict | None = None,
                 box: str = 'annotation', mask_coverage: Sequence[float] | None = None, complete: bool = False,
                 on_error: str = 'raise', num_checked: int = 1000, **kwargs: Any) -> None:
        if on_error not in ON_ERROR:
            raise ValueError(f'on_error={on_error!r}, expected one of {ON_ERROR}')
        if box == 'root':
            raise ValueError("box='root' needs 3D labels; expected 'annotation' or 'mask'")
        if (box == 'mask' or mask_coverage is not None) and 'mask' not in (data_prefix or {}):
            raise ValueError("box='mask' and mask_coverage need the folder of masks: data_prefix=dict(img=…, mask=…)")
        self.headbox_file, self.complete = headbox_file, complete
        self.mask_coverage = None if mask_coverage is None else tuple(mask_coverage)
        self.on_error, self.num_checked = on_error, num_checked
        self.skipped = SkipCounter('person')
        self.left_out: dict[str, int] = {}
        super().__init__(ann_file=ann_file, data_prefix=data_prefix, box=box, **kwargs)

    def load_data_list(self) -> list[dict]:
        """List the people who pass the filters, and log the number of others.

        Raises:
            FileNotFoundError: The json, the mat file or a mask is missing.
            ValueError: The files do not match or are malformed, or no person is left.
        """
        entries = self._entries()
        self.check_keypoints(len(FROM_16), self.ann_file)
        head_sizes = self._head_sizes(entries) if self.with_labels else None
        self.left_out = dict.fromkeys(('a keypoint is not annotated', 'the mask covers too little or too much'), 0)
        records = []
        for index in range(0, len(entries), self.sample_interval):
            record = self._record(index, entries[index])
            if record is not None:
                if head_sizes is not None:
                    record['head_size'] = np.array([[head_sizes[index]]], dtype=np.float32)
                records.append(record)
        records = check_files(check_annotations(records, self.on_error), self.on_error, self.num_checked)
        if sum(self.left_out.values()):
            print_log(f'{self.ann_file}: {len(records)} of {len(entries)} people are used; left out: {self.left_out}',
                      'current')
        if not records:
            raise ValueError(f'{self.ann_file}: none of {len(entries)} people is left; left out: {self.left_out}')
        return records

    def mask_records(self) -> Iterator[dict]:
        """Yield the masks of all people's images, with the square of each person's centre and scale."""
        if 'mask' in self.data_prefix:
            for entry in self._entries()[::self.sample_interval]:
                mask = (Path(self.data_prefix['mask']) / entry['image']).with_suffix('.png')
                yield {'img_path': str(Path(self.data_prefix['img']) / entry['image']), 'mask_path': str(mask),
                       'box': _annotated_box(entry)[0]}

    def _entries(self) -> list[dict]:
        path = Path(self.ann_file)
        if not path.is_file():
            raise FileNotFoundError(f'{path}: no such file; expected the people of MPII in the layout of mmpose, which '
                                    'mmxas convert mpii makes of the official file')
        entries = read_json(path)
        for index, entry in enumerate(entries):
            missing = {'image', 'center', 'scale', 'joints', 'joints_vis'} - set(entry)
            if missing or np.shape(entry['joints']) != (NUM_KEYPOINTS, 2):
                raise ValueError(f'{path}: person {index} has no {sorted(missing)}' if missing else
                                 f'{path}: person {index} has joints of shape {np.shape(entry["joints"])}, expected '
                                 f'{(NUM_KEYPOINTS, 2)}')
        return entries

    def _head_sizes(self, entries: list[dict]) -> np.ndarray:
        if self.headbox_file is not None and not all('headbox' in entry for entry in entries):
            path = Path(self.data_root or '') / self.headbox_file
            if not path.is_file():
                raise FileNotFoundError(f'{path}: no such file; expected the head boxes of {self.ann_file}')
            check_mat(path)
            content = loadmat(path, variable_names=['headboxes_src'])
            boxes = content.get('headboxes_src', np.zeros(0))
            if boxes.shape != (2, 2, len(entries)):
                raise ValueError(f'{path}: headboxes_src of shape {boxes.shape}, expected (2, 2, {len(entries)}), one '
                                 f'for each person of {self.ann_file}')
            corners = boxes.transpose(2, 0, 1).astype(np.float64)
        elif all('headbox' in entry for entry in entries):
            corners = np.array([entry['headbox'] for entry in entries], dtype=np.float64).reshape(-1, 2, 2)
        else:
            raise ValueError(f'{self.ann_file}: no head boxes in it; give headbox_file, or convert the official file '
                             'with mmxas convert mpii')
        return HEAD_FACTOR * np.linalg.norm(corners[:, 1] - corners[:, 0], axis=-1)

    def _record(self, index: int, entry: dict) -> dict | None:
        """Return the sample of a person, or None if left out."""
        keypoints = np.array(entry['joints'], dtype=np.float64) - 1
        visible = (np.array(entry['joints_vis']) > 0) & (keypoints >= 0).all(axis=-1)
        if self.complete and (keypoints < 0).any():
            self.left_out['a keypoint is not annotated'] += 1
            return None
        record = {
            'id': index, 'img_path': str(Path(self.data_prefix['img']) / entry['image']),
            'sample_name': f'{entry["image"]}#{index}', 'bbox': _annotated_box(entry),
            'bbox_score': np.ones(1, dtype=np.float32), 'box_source': self.box}
        if 'mask' in self.data_prefix and not self._add_mask(record, entry['image']):
            return None
        if self.with_labels:
            record.update(to_18(keypoints, visible))
        return record

    def _add_mask(self, record: dict, image: str) -> bool:
        stem = Path(self.data_prefix['mask']) / image
        found = [path for path in (stem.with_suffix('.png'), stem) if path.is_file()]
        try:
            if not found:
                raise UnreadableImageError(f'{record["img_path"]}: no mask {stem.with_suffix(".png")}')
            record['mask_path'] = str(found[0])
            if self.mask_coverage is None and self.box != 'mask':
                return True
            mask = read_mask(found[0])
        except UnreadableImageError as error:
            if self.on_error == 'raise':
                raise UnreadableImageError(f"{error}; set on_error='skip' to continue without it") from error
            self.skipped.add(str(error))
            return False
        except AmbiguousMaskError as error:
            if self.on_error == 'raise':
                raise
            self.skipped.add(str(error))
            return False
        if self.mask_coverage is not None and not self.mask_coverage[0] <= mask.mean() <= self.mask_coverage[1]:
            self.left_out['the mask covers too little or too much'] += 1
            return False
        bbox = mask_box(mask)
        if self.box == 'mask' and bbox is not None:
            record['bbox'] = bbox[None]
        return True


def to_18(keypoints: np.ndarray, visible: np.ndarray) -> dict[str, np.ndarray]:
    """Convert MPII's 16 keypoints to the paper's 18.

    Args:
        keypoints: (16, 2) image px.
        visible: (16,) bool.

    Returns:
        ``keypoints`` (1, 18, 2) float32 px, 0 if not visible, and ``keypoints_visible`` (1, 18) float32.
    """
    known = np.array(FROM_16) >= 0
    shown = known & np.asarray(visible)[list(FROM_16)]
    points = np.where(shown[:, None], np.asarray(keypoints)[list(FROM_16)], 0.0)
    return {'keypoints': points.astype(np.float32)[None], 'keypoints_visible': shown.astype(np.float32)[None]}


def _annotated_box(entry: dict) -> np.ndarray:
    """Return the square of a person's centre and scale, (1, 4) px on pixel edges."""
    scale = float(entry['scale'])
    centre = np.array(entry['center'], dtype=np.float64) - 1 + [0.5, 0.5 + _DOWN * scale]
    half = scale * _BOX_PX / 2
    return np.concatenate([centre - half, centre + half]).astype(np.float32)[None]
