"""StanfordExtra: photos of dogs of 120 breeds with 24 keypoints, masks and boxes; no 3D labels.

Each entry of the json has ``img_path`` in the images' folder, ``img_width``, ``img_height``, ``img_bbox`` (x, y, width,
height) px, ``joints`` 24 times (x, y, visible), ``seg``, the mask as COCO's compressed run lengths, alone or in COCO's
``{"size": [height, width], "counts": "..."}``, and ``is_multiple_dogs``. Version 12 has 12538 entries. The official
splits are ``.npy`` files of indices into the entries.
"""
from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.logging import print_log

from mmxas.datasets.datasets import XASDataset
from mmxas.datasets.transforms.loading import ON_ERROR, SkipCounter
from mmxas.io import read_array, read_json
from mmxas.io.images import UnreadableImageError, image_size
from mmxas.io.run_lengths import run_length_mask
from mmxas.ops.boxes import box_overlaps, mask_box
from mmxas.registry import DATASETS
from mmxas.structures import load_skeleton

SPLITS = ('train', 'val', 'test')
NUM_KEYPOINTS = 24
KEYS = ('img_path', 'img_width', 'img_height', 'img_bbox', 'joints', 'seg')
FILE_KEYPOINTS = load_skeleton('projects/animal/data/stanford_extra24.json').keypoints


MIN_FIT = 0.6  # the joint mask of two equal dogs side by side overlaps the box of one dog by 0.5


class BadEntryError(ValueError):
    """An unusable entry: the mask is missing or belongs to another image, or values have the wrong form."""


class SeveralDogsError(BadEntryError):
    """An entry of several dogs whose mask does not separate the annotated one."""


@DATASETS.register_module()
class StanfordExtraDataset(XASDataset):
    """StanfordExtra in its own layout, one dog per sample.

    With ``with_labels``, a sample has ``keypoints`` (1, K, 2) px and ``keypoints_visible`` (1, K), matched by name.
    Keypoints of the skeleton that the file lacks, such as root and back, and keypoints with non-finite coordinates are
    never visible. Every sample has its ``mask``, its breed as ``subject``, and ``several``, whether the photo shows
    more than one dog.

    If a photo shows several dogs, its mask covers all of them, but keypoints and box belong to one: the annotated dog's
    part of the mask is used (:func:`part_of_mask`). If the part is ambiguous, for example because dogs touch, the entry
    is left out, logged and counted.

    Args:
        ann_file: The json in ``data_root``, or a pattern that matches one file there. Defaults to
            ``'StanfordExtra*.json'``.
        split: ``'train'``, ``'val'`` or ``'test'``, read from ``split_file``. Defaults to None: all entries.
        split_file: The pattern of a split's file in ``data_root`` with indices into the json, or values of
            ``img_path``. Defaults to ``'{split}_*.npy'``.
        missing_split: ``'raise'``, or ``'all'`` to use all entries, with a warning, if ``data_root`` has no split
            file at all, as with a sample of the photos. Defaults to ``'raise'``.
        several: ``'keep'`` or ``'drop'`` photos of several dogs. Defaults to ``'keep'``.
        box: ``'mask'`` or ``'annotation'``. Defaults to ``'mask'``.
        on_error: ``'raise'``, or ``'skip'`` to log, count and leave out entries without a usable photo or mask.
            Defaults to ``'raise'``.
        data_prefix: Folder ``img`` in ``data_root``. Defaults to ``Images``.
        skeleton: A skeleton with the file's 24 keypoints. Defaults to ``'projects/animal/data/dog26.json'``.
        **kwargs: Arguments of :class:`XASDataset`.

    Raises:
        FileNotFoundError: The json or the split's file is missing.
        ValueError: The files have the wrong form or do not match, no entry is left, or an argument is unknown.
        UnreadableImageError: A photo is missing or truncated.
    """

    def __init__(self, ann_file: str = 'StanfordExtra*.json', split: str | None = None,
                 split_file: str = '{split}_*.npy', missing_split: str = 'raise', several: str = 'keep',
                 box: str = 'mask', on_error: str = 'raise', data_prefix: dict | None = None,
                 data_root: str = 'data/stanford_extra', skeleton: Any = 'projects/animal/data/dog26.json',
                 **kwargs: Any) -> None:
        for name, value, known in (
                ('split', split, (None, *SPLITS)), ('missing_split', missing_split, ('raise', 'all')),
                ('several', several, ('keep', 'drop')), ('box', box, ('mask', 'annotation')),
                ('on_error', on_error, ON_ERROR)):
            if value not in known:
                raise ValueError(f'{name}={value!r}, expected one of {known}')
        self.split, self.split_file, self.missing_split = split, split_file, missing_split
        self.several, self.on_error, self.skipped = several, on_error, SkipCounter('entry')
        super().__init__(ann_file=ann_file, box=box, data_root=data_root, skeleton=skeleton,
                         data_prefix=data_prefix or {'img': 'Images'}, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Return the split's entries after checking their masks and photos.

        Raises:
            FileNotFoundError: The json or the split's file is missing.
            ValueError: The files have the wrong form or do not match, or no entry is left.
            UnreadableImageError: A photo is missing or truncated.
        """
        path = _only(Path(self.ann_file), 'the annotations of StanfordExtra')
        entries = _entries(path)
        self.columns = self._columns()
        records = []
        for index in self._chosen(entries)[::self.sample_interval]:
            if self.several == 'drop' and entries[index].get('is_multiple_dogs'):
                continue
            try:
                records.append(self._record(index, entries[index], f'{path}: entry {index}'))
            except (BadEntryError, UnreadableImageError) as error:
                if self.on_error == 'raise' and not isinstance(error, SeveralDogsError):
                    raise type(error)(f"{error}; set on_error='skip' to go on without it") from error
                self.skipped.add(str(error))
        if not records:
            raise ValueError(f'{path}: none of {len(entries)} entries is left (split={self.split!r}, '
                             f'several={self.several!r}, {self.skipped.count} skipped)')
        return records

    def get_data_info(self, idx: int) -> dict:
        """Return the raw sample ``idx`` with its mask in memory."""
        info = super().get_data_info(idx)
        mask, of_one = run_length_mask(info.pop('seg'), *info.pop('size')), info.pop('of_one')
        info['mask'] = (mask if of_one is None else part_of_mask(mask, *of_one)) * np.uint8(255)
        return info

    def _columns(self) -> list[int]:
        """Return the skeleton's index of each of the file's keypoints."""
        missing = [name for name in FILE_KEYPOINTS if name not in self.skeleton.keypoints]
        if missing:
            raise ValueError(f'skeleton {self.skeleton.name!r} has no {", ".join(missing)}; StanfordExtra needs its 24 '
                             'keypoints by name, as projects/animal/data/dog26.json has them')
        return [self.skeleton.keypoints.index(name) for name in FILE_KEYPOINTS]

    def _chosen(self, entries: list[dict]) -> list[int]:
        """Return the indices of the split's entries."""
        root = Path(self.data_root)
        if self.split is None:
            return list(range(len(entries)))
        if self.missing_split == 'all' and not any(
                found for split in SPLITS for found in root.glob(self.split_file.format(split=split))):
            print_log(f'{root}: no split files; all {len(entries)} entries stand for split={self.split!r}', 'current',
                      logging.WARNING)
            self.split = 'all'
            return list(range(len(entries)))
        path = _only(root / self.split_file.format(split=self.split), f'the places of split={self.split!r}')
        return split_places(read_array(path), entries, path)

    def _record(self, index: int, entry: Mapping[str, Any], name: str) -> dict:
        path = entry['img_path']
        if not isinstance(path, str) or not path:
            raise BadEntryError(f'{name}: img_path {path!r}, expected the path of a photo')
        name = f'{name} ({path})'
        size, image = _size(entry, name), Path(self.data_prefix['img']) / path
        seg, joints = _run_lengths(entry['seg'], size, name), _joints(entry['joints'], name)
        record = {'id': index, 'img_path': str(image), 'sample_name': path, 'seg': seg, 'size': size,
                  'subject': _breed(path), 'several': bool(entry.get('is_multiple_dogs')),
                  'bbox_score': np.ones(1, dtype=np.float32), 'box_source': self.box}
        record['of_one'] = (joints[joints[:, 2] > 0, :2], _annotated_box(entry['img_bbox'], name)) if record[
            'several'] else None
        record['bbox'] = self._bbox(seg, entry['img_bbox'], size, name, record['of_one'])
        found = image_size(image)
        if found != size:
            raise BadEntryError(f'{name}: annotated in {size[1]} x {size[0]} px, but its photo {image} has {found[1]} '
                                f'x {found[0]} px')
        if self.with_labels:
            record.update(self._keypoints(joints))
        return record

    def _bbox(self, seg: str, annotated: Any, size: tuple[int, int], name: str, of_one: tuple | None) -> np.ndarray:
        try:
            mask = run_length_mask(seg, *size)
        except ValueError as error:
            raise BadEntryError(f'{name}: {error}') from error
        if not mask.any():
            raise BadEntryError(f'{name}: the mask is all black')
        try:
            box = mask_box(mask if of_one is None else part_of_mask(mask, *of_one))
        except ValueError as error:
            raise SeveralDogsError(f'{name}: several dogs, and {error}') from error
        return (box if self.box == 'mask' else _annotated_box(annotated, name))[None]

    def _keypoints(self, joints: np.ndarray) -> dict[str, np.ndarray]:
        """Return the file's keypoints (24, 3) in the skeleton's order, 0 if invisible or not finite."""
        points = np.zeros((self.skeleton.num_keypoints, 3), np.float32)
        visible = (joints[:, 2:] > 0) & np.isfinite(joints).all(1, keepdims=True)
        points[self.columns] = np.concatenate([np.where(visible, joints[:, :2], 0), visible], axis=1)
        return {'keypoints': points[None, :, :2], 'keypoints_visible': points[None, :, 2]}


def part_of_mask(mask: np.ndarray, points: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Return the annotated dog's part of a mask.

    It consists of the connected components that contain a visible keypoint and are mostly in the box; without such a
    component, it is the one that matches the box best.

    Args:
        mask: (h, w) bool of all dogs.
        points: (N, 2) visible keypoints of one dog, px.
        box: (4,) x0, y0, x1, y1 px around it.

    Raises:
        ValueError: The part has less than half of the keypoints on the mask, or its box overlaps the given one too
            little.
    """
    count, pieces = cv2.connectedComponents(mask.astype(np.uint8))
    edges = np.array(mask.shape[::-1]) - 1
    columns, rows = np.clip(np.rint(points[np.isfinite(points).all(1)]), 0, edges).astype(int).T
    x0, y0, x1, y1 = np.clip(np.rint(box), 0, [*edges + 1] * 2).astype(int)
    held, inside, sizes = (np.bincount(values.ravel(), minlength=count) for values in
                           (pieces[rows, columns], pieces[y0:y1, x0:x1], pieces))
    own = [piece for piece in range(1, count) if held[piece] and 2 * inside[piece] > sizes[piece]]
    own = own or [max(range(1, count), key=lambda piece: _fit(pieces == piece, box))]
    part = np.isin(pieces, own)
    fit = _fit(part, box)
    if fit < MIN_FIT or 2 * held[own].sum() < held[1:].sum():
        raise ValueError(f'their mask does not show which is annotated: its part holds {held[own].sum()} of '
                         f'{held[1:].sum()} keypoints and overlaps the box by {fit:.2f} ({MIN_FIT} expected)')
    return part


def _fit(mask: np.ndarray, box: np.ndarray) -> float:
    """Return the intersection over union of a mask's box and a box (4,)."""
    return box_overlaps(mask_box(mask)[None], box[None])[0, 0]


def split_places(content: np.ndarray, entries: list[dict], path: Path) -> list[int]:
    """Return the indices of a split's entries in the json.

    Args:
        content: (n,) indices, or values of ``img_path``.
        entries: Entries of the json.
        path: The split's file, for messages.

    Raises:
        ValueError: An index is out of range, a path is unknown, or the file has neither.
    """
    content = np.ravel(content)
    if content.dtype.kind in 'iu':
        if len(content) and not 0 <= content.min() <= content.max() < len(entries):
            raise ValueError(f'{path}: places {content.min()} to {content.max()}, but the annotations have '
                             f'{len(entries)} entries; the split belongs to another version of them')
        return content.tolist()
    if content.dtype.kind not in 'US':
        raise ValueError(f'{path}: places or image paths expected, found {content.dtype}')
    places = {entry['img_path']: index for index, entry in enumerate(entries)}
    names = [name.decode() if isinstance(name, bytes) else str(name) for name in content.tolist()]
    unknown = [name for name in names if name not in places]
    if unknown:
        raise ValueError(f'{path}: {len(unknown)} of its images are not annotated, the first is {unknown[0]}')
    return [places[name] for name in names]


def _entries(path: Path) -> list[dict]:
    """Return the json's entries after checking their form."""
    entries = read_json(path)
    if not isinstance(entries, list) or not entries:
        raise ValueError(f'{path}: a list of entries expected, found {type(entries).__name__}')
    for index, entry in enumerate(entries):
        missing = [key for key in KEYS if not isinstance(entry, dict) or key not in entry and key != 'seg']
        if missing:
            raise ValueError(f'{path}: entry {index} has no {", ".join(missing)}')
        entry.setdefault('seg', '')
    return entries


def _size(entry: Mapping[str, Any], name: str) -> tuple[int, int]:
    """Return height and width, px."""
    given = (entry['img_height'], entry['img_width'])
    try:
        size = (int(given[0]), int(given[1]))
    except (TypeError, ValueError, OverflowError):
        size = (0, 0)
    if min(size) < 1:
        raise BadEntryError(f'{name}: img_height {given[0]!r} and img_width {given[1]!r}, expected two numbers of px')
    return size


def _run_lengths(seg: Any, size: tuple[int, int], name: str) -> str:
    """Return the text of the mask, given as text or in COCO's form with the size of its image."""
    if isinstance(seg, Mapping):
        if seg.get('size') != list(size):
            raise BadEntryError(f'{name}: seg has the size {seg.get("size")}, expected {list(size)}, the height and '
                                'width of its photo')
        seg = seg.get('counts')
    if not seg:
        raise BadEntryError(f'{name}: no mask')
    if not isinstance(seg, str):
        raise BadEntryError(f"{name}: seg is of type {type(seg).__name__}, expected COCO's compressed run lengths as "
                            "text, or a dict of size and counts; pycocotools' frPyObjects makes them of polygons")
    return seg


def _annotated_box(values: Any, name: str) -> np.ndarray:
    """Convert (x, y, width, height) to corners (4,)."""
    box = values if isinstance(values, list) else []
    numbers = all(isinstance(value, int | float) and np.isfinite(value) for value in box)
    if len(box) != 4 or not numbers or min(box[2:]) <= 0:
        raise BadEntryError(f'{name}: img_bbox {values}, expected (x, y, width, height) of an area')
    x, y, width, height = box
    return np.array([x, y, x + width, y + height], dtype=np.float32)


def _joints(values: Any, name: str) -> np.ndarray:
    """Return the file's joints (24, 3)."""
    try:
        joints = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadEntryError(f'{name}: joints of {NUM_KEYPOINTS} times x, y and visibility expected ({error})') from None
    if joints.shape != (NUM_KEYPOINTS, 3):
        raise BadEntryError(f'{name}: joints of shape {joints.shape}, expected {(NUM_KEYPOINTS, 3)}, x, y and '
                            'visibility')
    return joints


def _only(pattern: Path, what: str) -> Path:
    """Return the only file that matches a pattern."""
    found = sorted(pattern.parent.glob(pattern.name))
    if len(found) != 1:
        names = ', '.join(path.name for path in found) or 'none'
        raise FileNotFoundError(f'{pattern}: one file expected, {what}; there are: {names}')
    return found[0]


def _breed(path: str) -> str:
    """Return the breed of a path: ``Weimaraner`` for ``n02092339-Weimaraner/x.jpg``."""
    return Path(path).parent.name.partition('-')[2] or Path(path).parent.name
