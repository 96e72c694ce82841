"""Human3.6M in the layout of the paper's authors: one folder per video, with ``matlab_meta.txt`` and images.

n: frames; K: 17 keypoints of the archive's 32.
"""
from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmxas.ops.geometry import world_to_camera
from mmxas.registry import DATASETS

from .h36m_pose import ACTIONS
from .recorded_frames import RecordedFrames, append_thorax

FOLDER = re.compile(r'(?P<sequence>s_(?P<subject>\d+)_act_(?P<action>\d+)_subact_\d+)_ca_(?P<camera>\d+)$')
CAMERAS = ('54138969', '55011271', '58860488', '60457274')
FIRST_ACTION = 2
HEADER, KEYPOINTS = 9, 32
NUMBERS = {'size': 2, 'rotation': 9, 'place': 3, 'focal length': 2, 'principal point': 2}


@dataclass(frozen=True)
class MatlabMeta:
    """Content of a ``matlab_meta.txt``.

    Attributes:
        num_frames: Number of frames n.
        size: (w, h) of the images in px.
        camera: ``K`` (3, 3) px; ``R`` (3, 3), world to camera; ``t`` (3,) mm.
        keypoints: Indices (17,) into the archive's 32 keypoints.
        lines: The n lines of poses, not parsed.
    """

    num_frames: int
    size: tuple[int, int]
    camera: dict
    keypoints: np.ndarray
    lines: list[str]


def read_matlab_meta(path: str | Path) -> MatlabMeta:
    """Read the file's header.

    The first line is the number of frames. The next lines hold a name and values each: size, rotation (column by
    column), the camera's position (mm), focal length, principal point, two lines of distortion, and the keypoints,
    counted from 1.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line has the wrong number of values, or lines of poses are missing.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'{path}: no such file; each folder of annotations holds one')
    lines = Path(path).read_text(encoding='utf-8').splitlines()
    if len(lines) < HEADER:
        raise ValueError(f'{path}: {len(lines)} lines, expected {HEADER} of the header and one for each frame')
    num_frames, values = int(float(lines[0])), {}
    for line, (name, count) in zip(lines[1:], NUMBERS.items()):
        values[name] = np.array(line.split()[1:], dtype=np.float64)
        if len(values[name]) != count:
            raise ValueError(f'{path}: {len(values[name])} numbers of the {name}, expected {count}')
    poses = [line for line in lines[HEADER:] if line.strip()]
    if len(poses) < num_frames:
        raise ValueError(f'{path}: poses of {len(poses)} frames, the first line says {num_frames}; copy it again')
    K = np.array([[values['focal length'][0], 0, values['principal point'][0]],
                  [0, values['focal length'][1], values['principal point'][1]], [0, 0, 1]])
    R = values['rotation'].reshape(3, 3).T
    width, height = values['size'].astype(int).tolist()
    return MatlabMeta(num_frames, (width, height), {'K': K, 'R': R, 't': -R @ values['place']},
                      np.array(lines[HEADER - 1].split()[1:], dtype=int) - 1, poses)


def read_points(meta: MatlabMeta, path: str | Path, interval: int = 1) -> np.ndarray:
    """Return every ``interval``-th pose (m, 17, 3) in the camera frame, mm.

    Args:
        meta: The file's header.
        path: The file, for messages.
        interval: 1 for all. Defaults to 1.

    Raises:
        ValueError: A line has the wrong number of keypoints.
    """
    rows = [line.split()[1:] for line in meta.lines[:meta.num_frames:interval]]
    wrong = {len(row) for row in rows} - {KEYPOINTS * 3}
    if wrong:
        raise ValueError(f'{path}: {min(wrong)} numbers in the line of a pose, expected {KEYPOINTS} keypoints of 3')
    world = np.array(rows, dtype=np.float64).reshape(-1, KEYPOINTS, 3)[:, meta.keypoints]
    return world_to_camera(world, meta.camera['R'], meta.camera['t'])


@DATASETS.register_module()
class H36MMatlabDataset(RecordedFrames):
    """Frames of Human3.6M with the paper's 18 keypoints, in the layout of the released code.

    ``annot/s_01_act_02_subact_01_ca_01/matlab_meta.txt`` holds the camera and the poses (world, mm) of the images
    ``images/s_01_act_02_subact_01_ca_01/s_01_act_02_subact_01_ca_01_000001.jpg`` and so on. Subjects are called
    ``'S1'``; actions and cameras have the names of mmpose's layout, such as ``'Directions'`` and ``'54138969'``. Image
    keypoints are projected without lens distortion.

    Args:
        annotations: Folder of the annotations in ``data_root``. Defaults to ``'annot'``.
        **kwargs: Arguments of :class:`RecordedFrames`, except ``box='annotation'``. The box of an empty mask is the
            whole image.

    Raises:
        FileNotFoundError: The folder, a matlab_meta.txt or an image is missing.
        ValueError: A file is malformed, no frame is left, or ``box='annotation'``.
    """

    def __init__(self, annotations: str = 'annot', **kwargs: Any) -> None:
        if kwargs.get('box') == 'annotation':
            raise ValueError("box='annotation': this layout has no boxes, choose 'root' or 'mask'")
        self.annotations = annotations
        super().__init__(**kwargs)

    def records(self) -> Iterator[dict]:
        """List the frames. Poses are read only for labels or for boxes around the root.

        Raises:
            FileNotFoundError: The folder of annotations does not exist.
        """
        root = Path(self.data_root or '') / self.annotations
        if not root.is_dir():
            raise FileNotFoundError(f'{root}: no such folder; expected folders like s_01_act_02_subact_01_ca_01 in it')
        for folder in sorted(root.iterdir()):
            found = FOLDER.match(folder.name)
            if found and self.is_chosen(_names(found)):
                yield from self._video(folder, found['sequence'], _names(found))

    def _video(self, folder: Path, sequence: str, names: dict[str, str]) -> Iterator[dict]:
        path = folder / 'matlab_meta.txt'
        meta = read_matlab_meta(path)
        poses = append_thorax(read_points(meta, path, self.sample_interval)) if self.use_poses else None
        if self.use_poses:
            self.check_keypoints(poses.shape[1], path)
        for row, frame in enumerate(range(1, meta.num_frames + 1, self.sample_interval)):
            record = self.frame_record(frame, f'{folder.name}/{folder.name}_{frame:06d}.jpg', names['subject'],
                                       names['action'], names['camera_name'], sequence, frame)
            record['bbox'] = np.array([[0, 0, *meta.size]], dtype=np.float32)
            if self.use_poses:
                self.add_pose(record, poses[row], meta.camera)
            yield record


def _names(found: re.Match) -> dict[str, str]:
    action, camera = int(found['action']) - FIRST_ACTION, int(found['camera']) - 1
    return {'subject': f'S{int(found["subject"])}',
            'action': ACTIONS[action] if 0 <= action < len(ACTIONS) else f'act_{found["action"]}',
            'camera_name': CAMERAS[camera] if 0 <= camera < len(CAMERAS) else f'ca_{found["camera"]}'}
