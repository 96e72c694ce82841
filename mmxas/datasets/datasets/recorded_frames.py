"""What the data sets of recorded frames share: which frames are taken, masks beside the images, boxes and labels."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmxas.body_models.safe_pickle import load_pickle
from mmxas.datasets.transforms.loading import ON_ERROR, read_image
from mmxas.ops.boxes import mask_box

from .annotation_checks import camera_fault, check_annotations, pose_fault
from .image_checks import check_files
from .xas_dataset import XASDataset

SHOULDERS = (11, 14)
BOX_PX = 200.0  # `scale` of mmpose's files counts in these


class RecordedFrames(XASDataset):
    """Base: frames of videos, chosen by subject, action and camera.

    Samples name their ``subject``, ``action`` (also as ``clip``), ``camera_name``, ``sequence`` and ``frame``: the
    views of a moment have all of these in common but the camera.

    Args:
        data_prefix: Folders ``img`` and, optionally, ``mask`` in ``data_root``; the mask of ``x.jpg`` is ``x.png``.
            Defaults to images in ``data_root`` and no masks.
        subjects: Keep these only, e.g. ``['S9', 'S11']``. Defaults to None: all.
        actions: Keep these only, e.g. ``['Greeting']``. Defaults to None: all.
        cameras: Keep these only, by name. Defaults to None: all.
        box: ``'root'``, ``'annotation'`` or ``'mask'``. Defaults to ``'root'``, the paper's protocol, which takes the
            root and the camera from the ground truth.
        on_error: ``'raise'`` or ``'skip'`` for unreadable files and for annotations that no camera and no body give.
            Defaults to ``'raise'``.
        num_checked: About how many files are looked at before training, evenly spread. Defaults to 1000.
        sample_interval: Keep every n-th frame of each video, the same ones for all cameras. Defaults to 1.
        **kwargs: Arguments of :class:`XASDataset`.

    Raises:
        ValueError: ``on_error`` is unknown, or ``box='mask'`` comes without a folder of masks.
    """

    def __init__(self, data_prefix: dict | None = None, subjects: Sequence[str] | None = None,
                 actions: Sequence[str] | None = None, cameras: Sequence[str] | None = None, box: str = 'root',
                 on_error: str = 'raise', num_checked: int = 1000, **kwargs: Any) -> None:
        if on_error not in ON_ERROR:
            raise ValueError(f'on_error={on_error!r}, expected one of {ON_ERROR}')
        if box == 'mask' and 'mask' not in (data_prefix or {}):
            raise ValueError("box='mask' needs the folder of masks: data_prefix=dict(img=…, mask=…)")
        self.on_error, self.num_checked = on_error, num_checked
        chosen = {'subject': subjects, 'action': actions, 'camera_name': cameras}
        self.chosen = {key: tuple(map(str, values)) for key, values in chosen.items() if values is not None}
        super().__init__(data_prefix=data_prefix, box=box, **kwargs)

    @property
    def use_poses(self) -> bool:
        """Whether poses are read at all: for labels, or for boxes around the root."""
        return self.with_labels or self.box == 'root'

    def get_data_info(self, idx: int) -> dict:
        """Return the raw sample ``idx``, with its mask and the mask's box under ``box='mask'``."""
        info = super().get_data_info(idx)
        if self.box == 'mask':
            info['mask'] = read_image(info['mask_path'], cv2.IMREAD_GRAYSCALE)
            bbox = mask_box(info['mask'])
            info['bbox'] = info['bbox'] if bbox is None else bbox[None]
        return info

    def records(self) -> Iterable[dict]:
        """The chosen samples; each subclass lists its own."""
        raise NotImplementedError

    def load_data_list(self) -> list[dict]:
        """List the chosen frames, after checking their files.

        Raises:
            ValueError: No frame is left.
        """
        records = check_annotations(self.records(), self.on_error)
        records = check_files(records, self.on_error, self.num_checked)
        if not records:
            wanted = ', '.join(f'{key} in {list(values)}' for key, values in self.chosen.items())
            raise ValueError(f'{self.ann_file or self.data_root}: no frame is left of {wanted or "any"}')
        return records

    def is_chosen(self, record: dict) -> bool:
        """Whether subject, action and camera of a sample are asked for."""
        return all(record[key] in values for key, values in self.chosen.items())

    def frame_record(self, index: int, name: str, subject: str, action: str, camera: str, sequence: str,
                     frame: int) -> dict:
        """Return a sample without box and labels.

        Args:
            index: Its number.
            name: Of the image, in the folder of images.
            subject: Name of the subject.
            action: Name of the action.
            camera: Name of the camera.
            sequence: Name of the recording, the same for all cameras.
            frame: Number of the frame in the video.
        """
        record = {
            'id': index, 'img_path': str(Path(self.data_prefix['img']) / name), 'sample_name': name,
            'bbox_score': np.ones(1, dtype=np.float32), 'box_source': self.box, 'subject': subject, 'clip': action,
            'action': action, 'camera_name': camera, 'sequence': sequence, 'frame': frame}
        if 'mask' in self.data_prefix:
            record['mask_path'] = str((Path(self.data_prefix['mask']) / name).with_suffix('.png'))
        return record

    def annotation_bbox(self, centre: np.ndarray, scale: float) -> np.ndarray:
        """Return the box (1, 4) of mmpose's ``center`` (2,) px and ``scale`` in 200 px; the crop is this square."""
        half = scale * BOX_PX / 2 / self.crop_padding
        return np.concatenate([centre - half, centre + half]).astype(np.float32)[None]

    def add_pose(self, record: dict, points: np.ndarray, camera: dict, pixels: np.ndarray | None = None) -> None:
        """Add the box around the root under ``box='root'``, and labels under ``with_labels``.

        Args:
            record: The sample.
            points: Keypoints (K, 3) in the camera frame, mm.
            camera: ``K`` (3, 3) px, and where they are known ``R`` (3, 3), world to camera, and ``t`` (3,) mm.
            pixels: Keypoints (K, 2) in image px. Defaults to None: the projected ones.

        What cannot be trained on becomes the sample's ``fault``.
        """
        fault = camera_fault(camera['K']) or pose_fault(points, self.skeleton.root)
        if fault or (pixels is not None and not np.isfinite(pixels).all()):
            record['fault'] = fault or 'its keypoints in the image are not finite'
            return
        if self.box == 'root':
            record['bbox'] = self.root_bbox(points[self.skeleton.root], camera['K'])
        if self.with_labels:
            record.update(self.labels(points, camera['K'], pixels))
            record['camera'] = camera


class EveryNth:
    """Tells which frames of each video are taken.

    Args:
        interval: 1 for all.
    """

    def __init__(self, interval: int) -> None:
        self.interval, self.seen = interval, {}

    def __call__(self, video: Any) -> bool:
        """Count one frame of ``video``; whether it is taken."""
        self.seen[video] = self.seen.get(video, -1) + 1
        return self.seen[video] % self.interval == 0


def read_cameras(path: Path) -> dict:
    """Read a pickle of cameras.

    Raises:
        FileNotFoundError: There is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file; expected the cameras of the frames, as a pickle of '
                                '{(subject, camera): {f, c, …}}')
    return load_pickle(path)


def intrinsics(camera: dict) -> np.ndarray:
    """Return the matrix (3, 3) in px of a camera with ``f`` and ``c``, two numbers each."""
    focal, centre = np.ravel(camera['f']), np.ravel(camera['c'])
    return np.array([[focal[0], 0, centre[0]], [0, focal[1], centre[1]], [0, 0, 1]], dtype=np.float64)


def append_thorax(keypoints: np.ndarray) -> np.ndarray:
    """Append the middle of the shoulders to Human3.6M's 17 keypoints: (..., 17, C) to (..., 18, C)."""
    thorax = keypoints[..., list(SHOULDERS), :].mean(axis=-2, keepdims=True)
    return np.concatenate([keypoints, thorax], axis=-2)
