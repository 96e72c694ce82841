"""Base class of the data sets of crops: skeleton, labels and boxes.

A sample enters the pipeline as a dict of ``img`` or ``img_path``, optionally ``mask`` or ``mask_path``, ``bbox`` (1,
4), ``bbox_score`` (1,), ``domain``, ``sample_name``, ``clip``, ``frame``, and, under ``with_labels=True`` only,
``keypoints`` (1, K, 2) image px, ``keypoints_visible`` (1, K), ``keypoints_cam`` (1, K, 3) camera mm, ``camera`` {K (3,
3)} and ``root_depth`` mm.
"""
from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset
from mmpose.datasets.datasets.base import BaseCocoStyleDataset

from mmxas.ops.boxes import root_box
from mmxas.ops.geometry import camera_to_image
from mmxas.structures import Skeleton, load_skeleton

BOXES = ('mask', 'annotation', 'root')
_META_KEYS = ('dataset_name', 'upper_body_ids', 'lower_body_ids', 'flip_pairs', 'dataset_keypoint_weights',
              'flip_indices', 'skeleton_links')


class XASDataset(BaseCocoStyleDataset):
    """Base of the data sets, with one body per sample.

    Args:
        skeleton: Name, file or data of the skeleton. By default taken from ``model.skeleton``
            (:func:`mmxas.datasets.shared_parts.share`).
        with_labels: Whether samples have labels: keypoints, their depths, camera and root depth. If False, samples have
            images, masks and boxes only, and nothing else from a label file. Defaults to False.
        box: Where the box comes from: ``'mask'``, ``'annotation'`` (the data set's own boxes), or ``'root'``, a square
            of ``rect_3d_width`` around the root, which needs the ground-truth root and camera even without
            ``with_labels``. It is stored in samples as ``box_source``. Defaults to ``'mask'``.
        rect_3d_width: Side of the crop in mm for ``box='root'``. Defaults to 2000.
        crop_padding: The padding of the pipeline's ``GetBBoxCenterScale``; the box of ``box='root'`` is smaller by this
            factor, so that the crop is ``rect_3d_width`` wide. Defaults to 1.25.
        domain: ``'target'`` or ``'synthetic'``. Defaults to ``'target'``.
        metainfo: mmpose metainfo instead of the skeleton's. Defaults to None.
        **kwargs: Arguments of mmengine's BaseDataset: ``data_root``, ``data_prefix``, ``pipeline``, ``indices``,
            ``test_mode``, …

    Raises:
        ValueError: There is no skeleton, or ``box`` or ``domain`` is unknown.
    """

    FACTS: tuple[str, ...] = ()  # attributes that identify a part of the data, for result files
    METAINFO: dict = load_skeleton('h36m18').to_metainfo()

    def __init__(self, skeleton: str | dict | Skeleton | None = None, with_labels: bool = False, box: str = 'mask',
                 rect_3d_width: float = 2000.0, crop_padding: float = 1.25, domain: str = 'target',
                 metainfo: dict | None = None, data_prefix: dict | None = None, **kwargs: Any) -> None:
        if box not in BOXES:
            raise ValueError(f'box={box!r}, expected one of {BOXES}')
        if domain not in ('target', 'synthetic'):
            raise ValueError(f"domain={domain!r}, expected 'target' or 'synthetic'")
        self.skeleton = load_skeleton(skeleton)
        self.with_labels, self.domain = with_labels, domain
        self.box, self.rect_3d_width, self.crop_padding = box, rect_3d_width, crop_padding
        super().__init__(metainfo=metainfo or self.skeleton.to_metainfo(), data_prefix=data_prefix or {'img': ''},
                         **kwargs)

    def get_data_info(self, idx: int) -> dict:
        """Return the raw sample ``idx`` with the metainfo for transforms."""
        info = BaseDataset.get_data_info(self, idx)
        info.update({key: self._metainfo[key] for key in _META_KEYS})
        info['domain'] = self.domain
        return info

    def mask_records(self) -> Iterable[dict]:
        """Return the masks that the data set reads, for tools that make them. Nothing needs to be loaded or exist.

        Returns:
            ``img_path``, ``mask_path`` and ``box`` (4,) per sample; x0, y0, x1, y1 in px around the body,
            from the annotations. Empty by default: masks come with the data set, or it has none.
        """
        return ()

    def labels(self, keypoints_cam: np.ndarray, K: np.ndarray, keypoints: np.ndarray | None = None) -> dict:
        """Return the labels of one sample.

        Args:
            keypoints_cam: Keypoints (K, 3) in the camera frame, mm.
            K: Intrinsics (3, 3) of the image, px.
            keypoints: Keypoints (K, 2) in image px. Defaults to the projection of ``keypoints_cam``.
        """
        K = np.asarray(K, dtype=np.float64)
        points = np.asarray(keypoints_cam, dtype=np.float64)
        if keypoints is None:
            keypoints = camera_to_image(points, K)[:, :2]
        return {
            'keypoints': np.asarray(keypoints, dtype=np.float32)[None],
            'keypoints_visible': np.ones((1, len(points)), dtype=np.float32),
            'keypoints_cam': points.astype(np.float32)[None],
            'camera': {'K': K},
            'root_depth': float(points[self.skeleton.root, 2])}

    def root_bbox(self, root_cam: np.ndarray, K: np.ndarray) -> np.ndarray:
        """Return the box (1, 4) of ``box='root'`` from the root (3,) in camera mm and the intrinsics (3, 3)."""
        K = np.asarray(K, dtype=np.float64)
        root = camera_to_image(np.asarray(root_cam, dtype=np.float64)[None], K)[0, :2]
        return root_box(root, root_cam[2], (K[0, 0] + K[1, 1]) / 2, self.rect_3d_width, self.crop_padding)[None]

    def check_keypoints(self, found: int, where: str | Path) -> None:
        """Check that labels match the skeleton.

        Raises:
            ValueError: ``found`` differs from the skeleton's number of keypoints.
        """
        if found != self.skeleton.num_keypoints:
            raise ValueError(f'{where}: {found} keypoints per pose, but the skeleton {self.skeleton.name!r} has '
                             f'{self.skeleton.num_keypoints}; give the data set the skeleton that it was made with')
