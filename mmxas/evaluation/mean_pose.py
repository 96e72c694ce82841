"""The constant mean pose, the baseline in every table."""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from mmxas.io import read_json
from mmxas.io.shipped_files import find_shipped
from mmxas.ops.alignment import root_centred
from mmxas.structures import Skeleton

SHIPPED_DIR = Path(__file__).parents[1] / 'datasets' / 'data'


def mean_pose(keypoints_cam: np.ndarray, root: int = 0) -> np.ndarray:
    """Return the mean of poses.

    Args:
        keypoints_cam: Poses (N, K, 3) in camera mm.
        root: Index of the root. Defaults to 0.

    Returns:
        Mean pose (K, 3), root-centred, axes of the camera frame, mm.
    """
    return root_centred(np.asarray(keypoints_cam, dtype=np.float64), root).mean(axis=0)


def save_mean_pose(path: str | Path, pose: np.ndarray, skeleton: Skeleton, source: str) -> None:
    """Write a mean pose.

    Args:
        path: The json file.
        pose: Pose (K, 3) as returned by :func:`mean_pose`.
        skeleton: Its skeleton.
        source: Description of the data that were averaged.
    """
    content = {
        'skeleton': skeleton.name, 'frame': 'root-centred, axes of the camera frame', 'unit': 'mm', 'source': source,
        'keypoints': {name: [round(float(v), 2) for v in point] for name, point in zip(skeleton.keypoints, pose)}}
    lines = json.dumps(content, indent=2).replace('[\n      ', '[').replace(',\n      ', ', ').replace('\n    ]', ']')
    Path(path).write_text(lines + '\n', encoding='utf-8')


def load_mean_pose(file: str | Path, skeleton: Skeleton) -> np.ndarray:
    """Read a mean pose.

    Args:
        file: Path of the json file, or the name of a shipped one, such as ``'mocap_human_mean_pose'``.
        skeleton: The expected skeleton.

    Returns:
        Pose (K, 3), root-centred, axes of the camera frame, mm.

    Raises:
        FileNotFoundError: There is no such file, and no shipped mean pose of this name.
        ValueError: The file's keypoints differ from the skeleton's.
    """
    shipped = SHIPPED_DIR / f'{file}.json'
    path = shipped if shipped.is_file() else find_shipped(file)
    if not path.is_file():
        raise FileNotFoundError(f'{file}: no such mean pose; mmxas mean-pose makes one')
    keypoints = read_json(path, ['keypoints'])['keypoints']
    if list(keypoints) != list(skeleton.keypoints):
        raise ValueError(f'{path}: a pose of the keypoints {list(keypoints)}, but the skeleton {skeleton.name!r} has '
                         f'{list(skeleton.keypoints)}')
    return np.array(list(keypoints.values()), dtype=np.float64)
