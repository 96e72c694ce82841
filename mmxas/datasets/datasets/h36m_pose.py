"""Human3.6M in mmpose's layout: an npz of frames, a pickle of cameras, images, and masks where there are any."""
from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmxas.body_models.safe_pickle import load_pickle
from mmxas.datasets.transforms.loading import ON_ERROR, read_image
from mmxas.ops.boxes import mask_box
from mmxas.registry import DATASETS

from .image_checks import check_files
from .xas_dataset import XASDataset

NAME = re.compile(r'(?P<subject>S\d+)_(?P<action>[A-Za-z]+)[ _]?(?P<take>\d*)\.(?P<camera>\d+)_(?P<frame>\d+)\.\w+$')
SHOULDERS = (11, 14)
_BOX_PX = 200.0  # `scale` of mmpose's files counts in these


@DATASETS.register_module()
class H36MPoseDataset(XASDataset):
    """Frames of Human3.6M with the paper's 18 keypoints: the file's 17 and the middle of the shoulders.

    The npz holds ``imgname``, ``center`` (px), ``scale`` (200 px), ``part`` (n, 17, 3; image px of the distorted image)
    and ``S`` (n, 17, 4; camera frame, metres); the pickle of cameras ``{(subject, camera): {'f', 'c', …}}``. ``clip``
    of a sample is its action without the number of the take.

    Args:
        ann_file: The npz, in ``data_root``.
        camera_file: The pickle, in ``data_root``. Defaults to ``'cameras.pkl'``.
        data_prefix: Folders ``img`` and, optionally, ``mask`` in ``data_root``; the mask of ``x.jpg`` is ``x.png``.
            Defaults to images in ``data_root`` and no masks.
        subjects: Keep these only, e.g. ``['S9', 'S11']``. Defaults to None: all.
        actions: Keep these only, e.g. ``['Greeting']``. Defaults to None: all.
        box: ``'root'``, ``'annotation'`` (the file's centre and scale) or ``'mask'``. Defaults to ``'root'``, the
            paper's protocol, which takes the root and the camera from the ground truth.
        on_error: ``'raise'`` or ``'skip'`` for unreadable files. Defaults to ``'raise'``.
        num_checked: About how many files are looked at before training, evenly spread. Defaults to 1000.
        sample_interval: Keep every n-th frame. Defaults to 1.
        **kwargs: Arguments of :class:`XASDataset`.

    Raises:
        FileNotFoundError: The npz, the pickle or an image is missing.
        KeyError: A camera of a frame is not in the pickle.
        ValueError: A file's name cannot be read, no frame is left, or the skeleton has not 18 keypoints.
    """

    def __init__(self, ann_file: str, camera_file: str = 'cameras.pkl', data_prefix: dict | None = None,
                 subjects: Sequence[str] | None = None, actions: Sequence[str] | None = None, box: str = 'root',
                 on_error: str = 'raise', num_checked: int = 1000, **kwargs: Any) -> None:
        if on_error not in ON_ERROR:
            raise ValueError(f'on_error={on_error!r}, expected one of {ON_ERROR}')
        self.camera_file, self.on_error, self.num_checked = camera_file, on_error, num_checked
        self.subjects = None if subjects is None else tuple(subjects)
        self.actions = None if actions is None else tuple(actions)
        if box == 'mask' and 'mask' not in (data_prefix or {}):
            raise ValueError("box='mask' needs the folder of masks: data_prefix=dict(img=…, mask=…)")
        super().__init__(ann_file=ann_file, data_prefix=data_prefix, box=box, **kwargs)

    def get_data_info(self, idx: int) -> dict:
        """Return the raw sample ``idx``, with its mask and the mask's box under ``box='mask'``."""
        info = super().get_data_info(idx)
        if self.box == 'mask':
            info['mask'] = read_image(info['mask_path'], cv2.IMREAD_GRAYSCALE)
            bbox = mask_box(info['mask'])
            info['bbox'] = info['bbox'] if bbox is None else bbox[None]
        return info

    def load_data_list(self) -> list[dict]:
        """List the frames. Poses are read for labels or for boxes around the root, and not otherwise.

        Raises:
            FileNotFoundError: There is no annotation file.
        """
        if not Path(self.ann_file).is_file():
            raise FileNotFoundError(f'{self.ann_file}: no such file; expected an npz in the layout of mmpose')
        with np.load(self.ann_file) as content:
            names, centres, scales = content['imgname'], content['center'], content['scale']
            use_poses = self.with_labels or self.box == 'root'
            poses = append_thorax(content['S'][..., :3] * 1000.0) if use_poses else None
            parts = append_thorax(content['part'][..., :2]) if self.with_labels else None
        if use_poses:
            self.check_keypoints(poses.shape[1], self.ann_file)
        cameras = self._cameras() if use_poses else {}
        records = []
        for i in range(0, len(names), self.sample_interval):
            record = self._frame(i, str(names[i]), centres[i], float(scales[i]))
            if not self._is_chosen(record):
                continue
            if use_poses:
                K = self._intrinsics(cameras, record)
                if self.box == 'root':
                    record['bbox'] = self.root_bbox(poses[i, self.skeleton.root], K)
                if self.with_labels:
                    record.update(self.labels(poses[i], K, parts[i]))
            records.append(record)
        records = check_files(records, self.on_error, self.num_checked)
        if not records:
            raise ValueError(f'{self.ann_file}: no frame of {self.subjects or "any subject"}, '
                             f'{self.actions or "any action"} is left of {len(names)}')
        return records

    def _is_chosen(self, record: dict) -> bool:
        return ((self.subjects is None or record['subject'] in self.subjects)
                and (self.actions is None or record['clip'] in self.actions))

    def _frame(self, index: int, name: str, centre: np.ndarray, scale: float) -> dict:
        found = NAME.search(name)
        if found is None:
            raise ValueError(f'{self.ann_file}: frame name {name!r}, expected the form '
                             'S1_Directions_1.54138969_000001.jpg')
        half = scale * _BOX_PX / 2 / self.crop_padding
        bbox = np.concatenate([centre - half, centre + half]).astype(np.float32)[None]
        record = {
            'id': index, 'img_path': str(Path(self.data_prefix['img']) / name), 'sample_name': name, 'bbox': bbox,
            'bbox_score': np.ones(1, dtype=np.float32), 'box_source': self.box, 'subject': found['subject'],
            'clip': found['action'], 'frame': int(found['frame']), 'camera_name': found['camera']}
        if 'mask' in self.data_prefix:
            record['mask_path'] = str((Path(self.data_prefix['mask']) / name).with_suffix('.png'))
        return record

    def _cameras(self) -> dict:
        path = Path(self.data_root or '') / self.camera_file
        if not path.is_file():
            raise FileNotFoundError(f'{path}: no such file; expected the cameras of the frames, as a pickle of '
                                    '{(subject, camera): {f, c, …}}')
        return load_pickle(path)

    def _intrinsics(self, cameras: dict, record: dict) -> np.ndarray:
        key = record['subject'], record['camera_name']
        if key not in cameras:
            raise KeyError(f'{self.camera_file}: no camera {key}, which {record["sample_name"]} was taken by')
        focal, centre = np.ravel(cameras[key]['f']), np.ravel(cameras[key]['c'])
        return np.array([[focal[0], 0, centre[0]], [0, focal[1], centre[1]], [0, 0, 1]])


def append_thorax(keypoints: np.ndarray) -> np.ndarray:
    """Append the middle of the shoulders to Human3.6M's 17 keypoints: (..., 17, C) to (..., 18, C)."""
    thorax = keypoints[..., list(SHOULDERS), :].mean(axis=-2, keepdims=True)
    return np.concatenate([keypoints, thorax], axis=-2)
