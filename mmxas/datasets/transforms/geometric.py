"""Geometric transforms: crop jitter, mirroring, and cropping by one affine map."""
from __future__ import annotations

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmxas.ops.boxes import square_crop_matrix
from mmxas.ops.geometry import apply_affine, rect_3d_width
from mmxas.registry import TRANSFORMS

BORDERS = {'constant': cv2.BORDER_CONSTANT, 'replicate': cv2.BORDER_REPLICATE, 'reflect': cv2.BORDER_REFLECT_101}


@TRANSFORMS.register_module()
class RandomCropJitter(BaseTransform):
    """Shift, scale and turn the crop at random.

    Required keys: ``bbox_center`` (1, 2), ``bbox_scale`` (1, 2) in px, from mmpose's ``GetBBoxCenterScale``. Modified
    keys: both. Added key: ``bbox_rotation`` (1,) in degrees.

    Args:
        shift: Largest shift along x and y, as a fraction of the crop's larger side. Defaults to 0.05.
        scale: Smallest and largest factor of the crop's side. Defaults to (0.85, 1.2).
        rotation: Largest absolute angle in degrees. Defaults to 20.
        rotation_prob: Probability of a rotation. Defaults to 0.6.

    Raises:
        ValueError: ``scale`` is not a range of positive numbers.
    """

    def __init__(self, shift: float = 0.05, scale: tuple[float, float] = (0.85, 1.2), rotation: float = 20.0,
                 rotation_prob: float = 0.6) -> None:
        if not 0 < scale[0] <= scale[1]:
            raise ValueError(f'scale={scale}: 0 < smallest <= largest expected')
        self.shift, self.scale, self.rotation, self.rotation_prob = shift, tuple(scale), rotation, rotation_prob

    def transform(self, results: dict) -> dict:
        """Jitter one crop."""
        side = results['bbox_scale'].max()
        shift = np.random.uniform(-self.shift, self.shift, size=2) * side
        factor = np.exp(np.random.uniform(*np.log(self.scale)))
        turned = np.random.rand() < self.rotation_prob
        angle = np.random.uniform(-self.rotation, self.rotation) if turned else 0.0
        results['bbox_center'] = (results['bbox_center'] + shift).astype(np.float32)
        results['bbox_scale'] = (results['bbox_scale'] * factor).astype(np.float32)
        results['bbox_rotation'] = np.array([angle], dtype=np.float32)
        return results


@TRANSFORMS.register_module()
class RandomMirror(BaseTransform):
    """Mirror the image and its annotations left to right at random.

    Left and right keypoints are exchanged, x in the camera frame is negated and the principal point is mirrored, so
    that the mirrored pose projects into the mirrored image. The extrinsics (``R``, ``t``) cannot be mirrored and are
    dropped.

    Required keys: ``img``; with keypoints also ``flip_indices``. Modified keys where present: ``img``, ``mask``,
    ``bbox``, ``bbox_center``, ``bbox_rotation``, ``keypoints``, ``keypoints_visible``, ``keypoints_cam``, ``camera``.
    Added keys: ``flip``, ``flip_direction``.

    Args:
        prob: Probability of mirroring. Defaults to 0.5.

    Raises:
        ValueError: ``prob`` is not a probability.
    """

    def __init__(self, prob: float = 0.5) -> None:
        if not 0 <= prob <= 1:
            raise ValueError(f'prob={prob}, expected 0 to 1')
        self.prob = prob

    def transform(self, results: dict) -> dict:
        """Mirror one sample, or return it unchanged."""
        flip = bool(np.random.rand() < self.prob)
        results['flip'], results['flip_direction'] = flip, 'horizontal' if flip else None
        if flip:
            width = results['img'].shape[1]
            self._mirror_image(results, width)
            self._mirror_keypoints(results, width)
        return results

    @staticmethod
    def _mirror_image(results: dict, width: int) -> None:
        for key in ('img', 'mask'):
            if results.get(key) is not None:
                results[key] = cv2.flip(results[key], 1)
        if results.get('bbox') is not None:
            bbox = results['bbox']
            results['bbox'] = np.stack([width - bbox[:, 2], bbox[:, 1], width - bbox[:, 0], bbox[:, 3]], axis=1)
        if results.get('bbox_center') is not None:
            results['bbox_center'] = results['bbox_center'] * [-1, 1] + [width, 0]
        if results.get('bbox_rotation') is not None:
            results['bbox_rotation'] = -results['bbox_rotation']

    @staticmethod
    def _mirror_keypoints(results: dict, width: int) -> None:
        if results.get('camera') is not None:
            K = np.array(results['camera']['K'])
            K[0, 2], K[0, 1] = width - 1 - K[0, 2], -K[0, 1]
            results['camera'] = {'K': K}
        for key in ('keypoints', 'keypoints_visible', 'keypoints_cam'):
            if results.get(key) is not None:
                results[key] = results[key][:, list(results['flip_indices'])]
        if results.get('keypoints') is not None:
            results['keypoints'][..., 0] = width - 1 - results['keypoints'][..., 0]
        if results.get('keypoints_cam') is not None:
            results['keypoints_cam'][..., 0] *= -1


@TRANSFORMS.register_module()
class SquareCropAffine(BaseTransform):
    """Cut the square crop out of the image, the mask and the keypoints by one affine map.

    The crop's side is the larger side of the box. The crop's edges coincide with the box's edges
    (:mod:`mmxas.ops.boxes`). Without rotation, mmpose's
    ``p / input_size * input_scale + input_center - input_scale / 2`` maps crop px back to the image; the inverse of
    ``warp_mat`` always does.

    Required keys: ``img``, ``bbox_center`` (1, 2), ``bbox_scale`` (1, 2). Optional keys: ``bbox_rotation`` (1,),
    ``mask``, ``keypoints`` (1, K, 2), ``camera`` and ``root_depth``. Modified keys: ``img``, ``img_shape``,
    ``bbox_scale``, ``mask`` (S, S) float32 in [0, 1]. Added keys: ``input_size`` (w, h), ``input_center``,
    ``input_scale`` (2,), ``warp_mat`` (2, 3) float64 image px to crop px, ``transformed_keypoints`` (1, K, 2) crop px,
    ``rect_3d_width`` (float, the crop's side at the root's depth) if camera and root depth are known.

    Args:
        input_size: (S, S), the crop's size in px.
        border: Padding outside the image: ``'constant'`` (black), ``'replicate'`` or ``'reflect'``. Masks are always
            padded with black. Defaults to ``'constant'``.
        antialias: Shrink by area averaging before the warp if the crop is more than twice as large in the image.
            Defaults to True.

    Raises:
        ValueError: ``input_size`` is not square, or ``border`` is unknown.
    """

    def __init__(self, input_size: tuple[int, int], border: str = 'constant', antialias: bool = True) -> None:
        if len(input_size) != 2 or input_size[0] != input_size[1]:
            raise ValueError(f'input_size={tuple(input_size)}: crops are square, (S, S) expected')
        if border not in BORDERS:
            raise ValueError(f'border={border!r}, expected one of {sorted(BORDERS)}')
        self.size, self.border, self.antialias = int(input_size[0]), border, antialias

    def transform(self, results: dict) -> dict:
        """Cut one crop.

        Raises:
            ValueError: The sample has more than one box.
        """
        if results['bbox_center'].shape != (1, 2):
            raise ValueError(f'expected one box per sample, bbox_center has the shape {results["bbox_center"].shape}')
        centre = np.asarray(results['bbox_center'][0], dtype=np.float64)
        side = float(results['bbox_scale'].max())
        rotation = float(results['bbox_rotation'][0]) if 'bbox_rotation' in results else 0.0
        warp = square_crop_matrix(centre, side, self.size, rotation)
        results['bbox_scale'] = np.full((1, 2), side, dtype=np.float32)
        results['input_size'] = (self.size, self.size)
        results['input_scale'] = np.full(2, side, dtype=np.float32)
        results['input_center'] = (centre - 0.5 + 0.5 * side / self.size).astype(np.float32)
        results['warp_mat'] = warp
        self._warp_pixels(results, warp, side)
        if results.get('keypoints') is not None:
            results['transformed_keypoints'] = apply_affine(results['keypoints'], warp).astype(np.float32)
        if results.get('camera') is not None and results.get('root_depth') is not None:
            focal = (results['camera']['K'][0, 0] + results['camera']['K'][1, 1]) / 2
            results['rect_3d_width'] = float(rect_3d_width(side, results['root_depth'], focal))
        return results

    def _warp_pixels(self, results: dict, warp: np.ndarray, side: float) -> None:
        image, mask = results['img'], results.get('mask')
        factor = int(side // self.size) if self.antialias else 1
        if factor >= 2:
            image, to_image = _shrink(image, factor)
            mask = None if mask is None else _shrink(mask, factor)[0]
            warp = np.concatenate([warp[:, :2] @ to_image[:, :2], warp[:, :2] @ to_image[:, 2:] + warp[:, 2:]], axis=1)
        size = (self.size, self.size)
        results['img'] = cv2.warpAffine(image, warp, size, flags=cv2.INTER_LINEAR, borderMode=BORDERS[self.border])
        results['img_shape'] = size
        if mask is not None:
            results['mask'] = cv2.warpAffine(mask, warp, size, flags=cv2.INTER_LINEAR).astype(np.float32) / 255


def _shrink(image: np.ndarray, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the image shrunk by area averaging, and the affine map (2, 3) from its px to the original px."""
    height, width = image.shape[:2]
    size = max(1, round(width / factor)), max(1, round(height / factor))
    scale = np.array([width / size[0], height / size[1]])
    to_image = np.concatenate([np.diag(scale), (scale / 2 - 0.5)[:, None]], axis=1)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), to_image
