"""Base class of the data sets of recorded frames: choice of frames, masks, boxes and labels."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from mmxas.datasets.transforms.loading import ON_ERROR
from mmxas.io import read_mask
from mmxas.io.safe_pickle import load_pickle
from mmxas.ops.boxes import mask_box

from .annotation_checks import camera_fault, check_annotations, pose_fault
from .image_checks import check_files
from .xas_dataset import XASDataset

SHOULDERS = (11, 14)
LABELLED = 17  # keypoints of a pose in the files, or more
BODY_MARGIN = 0.1  # margin for hands, feet and hair, as a fraction of the larger side
BOX_PX = 200.0  # `scale` of mmpose's files counts in these


class RecordedFrames(XASDataset):
    """Base of data sets with frames of videos, chosen by subject, action and camera.

    Samples have ``subject``, ``action`` (also as ``clip``), ``camera_name``, ``sequence`` and ``frame``; the views of a
    frame set share all of these except the camera.

    Args:
        data_prefix: Folders ``img`` and, optionally, ``mask`` in ``data_root``; the mask of ``x.jpg`` is ``x.png``.
            ``mask=None`` means no masks. Defaults to images in ``data_root`` and no masks.
        subjects: Keep only these, e.g. ``['S9', 'S11']``. Defaults to None: all.
        actions: Keep only these, e.g. ``['Greeting']``. Defaults to None: all.
        cameras: Keep only these, by name. Defaults to None: all.
        box: ``'root'``, ``'annotation'`` or ``'mask'``. Defaults to ``'root'``, the paper's protocol, which uses the
            ground-truth root and camera.
        on_error: ``'raise'`` or ``'skip'`` for unreadable files and impossible annotations. Defaults to ``'raise'``.
        num_checked: Approximate number of files checked before training, evenly spread. Defaults to 1000.
        sample_interval: Keep every n-th frame of each video, the same frames for all cameras. Defaults to 1.
        random_frames: Of those, keep this many random frames per recording, the same for all cameras and in every run.
            Defaults to None: all.
        **kwargs: Arguments of :class:`XASDataset`.

    Raises:
        ValueError: ``on_error`` is unknown, ``box='mask'`` without a folder of masks, or ``random_frames`` is below 1.
    """

    FACTS = ('random_frames', )

    def __init__(self, data_prefix: dict | None = None, subjects: Sequence[str] | None = None,
                 actions: Sequence[str] | None = None, cameras: Sequence[str] | None = None, box: str = 'root',
                 on_error: str = 'raise', num_checked: int = 1000, random_frames: int | None = None,
                 **kwargs: Any) -> None:
        data_prefix = {name: folder for name, folder in (data_prefix or {}).items() if folder is not None}
        if on_error not in ON_ERROR:
            raise ValueError(f'on_error={on_error!r}, expected one of {ON_ERROR}')
        if box == 'mask' and 'mask' not in data_prefix:
            raise ValueError("box='mask' needs the folder of masks: data_prefix=dict(img=…, mask=…)")
        if random_frames is not None and random_frames < 1:
            raise ValueError(f'random_frames={random_frames}, 1 or more expected, or None for all')
        self.on_error, self.num_checked, self.random_frames = on_error, num_checked, random_frames
        self.subjects, self.actions, self.cameras = (
            None if values is None else tuple(map(str, values)) for values in (subjects, actions, cameras))
        chosen = {'subject': self.subjects, 'action': self.actions, 'camera_name': self.cameras}
        self.chosen = {key: values for key, values in chosen.items() if values is not None}
        super().__init__(data_prefix=data_prefix, box=box, **kwargs)

    @property
    def use_poses(self) -> bool:
        """Return whether poses are read: for labels, or for boxes around the root."""
        return self.with_labels or self.box == 'root'

    @property
    def channels(self) -> dict[str, int]:
        """Return the arrays of poses to read, with the required number of channels of each."""
        return {**({'S': 3} if self.use_poses else {}), **({'part': 2} if self.with_labels else {})}

    def get_data_info(self, idx: int) -> dict:
        """Return the raw sample ``idx``; under ``box='mask'`` with its mask and the mask's box."""
        info = super().get_data_info(idx)
        if self.box == 'mask':
            info['mask'] = read_mask(info['mask_path'])
            bbox = mask_box(info['mask'])
            info['bbox'] = info['bbox'] if bbox is None else bbox[None]
        return info

    def records(self) -> Iterable[dict]:
        """Return the chosen samples; implemented by subclasses."""
        raise NotImplementedError

    def mask_records(self) -> Iterator[dict]:
        """Yield the masks of the chosen frames; the box surrounds the image keypoints with a margin."""
        with_labels, self.with_labels = self.with_labels, True
        try:
            for record in self.records():
                if 'mask_path' in record:
                    keypoints = record.get('keypoints')
                    box = record['bbox'][0] if keypoints is None else keypoint_box(keypoints[0])
                    yield {'img_path': record['img_path'], 'mask_path': record['mask_path'], 'box': box}
        finally:
            self.with_labels = with_labels

    def load_data_list(self) -> list[dict]:
        """List the chosen frames, after checking their files.

        Raises:
            ValueError: No frame is left.
        """
        records = check_annotations(choose_frame_sets(self.records(), self.random_frames), self.on_error)
        records = check_files(records, self.on_error, self.num_checked)
        if not records:
            wanted = ', '.join(f'{key} in {list(values)}' for key, values in self.chosen.items())
            raise ValueError(f'{self.ann_file or self.data_root}: no frame is left of {wanted or "any"}')
        return records

    def is_chosen(self, record: dict) -> bool:
        """Return whether subject, action and camera of a sample are among the chosen ones."""
        return all(record[key] in values for key, values in self.chosen.items())

    def frame_record(self, index: int, name: str, subject: str, action: str, camera: str, sequence: str,
                     frame: int) -> dict:
        """Return a sample without box and labels.

        Args:
            index: Index of the sample.
            name: Path of the image, relative to the folder of images.
            subject: Name of the subject.
            action: Name of the action.
            camera: Name of the camera.
            sequence: Name of the recording, the same for all cameras.
            frame: Index of the frame in the video.
        """
        record = {
            'id': index, 'img_path': str(Path(self.data_prefix['img']) / name), 'sample_name': name,
            'bbox_score': np.ones(1, dtype=np.float32), 'box_source': self.box, 'subject': subject, 'clip': action,
            'action': action, 'camera_name': camera, 'sequence': sequence, 'frame': frame}
        if 'mask' in self.data_prefix:
            record['mask_path'] = str((Path(self.data_prefix['mask']) / name).with_suffix('.png'))
        return record

    def annotation_bbox(self, centre: np.ndarray, scale: float) -> np.ndarray:
        """Return the box (1, 4) of mmpose's ``center`` (2,) px and ``scale`` in 200 px; the crop equals this square."""
        half = scale * BOX_PX / 2 / self.crop_padding
        return np.concatenate([centre - half, centre + half]).astype(np.float32)[None]

    def add_pose(self, record: dict, points: np.ndarray, camera: dict, pixels: np.ndarray | None = None) -> None:
        """Add the box around the root under ``box='root'``, and labels under ``with_labels``.

        Values that cannot be trained on are reported as the sample's ``fault``.

        Args:
            record: The sample.
            points: Keypoints (K, 3) in the camera frame, mm.
            camera: ``K`` (3, 3) px, and if known ``R`` (3, 3), world to camera, and ``t`` (3,) mm.
            pixels: Keypoints (K, 2) in image px. Defaults to None: the projected ones.
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


def keypoint_box(keypoints: np.ndarray, margin: float = BODY_MARGIN) -> np.ndarray:
    """Return a box (4,) around a body: that of its keypoints (K, 2) px plus a ``margin`` relative to its larger
    side."""
    low, high = keypoints.min(axis=0), keypoints.max(axis=0)
    grown = margin * float((high - low).max())
    return np.concatenate([low - grown, high + grown])


class EveryNth:
    """Select every n-th frame of each video.

    Args:
        interval: 1 for all.
    """

    def __init__(self, interval: int) -> None:
        self.interval, self.seen = interval, {}

    def __call__(self, video: Any) -> bool:
        """Count one frame of ``video``; return whether it is selected."""
        self.seen[video] = self.seen.get(video, -1) + 1
        return self.seen[video] % self.interval == 0


def choose_frame_sets(records: Iterable[dict], count: int | None) -> Iterable[dict]:
    """Keep ``count`` random frames per ``sequence``, the same for all cameras; None keeps all.

    The choice depends only on the sequence's name and frames, not on other recordings or cameras.
    """
    if count is None:
        return records
    records, frames = list(records), {}
    for record in records:
        frames.setdefault(record['sequence'], set()).add(record['frame'])
    chosen = {}
    for sequence, numbers in frames.items():
        rng = np.random.default_rng(crc32(sequence.encode()))
        chosen[sequence] = set(rng.choice(sorted(numbers), min(count, len(numbers)), replace=False).tolist())
    return [record for record in records if record['frame'] in chosen[record['sequence']]]


def read_cameras(path: Path) -> dict:
    """Read a pickle of cameras.

    Raises:
        FileNotFoundError: There is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file; expected the cameras of the frames, as a pickle of '
                                '{(subject, camera): {f, c, …}}')
    return load_pickle(path)


def camera_numbers(camera: Any, key: str, shape: tuple[int, ...], where: str = 'camera') -> np.ndarray:
    """Return an entry of a camera as float64 of ``shape``; vectors may be stored as columns.

    Args:
        camera: A camera of a camera file.
        key: Name of the entry.
        shape: Expected shape.
        where: File and camera, for messages. Defaults to ``'camera'``.

    Raises:
        ValueError: The camera is not a dictionary, or the entry is missing, not numeric, or of another shape.
    """
    if not isinstance(camera, Mapping) or key not in camera:
        found = sorted(map(str, camera)) if isinstance(camera, Mapping) else repr(camera)
        raise ValueError(f'{where}: has no {key}; expected a dictionary with {key} of shape {shape}, found {found}')
    try:
        values = np.asarray(camera[key], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f'{where}: {key} is {camera[key]!r}, expected numbers of shape {shape}') from error
    values = values.ravel() if len(shape) == 1 else values
    if values.shape != shape:
        raise ValueError(f'{where}: {key} is {camera[key]!r}, expected numbers of shape {shape}')
    return values


def intrinsics(camera: dict, where: str = 'camera') -> np.ndarray:
    """Return the matrix (3, 3) in px of a camera with ``f`` and ``c``, two numbers each; ``where`` is for messages.

    Raises:
        ValueError: An entry is missing or malformed.
    """
    focal, centre = (camera_numbers(camera, key, (2,), where) for key in ('f', 'c'))
    return np.array([[focal[0], 0, centre[0]], [0, focal[1], centre[1]], [0, 0, 1]], dtype=np.float64)


def check_arrays(content: Mapping[str, np.ndarray], path: str | Path, **channels: int) -> dict[str, np.ndarray]:
    """Read the arrays of an annotation file, and check that they exist and have the same length n.

    Args:
        content: ``imgname`` (n,), ``center`` (n, 2), ``scale`` (n,), and the arrays of poses.
        path: The file, for messages.
        **channels: Minimum number of channels C of each array of poses (n, K, C) with K >= 17: ``S=3``, ``part=2``.

    Returns:
        The arrays by name, each read once.

    Raises:
        ValueError: An array is missing or has another type or shape, or an image lies outside the folder of images.
    """
    names = check_array(content, 'imgname', path, 'U', (None,))
    arrays = {'imgname': names}
    for key, shape in {'center': (2,), 'scale': ()}.items():
        arrays[key] = check_array(content, key, path, 'fiu', (len(names), *shape))
    for key, count in channels.items():
        arrays[key] = poses = check_array(content, key, path, 'fiu', (len(names), None, None))
        if poses.shape[1] < LABELLED or poses.shape[2] < count:
            raise ValueError(f'{path}: {key} has the shape {poses.shape}, expected (n, {LABELLED} keypoints or more, '
                             f'{count} channels or more)')
    for name in names.tolist():
        if name.startswith(('/', '\\')) or '..' in name.replace('\\', '/').split('/'):
            raise ValueError(f'{path}: imgname {name!r}, expected a file inside the folder of images')
    return arrays


def check_array(content: Mapping[str, np.ndarray], key: str, path: str | Path, kinds: str,
                shape: tuple[int | None, ...]) -> np.ndarray:
    """Read and check one array.

    Args:
        content: The file's arrays.
        key: Name of the array.
        path: The file, for messages.
        kinds: Allowed values of numpy's ``dtype.kind``, or ``'U'`` for text.
        shape: Expected shape; None allows any length.

    Raises:
        ValueError: The array is missing, or has another type or shape.
    """
    expected = f'{"text" if kinds == "U" else "numbers"} of shape {str(shape).replace("None", "any")}'
    if key not in content:
        raise ValueError(f'{path}: no array {key!r}, expected {expected}; it has {sorted(content)}')
    try:
        array = content[key]
    except ValueError as error:
        raise ValueError(f'{path}: {key} cannot be read ({error}), expected {expected}') from error
    fits = array.ndim == len(shape) and all(want in (None, size) for want, size in zip(shape, array.shape))
    if array.dtype.kind not in kinds or not fits:
        raise ValueError(f'{path}: {key} is {array.dtype} of shape {array.shape}, expected {expected}')
    return array


def append_thorax(keypoints: np.ndarray) -> np.ndarray:
    """Append the midpoint of the shoulders to Human3.6M's 17 keypoints: (..., 17, C) to (..., 18, C)."""
    thorax = keypoints[..., list(SHOULDERS), :].mean(axis=-2, keepdims=True)
    return np.concatenate([keypoints, thorax], axis=-2)
