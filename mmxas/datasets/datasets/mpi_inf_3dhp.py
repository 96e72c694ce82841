"""MPI-INF-3DHP as written by our converter or mmpose's: an npz file of frames, a pickle of cameras, images, masks.

n: frames; K: keypoints of the file, 28 or 17.
"""
from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmxas.io import open_arrays
from mmxas.registry import DATASETS

from .recorded_frames import (
    EveryNth,
    RecordedFrames,
    append_thorax,
    camera_numbers,
    check_array,
    check_arrays,
    intrinsics,
    read_cameras,
)

NAME = re.compile(r'(?P<subject>T?S\d+)(?:_(?P<take>Seq\d+)_Cam(?P<camera>\d+))?_(?P<frame>\d+)\.\w+$')
# The paper's 18 keypoints among the 28 of the training set.
FROM_28 = (4, 23, 24, 25, 18, 19, 20, 2, 5, 6, 7, 9, 10, 11, 14, 15, 16, 1)
# The first 17 of the 18 among the 17 of the test set and of mmpose's files; the thorax is the mean of the shoulders.
FROM_17 = (14, 8, 9, 10, 11, 12, 13, 15, 1, 16, 0, 5, 6, 7, 2, 3, 4)
OCCLUSION = ('frame', 'view', None)


@DATASETS.register_module()
class MPIINF3DHPDataset(RecordedFrames):
    """Frames of MPI-INF-3DHP with the paper's 18 keypoints.

    The npz file holds ``imgname``, ``center`` (px), ``scale`` (200 px), ``part`` (n, K, 3; image px, and whether it
    lies in the image), ``S`` (n, K, 4; camera frame, metres), and, if the converter wrote them, ``hidden`` (n,), the
    number of keypoints behind the chair, and ``action`` (n,). The paper trains on S1 to S6 and evaluates on S7 and S8
    (section 4.1), with cameras ``'0'``, ``'2'``, ``'4'``, ``'7'``, ``'8'``; the official test set is TS1 to TS6.

    The action is the sequence (``'Seq1'`` or ``'Seq2'``) in the training set, and the activity in the test set. For
    files with 17 keypoints the torso is the lower spine joint, and the thorax the midpoint of the shoulders.

    Args:
        ann_file: The npz file, in ``data_root``.
        camera_file: The pickle, in ``data_root``: ``{'S1_Seq1_Cam0' or 'TS1': {'f', 'c', …}}``. Defaults to
            ``'annotations/cameras_train.pkl'``.
        drop_occluded: ``'view'`` leaves out frames with a keypoint outside the image or more than ``max_hidden`` behind
            the chair; ``'frame'`` leaves them out for all chosen cameras if this is the case for one, as in the
            released code; None keeps all. Defaults to ``'frame'``.
        max_hidden: Largest number of keypoints behind the chair. Defaults to 4, as in the released code.
        **kwargs: Arguments of :class:`RecordedFrames`; ``box='annotation'`` uses the file's centre and scale.

    Raises:
        FileNotFoundError: The npz file, the pickle or an image is missing.
        KeyError: The pickle lacks a frame's camera.
        ValueError: An array or a camera is malformed, a file name cannot be parsed, the number of keypoints is neither
            28 nor 17, ``hidden`` is required but missing, or no frame is left.
    """

    FACTS = (*RecordedFrames.FACTS, 'drop_occluded', 'max_hidden')

    def __init__(self, ann_file: str, camera_file: str = 'annotations/cameras_train.pkl',
                 drop_occluded: str | None = 'frame', max_hidden: int = 4, **kwargs: Any) -> None:
        if drop_occluded not in OCCLUSION:
            raise ValueError(f'drop_occluded={drop_occluded!r}, expected one of {OCCLUSION}')
        self.camera_file, self.drop_occluded, self.max_hidden = camera_file, drop_occluded, max_hidden
        super().__init__(ann_file=ann_file, **kwargs)

    def records(self) -> Iterator[dict]:
        """List the frames. Poses are used only for labels or for boxes around the root.

        Raises:
            FileNotFoundError: The annotation file does not exist.
        """
        if not Path(self.ann_file).is_file():
            raise FileNotFoundError(f'{self.ann_file}: no such file; mmxas convert mpi-inf-3dhp writes '
                                    'it')
        with open_arrays(self.ann_file) as file:
            content = self._checked(file)
        poses = select_keypoints(content['S'][..., :3] * 1000.0, self.ann_file) if self.use_poses else None
        parts = select_keypoints(content['part'][..., :2], self.ann_file) if self.with_labels else None
        if self.use_poses:
            self.check_keypoints(poses.shape[1], self.ann_file)
        cameras = read_cameras(Path(self.data_root or '') / self.camera_file) if self.use_poses else {}
        for i, record in self._visible(content):
            record['bbox'] = self.annotation_bbox(content['center'][i], float(content['scale'][i]))
            if self.use_poses:
                self.add_pose(record, poses[i], self._camera(cameras, record), parts[i] if self.with_labels else None)
            yield record

    def _checked(self, file: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the file's arrays after checking their types and shapes."""
        needed = self.channels if self.drop_occluded is None else {**self.channels, 'part': 3}
        content = check_arrays(file, self.ann_file, **needed)
        for key, kinds in (('hidden', 'biuf'), ('action', 'U')):
            if key in file:
                content[key] = check_array(file, key, self.ann_file, kinds, content['imgname'].shape)
        return content

    def _visible(self, content: dict[str, np.ndarray]) -> Iterator[tuple[int, dict]]:
        """Yield the chosen frames without occlusion, with their row in the file."""
        is_taken, chosen = EveryNth(self.sample_interval), []
        for i, name in enumerate(content['imgname']):
            record = self._frame(i, str(name), content)
            if self.is_chosen(record) and is_taken((record['sequence'], record['camera_name'])):
                chosen.append((i, record))
        if self.drop_occluded is None:
            yield from chosen
            return
        bad = self._occluded(content)
        dropped = {_frame_set(record) for i, record in chosen if bad[i]}
        kept = [(i, record) for i, record in chosen
                if not bad[i] and (self.drop_occluded == 'view' or _frame_set(record) not in dropped)]
        print_log(f'{self.ann_file}: {len(chosen) - len(kept)} of {len(chosen)} frames are left out, occluded',
                  'current', logging.INFO)
        yield from kept

    def _occluded(self, content: dict[str, np.ndarray]) -> np.ndarray:
        if 'hidden' not in content:
            raise ValueError(f'{self.ann_file}: no keypoints hidden by the chair in it; convert it with ChairMasks '
                             '(mmxas convert mpi-inf-3dhp), or keep all frames by drop_occluded=None')
        return (content['part'][..., 2] == 0).any(axis=1) | (content['hidden'] > self.max_hidden)

    def _frame(self, index: int, name: str, content: dict[str, np.ndarray]) -> dict:
        found = NAME.search(name)
        if found is None:
            raise ValueError(f'{self.ann_file}: frame name {name!r}, expected the form S1_Seq1_Cam0_000001.jpg or '
                             'TS1_000001.jpg')
        take = found['take'] or found['subject']
        sequence = f'{found["subject"]}_{take}' if found['take'] else take
        action = str(content['action'][index]) if 'action' in content else take
        return self.frame_record(index, name, found['subject'], action, found['camera'] or take, sequence,
                                 int(found['frame']))

    def _camera(self, cameras: dict, record: dict) -> dict:
        is_test = record['camera_name'] == record['subject']
        key = record['subject'] if is_test else f'{record["sequence"]}_Cam{record["camera_name"]}'
        if key not in cameras:
            raise KeyError(f'{self.camera_file}: no camera {key!r}, which {record["sample_name"]} was taken by')
        where = f'{self.camera_file}: camera {key!r}'
        camera = {'K': intrinsics(cameras[key], where)}
        if 'R' in cameras[key]:  # world to camera, metres
            camera.update(R=camera_numbers(cameras[key], 'R', (3, 3), where),
                          t=camera_numbers(cameras[key], 'T', (3,), where) * 1000.0)
        return camera


def _frame_set(record: dict) -> tuple[str, int]:
    return record['sequence'], record['frame']


def select_keypoints(keypoints: np.ndarray, where: str | Path = '') -> np.ndarray:
    """Return the paper's 18 keypoints (n, 18, C) of the training set's 28 or the test set's 17, (n, K, C).

    Raises:
        ValueError: The number of keypoints is neither 28 nor 17.
    """
    count = keypoints.shape[-2]
    if count == 28:
        return keypoints[..., list(FROM_28), :]
    if count != 17:
        raise ValueError(f'{where}: {count} keypoints per pose, expected the 28 of the training set or the 17 of the '
                         'test set')
    return append_thorax(keypoints[..., list(FROM_17), :])
