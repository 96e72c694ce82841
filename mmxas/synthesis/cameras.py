"""Cameras of synthetic images, and the square crop that a pair stores.

A camera maps the body's frame (metres, x left, y up, z front, origin at the root) to the camera frame (mm, x right,
y down, z forward).
"""
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from mmxas.io import read_json
from mmxas.io.safe_pickle import load_pickle
from mmxas.ops.geometry import box_side_px, camera_to_image
from mmxas.registry import CAMERAS

Range = Sequence[float]
CropName = Literal['mask', 'root_box']
# Body axes to those of a camera that stands in front of the body.
FACING = np.diag([1.0, -1.0, -1.0])
FRONTAL = (-60.0, 60.0)  # yaw in degrees of a body facing the camera
# Body axes to a world with z up.
UPRIGHT = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])


class CameraSample(NamedTuple):
    """One camera and the body's position in front of it.

    Attributes:
        R: (3, 3) rotation from the body's frame to the camera's.
        t: (3,) position of the root in the camera frame, mm.
        K: (3, 3) intrinsics in px of the whole image.
        yaw: rotation of the body about its vertical axis, radians.
    """

    R: np.ndarray
    t: np.ndarray
    K: np.ndarray
    yaw: float


def rotation(axis: int, angle: float) -> np.ndarray:
    """Return a right-handed rotation (3, 3) about the axis ``axis`` (0 x, 1 y, 2 z) by ``angle`` radians."""
    c, s = np.cos(angle), np.sin(angle)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    out = np.eye(3)
    out[i, i], out[i, j], out[j, i], out[j, j] = c, -s, s, c
    return out


def _check_range(owner: str, name: str, value: Range) -> tuple[float, float]:
    if len(value) != 2 or not value[0] <= value[1]:
        raise ValueError(f'{owner}: {name}={tuple(value)}, expected (low, high) with low <= high')
    return float(value[0]), float(value[1])


@CAMERAS.register_module()
class SampledCamera:
    """A camera around the body; each quantity is uniform in its range.

    Args:
        distance: root depth in mm.
        yaw: rotation of the body about its vertical axis in degrees; 0 faces the camera.
        pitch: downward angle of the camera in degrees; positive means above the body.
        roll: rotation about the optical axis in degrees.
        focal: focal length in px for an image of ``image_size``.
        offset: offset of the root from the optical axis, as x / z and y / z.
        image_size: (w, h) of the whole image in px; its centre is the principal point.
        frontal: share of bodies that face the camera, with a yaw of -60 to 60 degrees, like most people in photos. For
            the others ``yaw`` applies. Defaults to 0.

    Raises:
        ValueError: a range has low > high, ``distance`` or ``focal`` is not positive, or ``frontal`` is outside [0, 1].
    """

    def __init__(self, distance: Range = (3000, 6000), yaw: Range = (-180, 180), pitch: Range = (-10, 25),
                 roll: Range = (-5, 5), focal: Range = (1100, 1200), offset: Range = (-0.2, 0.2),
                 image_size: Sequence[int] = (1000, 1000), frontal: float = 0.0) -> None:
        given = dict(distance=distance, yaw=yaw, pitch=pitch, roll=roll, focal=focal, offset=offset)
        self.ranges = {name: _check_range('SampledCamera', name, value) for name, value in given.items()}
        for name in ('distance', 'focal'):
            if self.ranges[name][0] <= 0:
                raise ValueError(f'SampledCamera: {name}={self.ranges[name]}, expected positive values')
        if not 0 <= frontal <= 1:
            raise ValueError(f'SampledCamera: frontal={frontal}, expected a share in [0, 1]')
        self.image_size, self.frontal = tuple(image_size), frontal

    def sample(self, rng: np.random.Generator) -> CameraSample:
        """Draw one camera."""
        drawn = {name: rng.uniform(*limits) for name, limits in self.ranges.items()}
        yaw, pitch, roll = (np.deg2rad(drawn[name]) for name in ('yaw', 'pitch', 'roll'))
        t = drawn['distance'] * np.array([drawn['offset'], rng.uniform(*self.ranges['offset']), 1.0])
        if self.frontal and rng.random() < self.frontal:
            yaw = np.deg2rad(rng.uniform(*FRONTAL))
        R = rotation(2, roll) @ rotation(0, pitch) @ FACING @ rotation(1, yaw)
        w, h = self.image_size
        K = np.array([[drawn['focal'], 0, (w - 1) / 2], [0, drawn['focal'], (h - 1) / 2], [0, 0, 1]])
        return CameraSample(R, t, K, float(yaw))


def read_camera_file(file: str | Path) -> dict[str, dict[str, np.ndarray]]:
    """Read calibrated cameras.

    Args:
        file: JSON: a list of ``{"name", "K" (3x3, px), "R" (3x3), "t" (3, mm)}`` with x_cam = R x_world + t; or
            ``cameras.pkl`` of mmpose's Human3.6M layout: (subject, camera) to ``R`` (camera to world), ``T``
            (the camera's position, m), ``f`` and ``c`` (px); distortion is ignored.

    Returns:
        ``{name: {K, R, t}}``. For the pickle, names are ``subject.camera``.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file has no cameras or a duplicate name; or K, R or t is missing, has another shape or is not
            finite, a focal length is not positive, or R is not a rotation. The message names the file and the camera.
    """
    path = Path(file)
    if not path.is_file():
        raise FileNotFoundError(f'camera file {str(file)!r} does not exist')
    cameras: dict[str, dict[str, np.ndarray]] = {}
    for name, entry in _camera_entries(path):
        if name in cameras:
            raise ValueError(f'{path.name}: two cameras are named {name!r}; names must be unique')
        where = f'{path.name}: camera {name!r}'
        if not isinstance(entry, Mapping):
            raise ValueError(f'{where}: expected a dictionary of its parameters, found {entry!r}')
        cameras[name] = _from_mmpose(entry, where) if path.suffix == '.pkl' else {
            key: _numbers(entry, key, shape, where) for key, shape in (('K', (3, 3)), ('R', (3, 3)), ('t', (3,)))}
        _check_camera(cameras[name], where)
    if not cameras:
        raise ValueError(f'{path.name}: no cameras')
    return cameras


def _camera_entries(path: Path) -> list[tuple[str, Any]]:
    """Return names and entries of the cameras."""
    if path.suffix == '.pkl':
        return [('.'.join(map(str, key)) if isinstance(key, tuple | str) else str(key), entry)
                for key, entry in load_pickle(path).items()]
    content = read_json(path)
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise ValueError(f'{path.name}: expected a list of cameras, each with K, R and t')
    return [(str(entry.get('name', i)), entry) for i, entry in enumerate(content)]


def _numbers(entry: Mapping[str, Any], key: str, shape: tuple[int, ...], where: str) -> np.ndarray:
    try:
        value = np.asarray(entry.get(key, ()), np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f'{where}: {key} is not an array of numbers') from error
    if len(shape) == 1 and value.shape == (*shape, 1):  # mmpose stores columns
        value = value[:, 0]
    if value.shape != shape:
        raise ValueError(f'{where}: {key} has shape {value.shape}, expected {shape}')
    if not np.isfinite(value).all():
        raise ValueError(f'{where}: {key} is {value.tolist()}, expected finite numbers')
    return value


def _check_camera(camera: Mapping[str, np.ndarray], where: str) -> None:
    focal = camera['K'][0, 0], camera['K'][1, 1]
    if min(focal) <= 0:
        raise ValueError(f'{where}: K has the focal lengths {focal[0]:g} and {focal[1]:g} px, expected more than 0')
    if np.abs(camera['R'] @ camera['R'].T - np.eye(3)).max() > 1e-3:
        raise ValueError(f'{where}: R is {camera["R"].tolist()}, expected a rotation: orthonormal rows')


def _from_mmpose(entry: Mapping[str, Any], where: str) -> dict[str, np.ndarray]:
    to_world, place, f, c = (
        _numbers(entry, key, shape, where) for key, shape in (('R', (3, 3)), ('T', (3,)), ('f', (2,)), ('c', (2,))))
    K = np.array([[f[0], 0, c[0]], [0, f[1], c[1]], [0, 0, 1]])
    return dict(K=K, R=to_world.T, t=-to_world.T @ place * 1000)


@CAMERAS.register_module()
class DatasetCameras:
    """The cameras of a data set, with the body at a random position in the space they observe (paper, C.1).

    Args:
        file: camera file (:func:`read_camera_file`); the world has z up.
        names: patterns of the cameras to use, such as ``'S1.*'``; None for all.
        x: range of the root's position on the ground in mm.
        y: the same, along the other axis.
        height: range of the root's height in mm.
        yaw: range of the body's rotation in degrees.

    Raises:
        ValueError: the file is invalid, no camera matches the names, or a range has low > high.
    """

    def __init__(self, file: str, names: Sequence[str] | None = None, x: Range = (-1000, 1000),
                 y: Range = (-1000, 1000), height: Range = (800, 1000), yaw: Range = (-180, 180)) -> None:
        cameras = read_camera_file(file)
        self.names = [name for name in cameras if names is None or any(fnmatch(name, pattern) for pattern in names)]
        if not self.names:
            raise ValueError(f'{Path(file).name}: no camera fits {names}; it has {sorted(cameras)}')
        self.cameras = [cameras[name] for name in self.names]
        self.data_files = (Path(file),)
        given = dict(x=x, y=y, height=height, yaw=yaw)
        self.ranges = {name: _check_range('DatasetCameras', name, value) for name, value in given.items()}

    def sample(self, rng: np.random.Generator) -> CameraSample:
        """Draw one of the cameras and a position of the body in front of it.

        Raises:
            ValueError: the position lies behind the camera.
        """
        camera = self.cameras[rng.integers(len(self.cameras))]
        x, y, height, yaw = (rng.uniform(*self.ranges[name]) for name in ('x', 'y', 'height', 'yaw'))
        turn = np.deg2rad(yaw)
        t = camera['R'] @ np.array([x, y, height]) + camera['t']
        if t[2] <= 0:
            raise ValueError(f'DatasetCameras: the place ({x:.0f}, {y:.0f}, {height:.0f}) mm lies behind a camera; '
                             'narrow the ranges x and y, or check that the file is in mm')
        return CameraSample(camera['R'] @ UPRIGHT @ rotation(1, turn), t, camera['K'], float(turn))


def crop_window(vertices: np.ndarray, root: np.ndarray, K: np.ndarray, crop: CropName, margin: float,
                rect_3d_width: float) -> tuple[np.ndarray, float]:
    """Return centre and side of a square crop around a body.

    Args:
        vertices: (V, 3) in the camera frame, mm.
        root: (3,) root keypoint in the camera frame, mm.
        K: (3, 3) intrinsics in px.
        crop: ``'mask'``: around the body's box, side = its larger side * margin; ``'root_box'``: around the projected
            root, side = ``rect_3d_width`` at the root's depth (the crop of the paper's evaluation).
        margin: factor for ``'mask'``.
        rect_3d_width: side in mm for ``'root_box'``.

    Returns:
        centre (2,) and side, in px of the whole image.

    Raises:
        ValueError: ``crop`` is unknown.
    """
    if crop == 'mask':
        uv = camera_to_image(vertices, K)[:, :2]
        low, high = uv.min(0), uv.max(0)
        return (low + high) / 2, float((high - low).max() * margin)
    if crop == 'root_box':
        return camera_to_image(root[None], K)[0, :2], float(box_side_px(rect_3d_width, root[2], K[0, 0]))
    raise ValueError(f"crop={crop!r}, expected 'mask' or 'root_box'")


def crop_intrinsics(K: np.ndarray, centre: np.ndarray, side: float, size: int) -> np.ndarray:
    """Return the intrinsics (3, 3) of the crop resampled to ``size`` px; pixel centres are at integers."""
    scale = size / side
    A = np.array([[scale, 0, (size - 1) / 2 - scale * centre[0]],
                  [0, scale, (size - 1) / 2 - scale * centre[1]], [0, 0, 1]])
    return A @ K
