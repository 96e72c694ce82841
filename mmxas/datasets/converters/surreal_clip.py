"""Read one clip of SURREAL: annotations, camera, and its frames as synthetic pairs.

T: frames of a clip, J = 24 joints of the body model, K = 18 keypoints, V: vertices.

World frame of the files: metres, y down. The camera is at ``camLoc`` and looks along -x. The matrix that was given to
Blender is a reflection, so the videos show mirrored bodies: the left arm in the video is the body model's right arm.
"""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from scipy.io import loadmat
from scipy.spatial.transform import Rotation

from mmxas.body_models import SMPLBodyModel
from mmxas.io import check_mat, foreground
from mmxas.ops.boxes import mask_box
from mmxas.ops.geometry import camera_to_image
from mmxas.synthesis.cameras import crop_intrinsics, crop_window
from mmxas.synthesis.shards import SyntheticPair

from .frames import UnreadableFileError

LENS_MM, SENSOR_MM = 60.0, 32.0  # of Blender's camera: 600 px at a width of 320 px
TO_CAMERA = np.array([[0.0, 0, -1], [0, 1, 0], [-1, 0, 0]])  # world to camera, as rendered: a reflection
UPRIGHT = Rotation.from_euler('x', 90, degrees=True)  # the files' z up to the world's y down
FIELDS = ('pose', 'shape', 'joints2D', 'joints3D', 'zrot', 'camLoc', 'gender')
GENDERS = ('female', 'male')


@dataclass(frozen=True)
class ClipInfo:
    """Annotations of a clip.

    Attributes:
        pose: (T, J, 3) rad, axis-angle; the first is the pelvis' before ``zrot``.
        betas: (T, 10).
        joints2d: (T, J, 2) px.
        joints3d: (T, J, 3) world, m.
        zrot: (T,) rad, rotation of the body about the vertical.
        camera: (3,) world, m.
        gender: 0 female, 1 male.
    """

    pose: np.ndarray
    betas: np.ndarray
    joints2d: np.ndarray
    joints3d: np.ndarray
    zrot: np.ndarray
    camera: np.ndarray
    gender: int

    def __len__(self) -> int:
        """T."""
        return len(self.pose)


class Body(NamedTuple):
    """Posed bodies in the camera frame, mm: vertices (n, V, 3) and keypoints (n, K, 3)."""

    vertices: np.ndarray
    keypoints: np.ndarray


def read_mat(path: Path, names: list[str] | None = None) -> dict[str, Any]:
    """Read variables of a mat file.

    Raises:
        UnreadableFileError: The file is missing, truncated, or not a mat file.
    """
    if not path.is_file():
        raise UnreadableFileError(f'{path}: no such file')
    try:
        check_mat(path)
        return loadmat(path, variable_names=names)
    except Exception as error:  # a broken mat file may raise nearly anything
        raise UnreadableFileError(f'{path}: cannot be read as a mat file ({type(error).__name__}: {error}); copy or '
                                  'download it again') from error


def read_info(path: Path) -> ClipInfo:
    """Read ``*_info.mat``.

    Raises:
        UnreadableFileError: The file is missing or truncated, lacks a variable, or its variables do not match.
    """
    content = read_mat(path, list(FIELDS))
    missing = [name for name in FIELDS if name not in content]
    if missing:
        raise UnreadableFileError(f'{path}: no {", ".join(missing)} in this file; expected an _info.mat of SURREAL')
    num = content['zrot'].size
    shapes = {'pose': (72, ), 'shape': (10, ), 'joints2D': (2, 24), 'joints3D': (3, 24)}
    for name, shape in shapes.items():
        if content[name].size != num * int(np.prod(shape)) or content[name].shape[:len(shape)] != shape:
            raise UnreadableFileError(f'{path}: {name} of shape {content[name].shape}, expected {(*shape, num)}')
    arrays = {name: content[name].reshape(*shape, num).astype(np.float64) for name, shape in shapes.items()}
    return ClipInfo(
        pose=arrays['pose'].T.reshape(num, 24, 3), betas=arrays['shape'].T,
        joints2d=arrays['joints2D'].transpose(2, 1, 0), joints3d=arrays['joints3D'].transpose(2, 1, 0),
        zrot=content['zrot'].reshape(-1).astype(np.float64), camera=content['camLoc'].reshape(3).astype(np.float64),
        gender=int(content['gender'].flat[0]))


def read_mask(path: Path, frame: int) -> np.ndarray | None:
    """Read the mask (h, w) uint8, 0 or 255, of a frame from ``*_segm.mat``; None if the file has none.

    Raises:
        UnreadableFileError: The file is missing, truncated, or not a mat file.
    """
    name = f'segm_{frame + 1}'
    parts = read_mat(path, [name]).get(name)
    return None if parts is None else foreground(parts).mask.astype(np.uint8) * 255


def intrinsics(width: int, height: int) -> np.ndarray:
    """Return the camera's K (3, 3) in px; pixel p's centre is at coordinate p."""
    focal = LENS_MM / SENSOR_MM * width
    return np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])


def world_to_surreal_camera(points: np.ndarray, camera: np.ndarray, mirror: bool = True) -> np.ndarray:
    """Transform world points in m to camera points in mm.

    Args:
        points: (..., 3) world, m.
        camera: (3,) world, m.
        mirror: Return points for the mirrored image, in which left and right are correct. If False, the points match
            the original image with its mirrored bodies. Defaults to True.
    """
    out = 1000.0 * (np.asarray(points) - camera) @ TO_CAMERA.T
    return out * [-1, 1, 1] if mirror else out


def root_rotations(info: ClipInfo, frames: np.ndarray) -> np.ndarray:
    """Return the bodies' orientations in the world, axis-angle (n, 3): upright · zrot · pelvis."""
    turned = Rotation.from_euler('z', info.zrot[frames, None]) * Rotation.from_rotvec(info.pose[frames, 0])
    return (UPRIGHT * turned).as_rotvec()


def pose_bodies(model: SMPLBodyModel, info: ClipInfo, frames: np.ndarray, mirror: bool = True) -> Body:
    """Return the body model posed and placed as in the file, in the camera frame.

    Args:
        model: The body model.
        info: The clip.
        frames: (n,) indices of frames.
        mirror: See :func:`world_to_surreal_camera`. Defaults to True.
    """
    pose = info.pose[frames].copy()
    pose[:, 0] = root_rotations(info, frames)
    with torch.no_grad():
        vertices, joints = model(torch.from_numpy(pose).float(), torch.from_numpy(info.betas[frames]).float())
        keypoints = model.keypoints(vertices)
    shift = info.joints3d[frames, :1] - joints[:, :1].double().numpy()
    return Body(*(world_to_surreal_camera(points.double().numpy() + shift, info.camera, mirror)
                  for points in (vertices, keypoints)))


def keypoints_off_mask(keypoints: np.ndarray, K: np.ndarray, mask: np.ndarray) -> int:
    """Return the number of keypoints off the mask, after moving keypoints outside the image to its edge.

    Args:
        keypoints: (K, 3) camera frame, mm.
        K: (3, 3) px.
        mask: (h, w).
    """
    height, width = mask.shape
    x, y = camera_to_image(keypoints, K)[:, :2].T
    inside = (np.clip(y, 0, height - 1).astype(int), np.clip(x, 0, width - 1).astype(int))
    return int((mask[inside] == 0).sum())


def cut_pair(image: np.ndarray, mask: np.ndarray, vertices: np.ndarray, keypoints: np.ndarray, size: int,
             rect_3d_width: float = 2000.0) -> SyntheticPair | None:
    """Cut a square with side ``rect_3d_width`` around the root out of a frame.

    Args:
        image: (h, w, 3) uint8 BGR, mirrored if the keypoints are.
        mask: (h, w) uint8, 0 or 255, likewise.
        vertices: (V, 3) camera frame, mm.
        keypoints: (K, 3) camera frame, mm.
        size: Side of the pair's image in px.
        rect_3d_width: Side of the square at the root's depth, in mm. Defaults to 2000, the paper's.

    Returns:
        The pair without names, pose and betas; None if its mask is black.
    """
    K = intrinsics(image.shape[1], image.shape[0])
    centre, side = crop_window(vertices, keypoints[0], K, 'root_box', 1.0, rect_3d_width)
    crop = crop_intrinsics(K, centre, side, size)
    affine = (crop @ np.linalg.inv(K))[:2]
    image = cv2.warpAffine(image, affine, (size, size), flags=cv2.INTER_LINEAR)
    mask = np.where(cv2.warpAffine(mask, affine, (size, size), flags=cv2.INTER_LINEAR) > 127, 255, 0).astype(np.uint8)
    bbox = mask_box(mask)
    return None if bbox is None else SyntheticPair(
        image=image, mask=mask, keypoints_cam=keypoints.astype(np.float32), K=crop.astype(np.float32), bbox=bbox,
        clip='', frame=-1, yaw=0.0, body=0, pose=np.zeros((24, 3), np.float32), betas=np.zeros(10, np.float32))
