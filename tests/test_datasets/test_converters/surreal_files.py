"""Writes clips in SURREAL's layout, projected by the formulas of its description and not by the converter's."""
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
from scipy.io import savemat
from scipy.spatial.transform import Rotation

from mmxas.registry import BODY_MODELS

CAMERA = np.array([7.0, -1.0, -2.0])
FREE = dict(type='SMPLBodyModel', model_path='free')


@cache
def body_model(gender: str):
    """The free model, read once."""
    return BODY_MODELS.build(dict(FREE, gender=gender)).eval()


def project(world: np.ndarray) -> np.ndarray:
    """World m to px of the 320 x 240 video, pixel centres at integers: it looks along -x and mirrors."""
    depth = CAMERA[0] - world[..., 0]
    u = 600 * (CAMERA[2] - world[..., 2]) / depth + 159.5
    return np.stack([u, 600 * (world[..., 1] - CAMERA[1]) / depth + 119.5], axis=-1)


def bodies_of(gender: int, num: int, seed: int):
    """Poses, betas, turns, and the bodies in the world: vertices, joints, keypoints (n, ., 3) m."""
    rng = np.random.default_rng(seed)
    model = body_model(('female', 'male')[gender])
    pose, betas = rng.normal(0, 0.15, (num, 24, 3)), np.repeat(rng.normal(0, 0.5, (1, 10)), num, axis=0)
    # upright in the files' z-up frame: the model's y up turned onto z, and a little more
    lifted = Rotation.from_euler('x', 90, degrees=True)
    pose[:, 0] = (Rotation.from_rotvec(pose[:, 0]) * lifted).as_rotvec()
    zrot = rng.uniform(-3, 3, num)
    turned = lifted * Rotation.from_euler('z', zrot[:, None]) * Rotation.from_rotvec(pose[:, 0])
    posed = pose.copy()
    posed[:, 0] = turned.as_rotvec()
    with torch.no_grad():
        vertices, joints = model(torch.from_numpy(posed).float(), torch.from_numpy(betas).float())
        keypoints = model.keypoints(vertices)
    place = np.array([0.0, -1.0, -2.0]) - joints[:, :1].double().numpy()  # the pelvis in front of the camera
    return pose, betas, zrot, *(points.double().numpy() + place for points in (vertices, joints, keypoints))


def write_clip(folder: Path, name: str, num: int = 6, gender: int = 0, seed: int = 0, nobody: tuple = (),
               black: tuple = ()) -> np.ndarray:
    """Write mp4, _info.mat and _segm.mat; frames in ``nobody`` have zeros for joints, those in ``black`` no parts.

    Returns the keypoints (num, 18, 3) in the world, m.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pose, betas, zrot, vertices, joints, keypoints = bodies_of(gender, num, seed)
    joints[list(nobody)] = 0
    flat = np.round(project(joints))
    segments = {}
    writer = cv2.VideoWriter(str(folder / f'{name}.mp4'), cv2.VideoWriter_fourcc(*'mp4v'), 30, (320, 240))
    for t in range(num):
        parts = np.zeros((240, 320), np.uint8)
        if t not in (*nobody, *black):
            u, v = project(vertices[t]).round().astype(int).T
            parts[np.clip(v, 0, 239), np.clip(u, 0, 319)] = 7
            parts = cv2.dilate(parts, np.ones((5, 5)))
        segments[f'segm_{t + 1}'] = parts
        image = np.full((240, 320, 3), 40, np.uint8)
        image[parts > 0] = 200
        writer.write(image)
    writer.release()
    savemat(folder / f'{name}_segm.mat', segments)
    savemat(folder / f'{name}_info.mat', dict(
        pose=pose.reshape(num, 72).T.astype(np.float32), shape=betas.T.astype(np.float32),
        joints2D=flat.transpose(2, 1, 0).astype(np.float32), joints3D=joints.transpose(2, 1, 0).astype(np.float32),
        zrot=zrot[:, None].astype(np.float32), camLoc=CAMERA[:, None].astype(np.float32), camDist=np.float32(7),
        gender=np.full((num, 1), gender, np.uint8), clipNo=1.0, sequence=name, source='cmu',
        stride=np.uint8(50)))
    return keypoints
