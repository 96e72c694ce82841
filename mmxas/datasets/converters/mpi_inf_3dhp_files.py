"""Read the files of MPI-INF-3DHP: cameras, annotations of the training and of the test set, masks.

n: frames; K: 28 keypoints in the training set, 17 in the test set.
"""
from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.io import loadmat

from mmxas import io
from mmxas.io import check_mat

from .frames import UnreadableFileError

TRAIN_KEYPOINTS, TEST_KEYPOINTS = 28, 17
ACTIVITIES = ('Standing', 'Exercise', 'Sitting', 'Crouching', 'OnTheFloor', 'Sports', 'Miscellaneous')
_RED = 2


def read_calibration(path: str | Path) -> dict[int, dict]:
    """Read ``camera.calibration``.

    Args:
        path: The file, with one block per camera: name, sensor, size, animated, intrinsic, extrinsic.

    Returns:
        Maps each camera's number to ``R`` (3, 3), world to camera; ``T`` (3, 1) m; ``f``, ``c`` (2, 1) px; ``w``
        and ``h`` px; ``name``, as in mmpose's ``cameras_train.pkl``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line is missing or has another number of values.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'{path}: no such camera file; it comes with the annotations of its sequence')
    cameras: dict[int, dict] = {}
    number, block = None, {}
    for line in [*Path(path).read_text(encoding='utf-8').splitlines(), 'name']:
        key, *values = line.split() or ['']
        if key != 'name':
            block[key] = values
            continue
        if number is not None:
            cameras[number] = _camera(path, number, block)
        number, block = int(values[0]) if values else None, {}
    if not cameras:
        raise ValueError(f'{path}: no camera in it; expected blocks that begin with "name"')
    return cameras


def _camera(path: str | Path, number: int, block: dict[str, list[str]]) -> dict:
    for key, count in (('size', 2), ('intrinsic', 16), ('extrinsic', 16)):
        if len(block.get(key, ())) != count:
            raise ValueError(f'{path}: camera {number}: {len(block.get(key, ()))} values of {key!r}, expected {count}')
    K, Rt = (np.array(block[key], dtype=np.float64).reshape(4, 4) for key in ('intrinsic', 'extrinsic'))
    width, height = (int(float(value)) for value in block['size'])
    return {'R': Rt[:3, :3], 'T': Rt[:3, 3:] / 1000.0, 'f': K[[0, 1], [0, 1]][:, None], 'c': K[:2, 2][:, None],
            'w': width, 'h': height, 'name': f'train_cam_{number}'}


def read_annotations(path: str | Path) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Read ``annot.mat`` of a training sequence.

    Args:
        path: The file, with the cells ``annot2`` (n, 56) px, ``annot3`` (n, 84) camera mm, and their ``cameras``.

    Returns:
        Maps each camera's number to keypoints (n, 28, 2) in px and (n, 28, 3) in the camera frame, mm.

    Raises:
        FileNotFoundError: There is no such file.
        UnreadableFileError: The file is not a MATLAB file of this form.
        ValueError: Another number of keypoints.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'{path}: no such file of annotations')
    try:
        check_mat(path)
        content = loadmat(str(path))
        pixels, points = (np.ravel(content[key]) for key in ('annot2', 'annot3'))
    except Exception as error:  # a truncated file may raise nearly anything
        raise UnreadableFileError(f'{path}: not an annot.mat of MPI-INF-3DHP '
                                  f'({type(error).__name__}: {error})') from error
    numbers = [int(number) for number in np.ravel(content.get('cameras', range(len(pixels))))]
    cameras = {}
    for number, flat2, flat3 in zip(numbers, pixels, points, strict=True):
        if flat2.shape[-1] != TRAIN_KEYPOINTS * 2 or flat3.shape[-1] != TRAIN_KEYPOINTS * 3:
            raise ValueError(f'{path}: camera {number}: {flat2.shape[-1]} and {flat3.shape[-1]} numbers per frame, '
                             f'expected {TRAIN_KEYPOINTS} keypoints of 2 and of 3')
        cameras[number] = (flat2.reshape(-1, TRAIN_KEYPOINTS, 2).astype(np.float64),
                           flat3.reshape(-1, TRAIN_KEYPOINTS, 3).astype(np.float64))
    return cameras


def read_test_annotations(path: str | Path) -> dict[str, np.ndarray]:
    """Read ``annot_data.mat`` of a test sequence, an HDF5 file.

    Returns:
        ``pixels`` (n, 17, 2) px, ``points`` (n, 17, 3) camera mm, ``valid`` (n,) bool, and ``action`` (n,), the
        name of the activity.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: h5py is not installed.
        UnreadableFileError: The file is not an HDF5 file of this form.
        ValueError: Another number of keypoints.
    """
    try:
        from h5py import File
    except ImportError as error:
        raise ImportError('annot_data.mat of the test set is an HDF5 file, read by h5py, which is not installed: '
                          'pip install h5py') from error
    if not Path(path).is_file():
        raise FileNotFoundError(f'{path}: no such file of annotations')
    try:
        with File(path, 'r') as file:
            pixels, points, valid = (np.asarray(file[key]) for key in ('annot2', 'annot3', 'valid_frame'))
            activity = np.ravel(np.asarray(file['activity_annotation'])).astype(int)
    except (OSError, KeyError) as error:
        raise UnreadableFileError(f'{path}: not an annot_data.mat of MPI-INF-3DHP ({error})') from error
    frames = valid.size
    for values, channels in ((pixels, 2), (points, 3)):
        if values.size != frames * TEST_KEYPOINTS * channels:
            raise ValueError(f'{path}: array of shape {values.shape} for {frames} frames, expected {TEST_KEYPOINTS} '
                             f'keypoints of {channels}')
    names = np.array(ACTIVITIES)[np.clip(activity, 1, len(ACTIVITIES)) - 1]
    return {'pixels': pixels.reshape(frames, TEST_KEYPOINTS, 2).astype(np.float64),
            'points': points.reshape(frames, TEST_KEYPOINTS, 3).astype(np.float64),
            'valid': np.ravel(valid) > 0, 'action': names}


def fit_intrinsics(points: np.ndarray, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the focal lengths (2,) and the principal point (2,) in px that project points to pixels.

    Solves u z = f x + c z per axis by least squares; the test set has no cameras.

    Args:
        points: (..., 3) camera frame.
        pixels: (..., 2) px.
    """
    points, pixels = points.reshape(-1, 3), pixels.reshape(-1, 2)
    solved = [np.linalg.lstsq(points[:, [axis, 2]], pixels[:, axis] * points[:, 2], rcond=None)[0] for axis in (0, 1)]
    focal, centre = np.array(solved).T
    return focal, centre


def foreground(mask: np.ndarray) -> np.ndarray:
    """Return the pixels (h, w) bool at which a frame (h, w, 3) BGR of a mask video is set.

    Red is 0 on the green screen in FGmasks, and on the chair in ChairMasks.
    """
    return io.foreground(mask[..., _RED], 'lossy', peak=255).mask


def num_hidden(no_chair: np.ndarray, pixels: np.ndarray) -> int:
    """Return the number of keypoints (K, 2) px on the chair, where ``no_chair`` (h, w) is False."""
    height, width = no_chair.shape
    columns, rows = np.floor(pixels).astype(int).T
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    return int((~no_chair[rows[inside], columns[inside]]).sum())
