"""Read the frames that mmxas infer writes for a video (``predictions.jsonl``), as arrays and as tables.

Shapes: T frames; N poses, one per frame and identity, in the order of the file; H hypotheses, K keypoints.
"""
from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmxas.io import named_when_broken, require_file

from .keypoint_table import KeypointTable, numbered

PIXELS, CAMERA = ('px', 'px', 'px'), ('mm', 'mm', 'mm')  # axes of the image, or of the camera


@dataclass(frozen=True)
class VideoPoses:
    """All poses of a video.

    Attributes:
        names: (K,) names of the keypoints.
        links: Pairs of linked keypoints.
        size: (w, h) of the frames in px.
        frame_names: (T,) ``clip.mp4:7``, or the image's file name.
        frame_times: (T,) s.
        frames: (N,) int64 frame of each pose.
        identities: (N,) int64.
        boxes: (N, 4) px.
        hypotheses: (N, H, K, 3) float32 in ``units``.
        scores: (N, H, K) float32.
        valid: (N, H, K) bool, whether the keypoint has its own peak in this hypothesis.
        units: ``PIXELS`` (z is also in px, relative to the root, at the scale of x and y) or ``CAMERA``.
        pixels: (N, K, 2) float32, x and y that all hypotheses share, px.
        paths: (N, K) int64, the hypothesis selected over time; 0, the top-1 pose, if the file has none.
    """

    names: tuple[str, ...]
    links: tuple[tuple[int, int], ...]
    size: tuple[int, int]
    frame_names: tuple[str, ...]
    frame_times: np.ndarray
    frames: np.ndarray
    identities: np.ndarray
    boxes: np.ndarray
    hypotheses: np.ndarray
    scores: np.ndarray
    valid: np.ndarray
    units: tuple[str, str, str]
    pixels: np.ndarray
    paths: np.ndarray

    def of(self, identity: int) -> np.ndarray:
        """Return the rows of an identity, in order of time."""
        return np.flatnonzero(self.identities == identity)

    def take(self, values: np.ndarray) -> np.ndarray:
        """Return (N, K, ...) of (N, H, K, ...) along the paths."""
        index = self.paths.reshape(len(self.paths), 1, -1, *[1] * (values.ndim - 3))
        return np.take_along_axis(values, index, axis=1)[:, 0]

    def table(self, keypoints: np.ndarray, scores: np.ndarray | None = None, scorer: str = 'mmxas',
              frame_names: Sequence[str] | None = None) -> KeypointTable:
        """Return poses as a table with a row for each frame; individuals are ``identity0`` and so on.

        Args:
            keypoints: (N, H, K, D), with D = 2 in px or D = 3 in ``units``.
            scores: (N, H, K), or None.
            scorer: As in :func:`~.prediction_records.read_predictions`. Defaults to ``'mmxas'``.
            frame_names: (T,) names of the rows. Defaults to None: ``frame_names``.
        """
        names = frame_names or self.frame_names
        return KeypointTable(
            self.names, tuple(names[frame] for frame in self.frames), keypoints, scores,
            tuple(f'identity{identity}' for identity in self.identities), numbered(scorer, keypoints.shape[1]),
            self.links, PIXELS[:2] if keypoints.shape[-1] == 2 else self.units, self.boxes,
            dict.fromkeys(names, self.size))


def read_lines(path: str | Path) -> Iterator[dict[str, Any]]:
    """Yield the record of each frame.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line is not a record of a frame, or a frame is missing; the message has the line's number.
    """
    with require_file(path).open('rb') as file:
        for number, line in enumerate(file):
            with named_when_broken(f'{path}, line {number + 1}', 'not a frame that mmxas infer wrote'):
                record = json.loads(line)
                if record['frame'] != number:
                    raise ValueError(f'{path}, line {number + 1}: frame {number} expected, found {record["frame"]}')
            yield record


def read_video_poses(path: str | Path) -> VideoPoses:
    """Read all frames of a video.

    Args:
        path: ``predictions.jsonl``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It has no frame or no pose, a line is broken, or the poses differ in skeleton, unit or number of
            hypotheses.
    """
    frames: list[tuple[str, float]] = []
    rows: dict[str, list] = {key: [] for key in
                             ('frames', 'identities', 'boxes', 'hypotheses', 'scores', 'valid', 'pixels', 'paths',
                              'in_mm')}
    first: dict[str, Any] = {}
    with named_when_broken(path, 'no video that mmxas infer wrote', 'run mmxas infer again'):
        for record in read_lines(path):
            first = first or record
            frames.append((record['image'], record['time']))
            for instance in record['instances']:
                _append(rows, record['frame'], instance)
        if not rows['frames']:
            raise ValueError(f'{path}: no pose in its {len(frames)} frames')
        skeleton, size = first['skeleton'], first['image_size']
        names, times = zip(*frames, strict=True)
        return VideoPoses(
            tuple(skeleton['keypoints']), tuple((int(a), int(b)) for a, b in skeleton['links']),
            (size['width'], size['height']), names, np.array(times), units=CAMERA if rows.pop('in_mm')[0] else PIXELS,
            **{key: np.array(values) for key, values in rows.items()})


def _append(rows: dict[str, list], frame: int, instance: dict[str, Any]) -> None:
    """Add one instance to the rows, in compact types."""
    hypotheses, crop = instance['hypotheses'], instance['crop']
    poses = np.array([one['keypoints'] for one in hypotheses])
    in_mm = 'keypoints_camera_mm' in hypotheses[0]
    lifted = [one['keypoints_camera_mm'] for one in hypotheses] if in_mm else poses * [1, 1, crop[2] - crop[0]]
    rows['frames'].append(frame)
    rows['in_mm'].append(in_mm)
    rows['identities'].append(instance['identity'])
    rows['boxes'].append(np.array(instance['bbox'], np.float32))
    rows['hypotheses'].append(np.array(lifted, np.float32))
    rows['scores'].append(np.array([one['keypoint_scores'] for one in hypotheses], np.float32))
    rows['valid'].append(np.array([one['valid'] for one in hypotheses], bool))
    rows['pixels'].append(poses[0, :, :2].astype(np.float32))
    rows['paths'].append(np.array(instance.get('path', [0] * poses.shape[1])))

