"""Human3.6M in mmpose's layout: an npz file of frames, a pickle of cameras, images, and optional masks."""
from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmxas.io import open_arrays
from mmxas.registry import DATASETS

from .recorded_frames import (
    EveryNth,
    RecordedFrames,
    append_thorax,
    camera_numbers,
    check_arrays,
    intrinsics,
    read_cameras,
)

NAME = re.compile(r'(?P<subject>S\d+)_(?P<action>[A-Za-z]+)[ _]?(?P<take>\d*)\.(?P<camera>\d+)_(?P<frame>\d+)\.\w+$')
_NAMES = json.loads((Path(__file__).parents[1] / 'data' / 'h36m_actions.json').read_text(encoding='utf-8'))
ACTIONS = tuple(_NAMES['actions'])  # actions 2 to 16 of the archive, in order
SPELLINGS = _NAMES['spellings']  # two actions of subject 1 are spelled differently


@DATASETS.register_module()
class H36MPoseDataset(RecordedFrames):
    """Frames of Human3.6M with the paper's 18 keypoints: the file's 17 and the midpoint of the shoulders.

    The npz file holds ``imgname``, ``center`` (px), ``scale`` (200 px), ``part`` (n, 17, 3; image px of the distorted
    image) and ``S`` (n, 17, 4; camera frame, metres); the pickle of cameras ``{(subject, camera): {'f', 'c', …}}``.
    A sample's ``clip`` is its action without the number of the take. The paper trains on S1, S5, S6, S7, S8 and
    evaluates on S9 and S11, with six actions (section 4.1).

    Args:
        ann_file: The npz file, in ``data_root``.
        camera_file: The pickle, in ``data_root``. Defaults to ``'cameras.pkl'``.
        **kwargs: Arguments of :class:`RecordedFrames`; ``box='annotation'`` uses the file's centre and scale.

    Raises:
        FileNotFoundError: The npz file, the pickle or an image is missing.
        KeyError: The pickle lacks a frame's camera.
        ValueError: An array or a camera is malformed, a file name cannot be parsed, no frame is left, or the skeleton
            does not have 18 keypoints.
    """

    def __init__(self, ann_file: str, camera_file: str = 'cameras.pkl', **kwargs: Any) -> None:
        self.camera_file = camera_file
        super().__init__(ann_file=ann_file, **kwargs)

    def records(self) -> Iterator[dict]:
        """List the frames. Poses are read only for labels or for boxes around the root.

        Raises:
            FileNotFoundError: The annotation file does not exist.
        """
        if not Path(self.ann_file).is_file():
            raise FileNotFoundError(f'{self.ann_file}: no such file; expected an npz in the layout of mmpose')
        with open_arrays(self.ann_file) as file:
            content = check_arrays(file, self.ann_file, **self.channels)
        names, centres, scales = content['imgname'], content['center'], content['scale']
        poses = append_thorax(content['S'][..., :3] * 1000.0) if self.use_poses else None
        parts = append_thorax(content['part'][..., :2]) if self.with_labels else None
        if self.use_poses:
            self.check_keypoints(poses.shape[1], self.ann_file)
        cameras = read_cameras(Path(self.data_root or '') / self.camera_file) if self.use_poses else {}
        is_taken = EveryNth(self.sample_interval)
        for i, name in enumerate(names):
            record = self._frame(i, str(name))
            if not self.is_chosen(record) or not is_taken((record['sequence'], record['camera_name'])):
                continue
            record['bbox'] = self.annotation_bbox(centres[i], float(scales[i]))
            if self.use_poses:
                self.add_pose(record, poses[i], self._camera(cameras, record), parts[i] if self.with_labels else None)
            yield record

    def _frame(self, index: int, name: str) -> dict:
        found = NAME.search(name)
        if found is None:
            raise ValueError(f'{self.ann_file}: frame name {name!r}, expected the form '
                             'S1_Directions_1.54138969_000001.jpg')
        action = SPELLINGS.get(found['action'], found['action'])
        sequence = '_'.join(part for part in (found['subject'], action, found['take']) if part)
        return self.frame_record(index, name, found['subject'], action, found['camera'], sequence, int(found['frame']))

    def _camera(self, cameras: dict, record: dict) -> dict:
        key = record['subject'], record['camera_name']
        if key not in cameras:
            raise KeyError(f'{self.camera_file}: no camera {key}, which {record["sample_name"]} was taken by')
        where = f'{self.camera_file}: camera {key}'
        camera = {'K': intrinsics(cameras[key], where)}
        if 'R' in cameras[key]:  # camera to world, and the camera's position in the world in metres
            R = camera_numbers(cameras[key], 'R', (3, 3), where).T
            camera.update(R=R, t=-R @ camera_numbers(cameras[key], 'T', (3,), where) * 1000.0)
        return camera
