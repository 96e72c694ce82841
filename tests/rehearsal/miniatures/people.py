"""Somebody who moves at random: a random walk of the free body's joints, and how a camera sees it."""
from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch

from mmxas.registry import BODY_MODELS

BLOCK = 4
UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # the body's y up to a world's z up


class Motion(NamedTuple):
    """n frames of a body in a world whose z is up, mm: vertices (n, V, 3) and the 18 keypoints (n, 18, 3)."""

    vertices: np.ndarray
    keypoints: np.ndarray


class Camera(NamedTuple):
    """World to camera ``R`` (3, 3) and ``t`` (3,) mm; ``K`` (3, 3) px; size (w, h) px."""

    R: np.ndarray
    t: np.ndarray
    K: np.ndarray
    size: tuple[int, int]

    def points(self, world: np.ndarray) -> np.ndarray:
        """World (..., 3) to camera mm."""
        return world @ self.R.T + self.t

    def pixels(self, world: np.ndarray) -> np.ndarray:
        """World (..., 3) to px (..., 2) of a lens without distortion."""
        points = self.points(world) @ self.K.T
        return points[..., :2] / points[..., 2:]


def look_at(place: np.ndarray, target: np.ndarray, focal: float, size: tuple[int, int]) -> Camera:
    """A camera at ``place`` (3,) mm that looks at ``target``, upright in a world whose z is up."""
    front = (target - place) / np.linalg.norm(target - place)
    right = np.cross(front, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    R = np.stack([right, np.cross(front, right), front])
    K = np.array([[focal, 0, size[0] / 2 + 3], [0, focal - 1, size[1] / 2 - 2], [0, 0, 1]])
    return Camera(R, -R @ place, K, size)


@cache
def _body():
    return BODY_MODELS.build(dict(type='SMPLBodyModel', model_path='free')).eval()


def random_walk(num: int, seed: int) -> Motion:
    """A motion of ``num`` frames on the floor around the world's origin."""
    rng = np.random.default_rng(seed)
    pose = np.cumsum(rng.normal(0, [0.1, *[0.03] * (num - 1)], (24, 3, num)), axis=-1).transpose(2, 0, 1)
    pose[:, 0] = [0, rng.uniform(-3, 3), 0]
    place = np.cumsum(rng.normal(0, 10.0, (num, 3)), axis=0) + [*rng.uniform(-200, 200, 2), 0]
    with torch.no_grad():
        vertices, _ = _body()(torch.from_numpy(pose).float(), torch.zeros(num, 10))
        keypoints = _body().keypoints(vertices)
    vertices, keypoints = (1000 * points.double().numpy() @ UP.T for points in (vertices, keypoints))
    place[:, 2] = -vertices[..., 2].min(axis=1)
    return Motion(vertices + place[:, None], keypoints + place[:, None])


def draw(pixels: np.ndarray, size: tuple[int, int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The image (h, w, 3) of a body before stripes, and its mask (h, w), from vertices (V, 2) px; in blocks of 4 px."""
    width, height = size[0] // BLOCK, size[1] // BLOCK
    mask = np.zeros((height, width), np.uint8)
    x, y = (pixels / BLOCK).astype(int).T
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    mask[y[inside], x[inside]] = 255
    side = max(3, round(0.02 * (pixels.max(0) - pixels.min(0)).max() / BLOCK))
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    stripes = np.arange(height)[:, None, None] // 2 % 6 * 20 + np.array([40, 60, 80]) + seed % 50
    image = np.broadcast_to(stripes, (height, width, 3)).astype(np.uint8)
    image[mask > 0] = [90 + seed % 100, 120, 190]
    return tuple(cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST) for picture in (image, mask))


def write_video(path: Path, images: list[np.ndarray], codec: str, fps: int = 25) -> Path:
    """A video of images (h, w, 3) uint8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = images[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), fps, (width, height))
    for image in images:
        writer.write(image)
    writer.release()
    return path
